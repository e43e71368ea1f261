"""The kind of an update. https://core.telegram.org/bots/api#update"""

from typing import Any

# Fields that make a message an event.
ABOUT = ("successful_payment", "refunded_payment", "write_access_allowed")


def kind_of(update: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the kind of the update and the content for its handler; an empty kind without any content.

    The kind is the name of the update's field, as in `callback_query`, with three exceptions. For a message about an
    event it is the event, as in `successful_payment`; for one that begins with a command it is the command, as in
    `/start`; for one that replies to a bot it is `reply`. Messages in a group that are no events are `group message`.
    """
    for kind, content in update.items():
        if isinstance(content, dict):
            return (_kind_of_message(content), content) if kind == "message" else (kind, content)
    return "", {}


def _kind_of_message(message: dict[str, Any]) -> str:
    for kind in ABOUT:
        if kind in message:
            return kind
    chat = message.get("chat")
    if isinstance(chat, dict) and chat.get("type") != "private":
        return "group message"
    words = str(message.get("text", "")).split(maxsplit=1)
    if words and words[0].startswith("/"):
        return words[0].partition("@")[0].lower()
    replied_to = message.get("reply_to_message")
    is_to_a_bot = isinstance(replied_to, dict) and replied_to.get("from", {}).get("is_bot") is True
    return "reply" if is_to_a_bot else "message"
