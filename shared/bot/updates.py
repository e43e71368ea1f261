"""The kind of an update. https://core.telegram.org/bots/api#update"""

from typing import Any

# Fields that make a message an event.
ABOUT = ("successful_payment", "refunded_payment", "write_access_allowed")
# The command that works in the operators' group as well.
OF_OPERATORS = "/threads"


def kind_of(update: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the kind of the update and the content for its handler; an empty kind without any content.

    The kind is the name of the update's field, as in `callback_query`, with three exceptions. For a message about an
    event it is the event, as in `successful_payment`; for one that begins with a command it is the command, as in
    `/start`; for one that replies to a bot it is `reply`. Messages in a group are `group message`, but for events and
    the command that operators use there.
    """
    for kind, content in update.items():
        if isinstance(content, dict):
            if kind == "edited_message" and not _is_private(content):
                return "group message", content
            return (_kind_of_message(content), content) if kind == "message" else (kind, content)
    return "", {}


def _kind_of_message(message: dict[str, Any]) -> str:
    for kind in ABOUT:
        if kind in message:
            return kind
    words = str(message.get("text", "")).split(maxsplit=1)
    command = words[0].partition("@")[0].lower() if words and words[0].startswith("/") else ""
    if not _is_private(message) and command != OF_OPERATORS:
        return "group message"
    if command:
        return command
    replied_to = message.get("reply_to_message")
    is_to_a_bot = isinstance(replied_to, dict) and replied_to.get("from", {}).get("is_bot") is True
    return "reply" if is_to_a_bot else "message"


def _is_private(message: dict[str, Any]) -> bool:
    chat = message.get("chat")
    return not isinstance(chat, dict) or chat.get("type") == "private"
