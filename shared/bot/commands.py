"""Commands that a person types."""

from typing import Any

from shared import telegram
from shared.bot import texts


def paysupport(message: dict[str, Any]) -> None:
    """Say what to do about a payment; who sells for Stars has to answer this. One sendMessage."""
    telegram.call("sendMessage", chat_id=message["chat"]["id"], text=texts.PAYSUPPORT)
