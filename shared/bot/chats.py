"""A person and the bot's chat: he opens it, asks for help, blocks it. In a group the bot says nothing."""

from typing import Any

from shared import ids
from shared.bot import texts
from shared.bot.sending import Said, app_button, send
from shared.commands import users
from shared.domain.delivery import Outcome
from shared.service_errors import Unavailable


def start(message: dict[str, Any]) -> None:
    """Greet; from now on the bot may write to him. `/start order_<id>` gives him the order that he came for."""
    if message["chat"].get("type") == "private":
        users.save_chat(message["chat"]["id"], is_open=True)
    payload = message["text"].partition(" ")[2].strip()
    order_id = payload.removeprefix("order_")
    if payload.startswith("order_") and ids.ID.fullmatch(order_id):
        _reply(message, Said(texts.START_ORDER, [[app_button(texts.OPEN_ORDER, order_id)]]))
    else:
        _reply(message, Said(texts.START, [[app_button(texts.OPEN_APP)]]))


def explain(message: dict[str, Any]) -> None:
    """Say what the bot does."""
    _reply(message, Said(texts.HELP, [[app_button(texts.OPEN_APP)]]))


def pay_support(message: dict[str, Any]) -> None:
    """Say what to do about a payment; who sells for Stars has to answer this."""
    _reply(message, Said(texts.PAYSUPPORT))


def write_access(message: dict[str, Any]) -> None:
    """He let the bot write to him, in the Mini App."""
    users.save_chat(message["chat"]["id"], is_open=True)


def membership(change: dict[str, Any]) -> None:
    """He blocked the bot, or let it in again."""
    if change["chat"]["type"] == "private":
        users.save_chat(change["chat"]["id"], is_open=change["new_chat_member"]["status"] == "member")


def _reply(message: dict[str, Any], said: Said) -> None:
    # In a group anybody could make the bot say more than Telegram lets it, and it would be silent for all.
    if message["chat"].get("type") != "private":
        return
    outcome, _ = send(message["chat"]["id"], lambda now: said)
    if outcome in (Outcome.MISSED, Outcome.IN_DOUBT):
        raise Unavailable  # the update comes again
