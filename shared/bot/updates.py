"""What kind of update it is. https://core.telegram.org/bots/api#update"""

from typing import Any

# What a message can be about besides its text.
ABOUT = ("successful_payment", "refunded_payment", "write_access_allowed")


def kind_of(update: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of the update and what a handler of that kind gets.

    A kind is the update's own field, as in `callback_query`, with two exceptions: a message about an event is of
    that kind, as in `successful_payment`, and one that begins with a command is of the command's, as in `/start`.
    """
    for kind, content in update.items():
        if isinstance(content, dict):
            return (_kind_of_message(content), content) if kind == "message" else (kind, content)
    return "", {}


def _kind_of_message(message: dict[str, Any]) -> str:
    for kind in ABOUT:
        if kind in message:
            return kind
    words = str(message.get("text", "")).split(maxsplit=1)
    if words and words[0].startswith("/"):
        return words[0].partition("@")[0].lower()
    return "message"
