"""The chat of a user and the bot: start, help, block. In a group the bot is silent."""

from typing import Any

from shared import ids
from shared.bot import texts
from shared.bot.sending import LONGEST_REPLY_SECONDS, BotMessage, app_button, dropped, send
from shared.commands import users
from shared.domain.delivery import Outcome
from shared.service_errors import Unavailable


def start(message: dict[str, Any], update_id: int) -> None:
    """Greet the user, and note that the bot may write to them. `/start order_<id>` adds a button to that order.

    Raises updates.AlreadyHandled.
    """
    has_turn = False
    if message["chat"].get("type") == "private":
        has_turn = users.open_chat(message["chat"]["id"], update_id=update_id)
    payload = message["text"].partition(" ")[2].strip()
    order_id = payload.removeprefix("order_")
    if payload.startswith("order_") and ids.ID.fullmatch(order_id):
        greeting = BotMessage(texts.START_ORDER, [[app_button(texts.OPEN_ORDER, order_id)]])
    else:
        greeting = BotMessage(texts.START, [[app_button(texts.OPEN_APP)]])
    reply(message, greeting, has_turn=has_turn)


def explain(message: dict[str, Any]) -> None:
    """Reply with what the bot does."""
    reply(message, BotMessage(texts.HELP, [[app_button(texts.OPEN_APP)]]))


def write_access(message: dict[str, Any], update_id: int) -> None:
    """Note that the user allowed the bot to write to them, in the Mini App. Raises updates.AlreadyHandled."""
    users.save_chat(message["chat"]["id"], is_open=True, update_id=update_id)


def membership(change: dict[str, Any], update_id: int) -> None:
    """Note that the user blocked or unblocked the bot. Raises updates.AlreadyHandled."""
    if change["chat"]["type"] == "private":
        is_open = change["new_chat_member"]["status"] == "member"
        users.save_chat(change["chat"]["id"], is_open=is_open, update_id=update_id)


def reply(message: dict[str, Any], answer: BotMessage, *, has_turn: bool = False) -> None:
    """Reply in a private chat; do nothing in a group, or if the chat must wait for more than a minute.

    Raises Unavailable: Telegram then delivers the update again.
    """
    # In a group, any member could use up the bot's rate limit at Telegram, and the bot would be silent for all.
    if message["chat"].get("type") != "private":
        return
    outcome, seconds = send(message["chat"]["id"], lambda now: answer, has_turn=has_turn)
    if outcome is Outcome.MISSED and seconds > LONGEST_REPLY_SECONDS:
        dropped(Outcome.LATE, message["chat"]["id"], [])
    elif outcome in (Outcome.MISSED, Outcome.IN_DOUBT):
        raise Unavailable  # Telegram delivers the update again
