"""What people write to the bot: their thread keeps text and photos for the operators, and they are told that it does.

Telegram tells a bot of no deletion in a private chat: a message that its author deleted there stays in the thread
until its retention or the erasure of the person.
"""

import re
from contextlib import suppress
from typing import Any

from shared import clock
from shared.bot import texts
from shared.bot.chats import explain, reply
from shared.bot.sending import BotMessage, send
from shared.commands import threads as commands
from shared.commands import users
from shared.domain.delivery import Outcome
from shared.domain.errors import TooOften
from shared.domain.init_data import telegram_user
from shared.domain.support import GROUP_WATCH_MINUTES, MAX_TEXT, MAX_WATCH_MINUTES, Content, Watch, photo_of
from shared.domain.text import clean
from shared.service_errors import ServiceError
from shared.settings import operators, operators_chat_id, support_answer_hours
from shared.store import threads

# The contents of messages that people write. Any other message is about the chat, such as that one was pinned.
_WRITTEN = frozenset(
    {"text", "photo", "video", "animation", "audio", "voice", "video_note", "document", "sticker", "story"}
    | {"paid_media", "contact", "location", "venue", "poll", "dice", "game", "checklist"}
)
# The words after these commands are for the operators, without the command.
_COMMAND = re.compile(r"/(pay)?support(@\w+)?(?=\s|$)", re.IGNORECASE | re.ASCII)
# The longest number is that of MAX_WATCH_MINUTES.
_MINUTES = re.compile("[0-9]{1,4}", re.ASCII)
# How long a turn of the chat is waited for, to tell a person what became of a message. The function has 29 s.
_TELL_MS = 14_000


def write(message: dict[str, Any]) -> None:
    """Keep the message for the operators and tell its sender. The calls of `keep` and of `tell`.

    Messages in a group, in the operators' chat, and about a chat are ignored. Raises Busy, Unavailable.
    """
    if not is_for_operators(message):
        return
    if not operators():
        reply(message, BotMessage(texts.NOBODY_READS))
    elif said := keep(message):
        tell(message, BotMessage(said))


def edit(message: dict[str, Any]) -> None:
    """Note that a person edited a message. The calls of `commands.edit`; other edits are ignored. Raises Busy."""
    content = _content(message)
    if content is not None and operators() and is_for_operators(message):
        commands.edit(message["from"]["id"], message["message_id"], content)


def invite(message: dict[str, Any]) -> None:
    """Reply to /support: whether operators read what is written here. Words after the command are for them."""
    _reply_or_write(message, texts.support(is_read=bool(operators())))


def pay_support(message: dict[str, Any]) -> None:
    """Reply to /paysupport with what to do about a payment. Words after the command are for the operators.

    Telegram requires this command of every bot that sells for Stars.
    """
    _reply_or_write(message, texts.paysupport(is_read=bool(operators())))


def _reply_or_write(message: dict[str, Any], text: str) -> None:
    if len(message["text"].split(maxsplit=1)) > 1 and operators():
        write(message)
    else:
        reply(message, BotMessage(text))


def watch(message: dict[str, Any]) -> None:
    """Set how often an operator, or in the operators' chat all of them, are told of waiting threads.

    `/threads 30` is every 30 minutes at most, `/threads off` never. Any other word, or none, gets the setting. From
    other people in private it is an unknown command. One consistent BatchGetItem, one UpdateItem for a new setting,
    and the calls of a reply. Raises Unavailable.
    """
    chat_id, sender = message["chat"]["id"], message.get("from") or {}
    is_group = chat_id == operators_chat_id()
    if sender.get("id") not in operators() or not (is_group or chat_id == sender["id"]):
        explain(message)
        return
    wanted = _minutes(message["text"])
    if wanted is not None:
        threads.set_watch(Watch(chat_id, wanted))
    before = threads.watches([chat_id]).get(chat_id)
    minutes = before.minutes if before else GROUP_WATCH_MINUTES if is_group else 0
    tell(message, BotMessage(texts.watch(minutes)))


def _minutes(text: str) -> int | None:
    word = text.partition(" ")[2].strip()
    if word == "off":
        return 0
    return int(word) if _MINUTES.fullmatch(word) and 1 <= int(word) <= MAX_WATCH_MINUTES else None


def is_for_operators(message: dict[str, Any]) -> bool:
    """Whether a person wrote this in their chat with the bot, and that is not the operators' chat."""
    chat, sender = message.get("chat"), message.get("from")
    return (
        isinstance(chat, dict)
        and chat.get("type") == "private"
        and chat.get("id") != operators_chat_id()
        and isinstance(sender, dict)
        and sender.get("is_bot") is not True
        and not _WRITTEN.isdisjoint(message)
    )


def keep(message: dict[str, Any]) -> str:
    """Keep the message in its sender's thread, and return what to tell them; empty if `receive` says nothing.

    Text and photos are kept. Stickers, voice and other media are not: an operator could neither see them in the panel
    nor find the words in them. Each message costs a token of `messages`. The calls of `commands.receive`, or of
    `users.charge_message`. Raises Busy, Unavailable.
    """
    if not operators():
        return texts.NOBODY_READS
    content = _content(message)
    if content is None:
        try:
            users.charge_message(message["from"]["id"])
        except TooOften:
            return ""
        return texts.CANNOT_BE_KEPT
    received = commands.receive(telegram_user(message["from"]), message["message_id"], content)
    if received.refused_seconds:
        return texts.too_many_messages(received.refused_seconds)
    if received.has_opened:
        return texts.thread_opened(support_answer_hours())
    return texts.KEPT if received.owes_confirmation else ""


def tell(message: dict[str, Any], answer: BotMessage) -> None:
    """Tell the sender, at most once a call, if the turn of the chat comes in time. The calls of `send`.

    An update that Telegram delivers again tells them again, unless its first delivery was marked as handled. Nothing
    is raised: a flood of messages must not become a flood of updates that Telegram delivers again.
    """
    until = clock.now_ms() + _TELL_MS
    with suppress(ServiceError):
        while clock.now_ms() < until:
            if send(message["chat"]["id"], lambda now: answer)[0] is not Outcome.MISSED:
                return
            clock.sleep(1)


def _content(message: dict[str, Any]) -> Content | None:
    """Return what can be kept of a message; None of one without text and photo."""
    if "text" not in message and "photo" not in message:
        return None
    # Half of a surrogate pair can be neither stored nor shown.
    text = clean((message.get("text") or message.get("caption") or "").encode(errors="replace").decode())
    command = _COMMAND.match(text)
    text = text[command.end() if command else 0 :].strip()[:MAX_TEXT]
    photo = photo_of(message.get("photo") or ())
    return Content(text, photo, is_forwarded="forward_origin" in message) if text or photo else None
