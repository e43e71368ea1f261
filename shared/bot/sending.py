"""Send one message to one chat within the rate limits, and return the outcome."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from shared import clock
from shared.commands import users
from shared.domain.delivery import Outcome
from shared.domain.init_data import start_param_of
from shared.domain.order import Order
from shared.domain.reachability import is_unreachable
from shared.observability import failed, logger, metrics
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.service_errors import Unavailable
from shared.settings import settings
from shared.store import send_rate

Button = dict[str, object]

# The message certainly was not sent, because Telegram or the token is missing: the delay before the next try.
_TROUBLE_SECONDS = 10
# A reply to an update is of use for so long. Telegram would deliver the update again and again until it is sent.
LONGEST_REPLY_SECONDS = 60
# People write much of what the bot sends. A preview would show a page that they link to, in the bot's name.
NO_PREVIEW = {"is_disabled": True}


class BotMessage(NamedTuple):
    """A message of the bot: its text, the rows of its buttons, whether the chat opens a reply to it (ForceReply)."""

    text: str
    buttons: Sequence[Sequence[Button]] = ()
    is_question: bool = False


def app_button(label: str, order: Order | str | None = None) -> Button:
    """Return a button that opens the Mini App, at the order if one is given. It works in any chat."""
    order_id = order.id if isinstance(order, Order) else order
    start = f"?startapp={start_param_of(order_id)}" if order_id else "?startapp"
    return {"text": label, "url": f"{settings().webapp_link}{start}"}


def markup(buttons: Sequence[Sequence[Button]]) -> dict[str, object] | None:
    """Return the buttons as the Bot API takes them; None without buttons."""
    return {"inline_keyboard": [list(row) for row in buttons]} if buttons else None


def send(chat_id: int, compose: Callable[[int], BotMessage | None], *, has_turn: bool = False) -> tuple[Outcome, float]:
    """Wait for the rate limits, then send the message that `compose` returns; None sends nothing.

    `compose` gets the time after the wait, in epoch ms. Returns the outcome, and the seconds before another try of a
    message that was missed. `has_turn`: the turn of the chat was taken before, and only the bot's is waited for. An
    unreachable user is noted as such and leaves the audience of orders. Calls
    `send_rate.acquire` and one sendMessage; for an unreachable user, also `users.save_chat`; after a 429, also
    `send_rate.refused`. Raises Busy, Unavailable, both after Telegram responded.
    """
    try:
        send_rate.acquire(None if has_turn else chat_id)
        message = compose(clock.now_ms())
        if message is None:
            return Outcome.ENDED, 0
        reply_markup = {"force_reply": True} if message.is_question else markup(message.buttons)
        bot_api.call(
            "sendMessage",
            chat_id=chat_id,
            text=message.text,
            link_preview_options=NO_PREVIEW,
            reply_markup=reply_markup,
        )
    except send_rate.NotYet as not_yet:
        return Outcome.MISSED, not_yet.seconds
    except Unavailable as error:
        return _not_sent(error)
    except BotApiUnreachable as error:
        return (Outcome.IN_DOUBT, 0) if error.maybe_done else (Outcome.MISSED, _TROUBLE_SECONDS)
    except BotApiError as error:
        return _refused(chat_id, error)
    metrics.add_metric(Outcome.ARRIVED, "Count", 1)
    return Outcome.ARRIVED, 0


def _not_sent(error: Exception) -> tuple[Outcome, float]:
    # Surely not sent: the message is retried until it is of no use, and an alarm is raised meanwhile.
    failed(error)
    return Outcome.MISSED, _TROUBLE_SECONDS


def _refused(chat_id: int, error: BotApiError) -> tuple[Outcome, float]:
    if error.error_code == 429:
        seconds = error.retry_after or 1
        send_rate.refused(chat_id, seconds)
        metrics.add_metric("TelegramSaidTooMany", "Count", 1)
        return Outcome.MISSED, seconds
    if error.error_code >= 500:
        return Outcome.IN_DOUBT, 0
    if is_unreachable(error.error_code, error.description):
        if chat_id > 0:  # a group has no user
            users.save_chat(chat_id, is_open=False)
        return Outcome.UNREACHABLE, 0
    if error.error_code == 400:
        logger.error("telegram refused a message", extra={"chat_id": chat_id})
        return Outcome.REFUSED, 0
    # Telegram does not know the bot, because its token was replaced. Or something before Telegram refused the call.
    return _not_sent(error)


def dropped(reason: Outcome, user_id: int, order_ids: Sequence[str]) -> None:
    """Count and log the orders that a user was not told of."""
    metrics.add_metric(reason, "Count", max(len(order_ids), 1))
    logger.info("not sent", extra={"reason": reason.name.lower(), "user_id": user_id, "order_ids": order_ids})
