"""What people write to the bot: it is forwarded to the operators' chat, and the sender is told whether it was.

Nothing of it is stored or logged. A forwarded message hides the account of a sender whose privacy settings say so
(https://core.telegram.org/bots/api#messageoriginhiddenuser). So a second message, a reply to it, says from whom it is.
"""

from contextlib import suppress
from typing import Any, NamedTuple

from shared import clock
from shared.bot import texts
from shared.bot.chats import reply
from shared.bot.sending import LONGEST_REPLY_SECONDS, NO_PREVIEW, BotMessage, send
from shared.commands import users
from shared.domain.delivery import Outcome
from shared.domain.errors import TooOften
from shared.domain.init_data import telegram_user
from shared.observability import best_effort, failed, logger, metrics
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.service_errors import ServiceError, Unavailable
from shared.settings import operators_chat_id
from shared.store import send_rate

# The contents of messages that people write. Any other message is about the chat, such as that one was pinned.
_WRITTEN = frozenset(
    {"text", "photo", "video", "animation", "audio", "voice", "video_note", "document", "sticker", "story"}
    | {"paid_media", "contact", "location", "venue", "poll", "dice", "game", "checklist"}
)
# How long after its start `pass_on` waits for turns of the operators' chat, and when a sender is last told. An album is
# one message for each photo, all at once, and each needs two turns. The function has 29 s: forwardMessage takes 7 s at
# most, the header 4 s, and a confirmation 13 s with its turns. So each of them ends within 28 s.
_FORWARD_MS = 8_000
_HEADER_MS = 12_000
_TELL_MS = 14_000
_HEADER_READ_TIMEOUT_SECONDS = 2.0


class Verdict(NamedTuple):
    """What became of a message: the text for its sender, and until when (epoch ms) they are told, at most once.

    None: Telegram delivers the update again when the text cannot be sent, and the message is forwarded then.
    """

    text: str
    until: int | None = None


def write(message: dict[str, Any]) -> None:
    """Forward the message to the operators and tell its sender. The calls of `pass_on` and of `tell`.

    Messages in a group, in the operators' chat, and about a chat are ignored. Raises Busy, Unavailable.
    """
    if is_for_operators(message):
        verdict = pass_on(message)
        tell(message, verdict, BotMessage(verdict.text))


def invite(message: dict[str, Any]) -> None:
    """Reply to /support: whether operators read what is written here. Words after the command are for them."""
    _reply_or_write(message, texts.support(is_read=operators_chat_id() is not None))


def pay_support(message: dict[str, Any]) -> None:
    """Reply to /paysupport with what to do about a payment. Words after the command are for the operators.

    Telegram requires this command of every bot that sells for Stars.
    """
    _reply_or_write(message, texts.paysupport(is_read=operators_chat_id() is not None))


def _reply_or_write(message: dict[str, Any], text: str) -> None:
    if len(message["text"].split(maxsplit=1)) > 1 and operators_chat_id() is not None:
        write(message)
    else:
        reply(message, BotMessage(text))


def is_for_operators(message: dict[str, Any]) -> bool:
    """Whether a person wrote this in their chat with the bot, and that is not the chat to which it would go."""
    chat, sender = message.get("chat"), message.get("from")
    return (
        isinstance(chat, dict)
        and chat.get("type") == "private"
        and chat.get("id") != operators_chat_id()
        and isinstance(sender, dict)
        and sender.get("is_bot") is not True
        and not _WRITTEN.isdisjoint(message)
    )


def pass_on(message: dict[str, Any]) -> Verdict:
    """Forward the message to the operators' chat, if there is one, for a token of the sender's bucket `messages`.

    The sender may be banned. The calls of `users.charge_message`, then `send_rate.acquire` with forwardMessage, and
    again with sendMessage; after a 429, also `send_rate.refused`. It waits for turns for up to 12 s, and for none that
    is more than a minute ahead. The token is given back if nothing was forwarded. Raises Busy, Unavailable, both before
    the message was forwarded: Telegram delivers the update again.
    """
    started = clock.now_ms()
    operators = operators_chat_id()
    if operators is None:
        return Verdict(texts.NOBODY_READS)
    sender_id = message["from"]["id"]
    try:
        token = users.charge_message(sender_id)
    except TooOften as refusal:
        # Told at most once: a flood of messages must not become a flood of updates that Telegram delivers again.
        return Verdict(texts.too_many_messages(refusal.retry_after), started + _TELL_MS)
    outcome = Outcome.MISSED
    try:
        source = {"from_chat_id": message["chat"]["id"], "message_id": message["message_id"]}
        outcome, forwarded = _call("forwardMessage", operators, started + _FORWARD_MS, **source)
    finally:
        if outcome is not Outcome.ARRIVED:
            users.give_back(sender_id, token)
    metrics.add_metric("MessagesForwarded" if outcome is Outcome.ARRIVED else "MessagesNotForwarded", "Count", 1)
    if outcome is Outcome.ARRIVED:
        _say_from_whom(operators, message["from"], forwarded, started + _HEADER_MS)
        return Verdict(texts.FORWARDED, started + _TELL_MS)
    return Verdict(texts.CANNOT_BE_FORWARDED if outcome is Outcome.REFUSED else texts.NOT_FORWARDED)


def tell(message: dict[str, Any], verdict: Verdict, answer: BotMessage) -> None:
    """Tell the sender. The calls of `send`. Raises Busy, Unavailable if the verdict has no end."""
    if verdict.until is None:
        reply(message, answer)
        return
    with suppress(ServiceError):
        while clock.now_ms() < verdict.until:
            if send(message["chat"]["id"], lambda now: answer)[0] is not Outcome.MISSED:
                return
            clock.sleep(1)


def _say_from_whom(operators: int, sender: dict[str, Any], forwarded: Any, until: int) -> None:
    """Send the header of a message that was forwarded. After it: without the message, operators would get a riddle.

    Nothing is raised, and the update is not repeated for the header: that would forward the message again. A header
    that certainly was not sent is a line in the log, with the sender's id.
    """
    outcome = Outcome.MISSED
    with best_effort():
        text, mention = texts.from_whom(telegram_user(sender))
        outcome, _ = _call(
            "sendMessage",
            operators,
            until,
            read_timeout=_HEADER_READ_TIMEOUT_SECONDS,
            text=text,
            entities=[mention],
            link_preview_options=NO_PREVIEW,
            reply_parameters={"message_id": forwarded["message_id"], "allow_sending_without_reply": True},
        )
    if outcome not in (Outcome.ARRIVED, Outcome.IN_DOUBT):
        logger.warning("header not sent", extra={"user_id": sender["id"]})


def _call(method: str, operators: int, until: int, **parameters: Any) -> tuple[Outcome, Any]:
    """Call a method for the operators' chat when its turn has come, by `until` (epoch ms). Raises Unavailable."""
    if not _wait_for_turn(operators, until):
        return Outcome.MISSED, None
    try:
        return Outcome.ARRIVED, bot_api.call(method, chat_id=operators, **parameters)
    except BotApiUnreachable as error:
        return Outcome.IN_DOUBT if error.maybe_done else Outcome.MISSED, None
    except BotApiError as error:
        return _refused(operators, error), None


def _wait_for_turn(operators: int, until: int) -> bool:
    """Whether the next turn of the operators' chat came. If not, the chat is paused. Raises Unavailable at `until`."""
    while True:
        try:
            send_rate.acquire(operators, until=until)
            return True
        except send_rate.NotYet as not_yet:
            if not_yet.seconds > LONGEST_REPLY_SECONDS:
                return False
            left_ms = until - clock.now_ms()
            if left_ms <= 0:
                raise Unavailable from None
            clock.sleep(min(left_ms, 1_000) / 1000)


def _refused(operators: int, error: BotApiError) -> Outcome:
    if error.error_code == 429:
        send_rate.refused(operators, error.retry_after or 1)
        metrics.add_metric("TelegramSaidTooMany", "Count", 1)
        return Outcome.MISSED
    if error.error_code >= 500:
        return Outcome.IN_DOUBT
    description = error.description.lower()
    if error.error_code == 400 and ("forward" in description or "message_id" in description):
        return Outcome.REFUSED  # it was deleted meanwhile, or its content is protected
    failed(error)  # the operators' chat is gone, or the bot may not write there: an alarm
    return Outcome.UNREACHABLE
