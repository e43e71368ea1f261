"""The buttons under a message about an order; each does the same as the endpoint of its name."""

from typing import Any

from shared import clock, ids
from shared.bot import texts
from shared.bot.sending import LONGEST_REPLY_SECONDS, NO_PREVIEW, Button, app_button, markup
from shared.commands import orders as commands
from shared.domain.errors import AlreadyAnswered, DomainError, OrderNotActive
from shared.domain.notice import can_be_answered
from shared.domain.order import Order, Status, answered, closed, status_at
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError
from shared.service_errors import Unavailable
from shared.store import orders, send_rate, updates

_RULES = {"respond": answered, "close": closed}


def of(order: Order, now: int) -> list[list[Button]]:
    """Return the buttons at `now` (epoch ms) for a client who has not responded. An expired order cannot be closed."""
    row: list[Button] = [{"text": texts.I_ANSWERED, "callback_data": f"respond:{order.id}"}]
    if status_at(order, now) is Status.ACTIVE:
        row.append({"text": texts.CLOSE, "callback_data": f"close:{order.id}"})
    return [row, [app_button(texts.OPEN_ORDER, order)]]


def press(query: dict[str, Any], update_id: int) -> None:
    """Run the command of the pressed button, report the result, and replace the message with it.

    The calls of the endpoint, one GetItem when the order had ended or was responded to before, answerCallbackQuery and
    editMessageText. Idempotent: a second press changes nothing and says so. Raises updates.AlreadyHandled, Busy,
    Unavailable, BotApiError, BotApiUnreachable.
    """
    action, _, order_id = str(query.get("data", "")).partition(":")
    if action not in _RULES or not ids.ID.fullmatch(order_id):
        if not updates.is_handled(update_id):
            _notify(query, texts.DONE)
        return
    user_id = query["from"]["id"]
    try:
        order = commands.change(
            order_id,
            lambda order, now: _RULES[action](order, user_id, now),
            commands.move,
            caller_id=user_id,
            update_id=update_id,
        )
    except DomainError as refusal:
        if type(refusal) not in texts.REFUSED:
            raise
        reason = texts.REFUSED[type(refusal)]
        _notify(query, reason)
        order_now = orders.get(order_id) if isinstance(refusal, (AlreadyAnswered, OrderNotActive)) else None
        if order_now is not None and can_be_answered(order_now, clock.now_ms()):
            return  # it only expired: the client can still respond with this message
        # The buttons are of no more use after another press or the end of the order. A user can cause any number of
        # these edits, so they also count against the rate limit of the chat.
        done = texts.pressed(order_now) if order_now and isinstance(refusal, AlreadyAnswered) else reason
        _replace(query, done, paced_chat_id=user_id)
    else:
        _notify(query, texts.DONE)
        _replace(query, texts.pressed(order), paced_chat_id=None)


def _notify(query: dict[str, Any], text: str) -> None:
    _call(query, "answerCallbackQuery", callback_query_id=query["id"], text=text)


def _replace(query: dict[str, Any], text: str, *, paced_chat_id: int | None) -> None:
    message = query.get("message")
    if message is None:  # it is too old, and Telegram leaves it out
        return
    try:
        send_rate.acquire(paced_chat_id)
    except send_rate.NotYet as not_yet:
        if not_yet.seconds > LONGEST_REPLY_SECONDS:
            return
        raise Unavailable from None  # Telegram delivers the update again
    _, _, order_id = query["data"].partition(":")
    _call(
        query,
        "editMessageText",
        chat_id=message["chat"]["id"],
        message_id=message["message_id"],
        text=text,
        link_preview_options=NO_PREVIEW,
        reply_markup=markup([[app_button(texts.OPEN_ORDER, order_id)]]),
    )


def _call(query: dict[str, Any], method: str, **parameters: Any) -> None:
    try:
        bot_api.call(method, **parameters)
    except BotApiError as error:
        if error.error_code == 429:
            # Of this chat only: a user who presses again and again must not pause the bot.
            seconds = error.retry_after or 1
            send_rate.pause(query["from"]["id"], seconds)
            if seconds > LONGEST_REPLY_SECONDS:
                return
        # The query is too old, or the message is gone or has this text already: nothing is left to do.
        if error.error_code not in (400, 403):
            raise
