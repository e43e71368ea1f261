"""A button under a message about an order: it does what the endpoint of that name does."""

from typing import Any

from shared import clock, ids
from shared.bot import texts
from shared.bot.sending import Button, app_button, markup
from shared.commands import orders as commands
from shared.domain.errors import AlreadyAnswered, DomainError, OrderNotActive
from shared.domain.notice import can_be_answered
from shared.domain.order import Order, Status, answered, closed, status_at
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError
from shared.service_errors import Unavailable
from shared.store import orders, send_rate

_RULES = {"respond": answered, "close": closed}


def of(order: Order, now: int) -> list[list[Button]]:
    """The buttons at `now` for a client who has not answered yet; whose hour is over cannot be closed any more."""
    row: list[Button] = [{"text": texts.I_ANSWERED, "callback_data": f"respond:{order.id}"}]
    if status_at(order, now) is Status.ACTIVE:
        row.append({"text": texts.CLOSE, "callback_data": f"close:{order.id}"})
    return [row, [app_button(texts.OPEN_ORDER, order)]]


def press(query: dict[str, Any]) -> None:
    """Do what the button says, by the rules of its endpoint; tell how it went and put that in the message's place.

    As many calls as the endpoint makes, a GetItem where it was too late; answerCallbackQuery and editMessageText. A
    second press, or the same update again, changes nothing and says so.
    """
    action, _, order_id = str(query.get("data", "")).partition(":")
    if action not in _RULES or not ids.ID.fullmatch(order_id):
        _tell(query, texts.DONE)
        return
    user_id = query["from"]["id"]
    try:
        order = commands.change(
            order_id, lambda order, now: _RULES[action](order, user_id, now), commands.move, caller_id=user_id
        )
    except DomainError as refusal:
        if type(refusal) not in texts.REFUSED:
            raise
        reason = texts.REFUSED[type(refusal)]
        _tell(query, reason)
        seen = orders.get(order_id) if isinstance(refusal, (AlreadyAnswered, OrderNotActive)) else None
        if seen is not None and can_be_answered(seen, clock.now_ms()):
            return  # only its hour is over: he can still say that he answered, by this message
        # What another press or the clock brought about is the end of these buttons as well. Of these there may be as
        # many as somebody likes: they come at the pace of his chat.
        done = texts.pressed(seen) if seen and isinstance(refusal, AlreadyAnswered) else reason
        _replace(query, done, turn_of=user_id)
    else:
        _tell(query, texts.DONE)
        _replace(query, texts.pressed(order), turn_of=None)


def _tell(query: dict[str, Any], text: str) -> None:
    _call("answerCallbackQuery", callback_query_id=query["id"], text=text)


def _replace(query: dict[str, Any], text: str, *, turn_of: int | None) -> None:
    message = query.get("message")
    if message is None:  # too old for Telegram to know it
        return
    try:
        send_rate.acquire(turn_of)
    except send_rate.NotYet:
        raise Unavailable from None  # the update comes again
    _, _, order_id = query["data"].partition(":")
    _call(
        "editMessageText",
        chat_id=message["chat"]["id"],
        message_id=message["message_id"],
        text=text,
        reply_markup=markup([[app_button(texts.OPEN_ORDER, order_id)]]),
    )


def _call(method: str, **parameters: Any) -> None:
    try:
        bot_api.call(method, **parameters)
    except BotApiError as error:
        if error.error_code == 429:
            send_rate.pause(error.retry_after or 1)
        # The query is too old, or the message is gone or says so already: nothing is left to do.
        if error.error_code not in (400, 403):
            raise
