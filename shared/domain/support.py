"""Support: what a person writes to the bot is a message of their one thread, which operators answer.

A thread *waits* from the person's first message that no operator has seen and answered. An answer ends the wait. A
closed thread is reopened by the next message of either side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shared.domain.delivery import Delivery, Outcome
from shared.domain.durations import DAY_MS, MINUTE_MS
from shared.domain.errors import ThreadChanged

State = Literal["waiting", "answered", "closed"]

# The most characters that Telegram lets a person write at once, and those of an answer: the bot adds a line to it, and
# Telegram counts an emoji as two. https://core.telegram.org/bots/api#sendmessage
MAX_TEXT = 4096
MAX_ANSWER = 2000
# Larger photos are neither stored nor shown: a response of Lambda holds 6 MB, and a photo is a third longer in it.
MAX_PHOTO_BYTES = 4_000_000
# A person who writes several messages in a row, or an album, gets one confirmation.
_BETWEEN_CONFIRMATIONS_MS = MINUTE_MS // 2
# An answer that could not be sent for so long is given up.
_ANSWER_LIFETIME_MS = DAY_MS
# An answer that was stored, and not claimed within this time, may have been lost before it reached the queue.
_QUEUED_WITHIN_MS = MINUTE_MS
# After a try, the queue delivers the answer's message again within 15 minutes, the longest delay of SQS. An answer that
# was due earlier would get another message with each look, and each of them would come again and again.
_AGAIN_WITHIN_MS = 16 * MINUTE_MS

# How seldom and, until an operator changes it, how often a group of operators is notified of waiting threads.
MAX_WATCH_MINUTES = 1440
GROUP_WATCH_MINUTES = 15
# The reason in the audit log: operators open, answer and close a thread at its person's request.
REASON = "обращение в поддержку"

# What operators see of the outcome of an answer.
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.ARRIVED: "arrived",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.REFUSED: "refused",
    Outcome.IN_DOUBT: "in_doubt",
    Outcome.LATE: "late",
}


@dataclass(frozen=True, slots=True)
class Thread:
    """The thread of one person. Times in epoch ms; `version` grows with every write.

    `newest_id` is the newest message of either side, and `received_id` the person's newest, of `received_at`.
    `waiting_since`: None while nothing waits. `answered_at`: the first answer since the thread was opened.
    `operator_id`: who took the thread over or answered last.
    `opened_id`: the message that opened it. `confirmed_id`: the message of which the person was last told that it
    arrived, at `confirmed_at`. `refused_until`: the time until which the
    person knows that nothing they write is kept.
    """

    user_id: int
    opened_at: int
    last_at: int
    newest_id: int
    received_id: int = 0
    received_at: int = 0
    waiting_since: int | None = None
    answered_at: int | None = None
    operator_id: int | None = None
    closed_at: int | None = None
    opened_id: int = 0
    confirmed_id: int = 0
    confirmed_at: int = 0
    refused_until: int = 0
    version: int = 0

    @property
    def state(self) -> State:
        """Whether the thread waits for an operator, is answered, or closed."""
        if self.closed_at is not None:
            return "closed"
        return "answered" if self.waiting_since is None else "waiting"


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: text, the file id of a photo at Telegram, and whether somebody else wrote it."""

    text: str
    photo: str | None = None
    is_forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a thread. `id` grows within the thread. `key`: its idempotency key, the same for a repeated one.

    `operator_id` is None for a message of the person. An answer has `delivery`, the claim of its sender, and
    `outcome`, None until it is known. `due_at`: when to look whether its message was lost, epoch ms.
    """

    user_id: int
    key: str
    id: int
    content: Content
    created_at: int
    edited_at: int | None = None
    operator_id: int | None = None
    delivery: Delivery | None = None
    outcome: str | None = None
    due_at: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The message of the queue: an operator's answer to be sent from `due_at` on, epoch ms."""

    user_id: int
    key: str
    due_at: int


@dataclass(frozen=True, slots=True)
class Watch:
    """How often a chat of operators is notified of waiting threads: every so many minutes at most, and 0 is never.

    `told_at`: when it was last, epoch ms.
    """

    chat_id: int
    minutes: int
    told_at: int = 0


def received_key(message_id: int) -> str:
    """Return the key of a person's message, by its id in the chat."""
    return f"IN#{message_id}"


def message_id_of(key: str) -> int:
    """Return the id in the chat of a person's message, by its key."""
    return int(key.removeprefix("IN#"))


def answer_key(key: str) -> str:
    """Return the key of an operator's answer, by the key that the panel chose."""
    return f"OUT#{key}"


def photo_of(sizes: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the file id of the largest size of a photo that can be shown; None without one.

    Telegram lists the sizes of a PhotoSize array: https://core.telegram.org/bots/api#photosize
    """
    fitting = [size for size in sizes if size.get("file_id") and size.get("file_size", 0) <= MAX_PHOTO_BYTES]
    largest = max(fitting, key=lambda size: size.get("width", 0) * size.get("height", 0), default=None)
    return largest["file_id"] if largest else None


def received(before: Thread | None, user_id: int, message_id: int, now: int) -> Thread:
    """Return the thread after a message of the person. It opens the thread, or goes on with it; a closed one reopens.

    `message_id` is a new id; the message gets `newest_id` of the result. If that is `confirmed_id` as well, the person
    is to be told that it arrived.
    """
    if before is None:
        before = Thread(user_id, opened_at=now, last_at=now, newest_id=0)
    message_id = max(message_id, before.newest_id + 1)
    opens = not before.newest_id or before.closed_at is not None
    if opens:
        before = replace(
            before, opened_at=now, opened_id=message_id, closed_at=None, operator_id=None, answered_at=None
        )
    if opens or now >= before.confirmed_at + _BETWEEN_CONFIRMATIONS_MS:
        before = replace(before, confirmed_id=message_id, confirmed_at=now)
    return replace(
        before,
        last_at=now,
        newest_id=message_id,
        received_id=message_id,
        received_at=now,
        waiting_since=now if before.waiting_since is None else before.waiting_since,
    )


def answered(before: Thread, operator_id: int, message_id: int, *, seen: int, now: int) -> Thread:
    """Return the thread after an answer of an operator, who takes it over and has seen the messages up to `seen`.

    If the person wrote after that, the thread waits since then. The answer gets `newest_id` of the result.
    """
    has_unseen = before.waiting_since is not None and before.received_id > seen
    return replace(
        before,
        last_at=now,
        newest_id=max(message_id, before.newest_id + 1),
        waiting_since=before.received_at if has_unseen else None,
        answered_at=now if before.answered_at is None else before.answered_at,
        operator_id=operator_id,
        closed_at=None,
    )


def new_answer(thread: Thread, key: str, text: str, operator_id: int, now: int) -> Message:
    """Return the answer whose id is the newest of the thread, before its first try."""
    return Message(
        thread.user_id,
        key,
        thread.newest_id,
        Content(text),
        now,
        operator_id=operator_id,
        delivery=Delivery(0, 0),
        due_at=now + _QUEUED_WITHIN_MS,
    )


def tried(answer: Message, delivery: Delivery, now: int) -> Message:
    """Return the answer after its sender made or gave back a claim at `now` (epoch ms). It is looked for after that."""
    return replace(answer, delivery=delivery, due_at=now + _AGAIN_WITHIN_MS)


def taken_over(before: Thread, operator_id: int) -> Thread:
    """Return the thread after an operator took it over. Idempotent."""
    return replace(before, operator_id=operator_id)


def closed(before: Thread, operator_id: int, *, seen: int, now: int) -> Thread:
    """Return the thread after an operator closed it, having seen the messages up to `seen`. Idempotent.

    Raises ThreadChanged if the person wrote after that.
    """
    if before.closed_at is not None:
        return before
    if before.received_id > seen:
        raise ThreadChanged
    return replace(before, waiting_since=None, operator_id=operator_id, closed_at=now)


def refused(before: Thread, until: int) -> Thread:
    """Return the thread of a person who is told that nothing is kept until then, epoch ms."""
    return replace(before, refused_until=until)


def drop_reason(answer: Message, now: int) -> Outcome | None:
    """Return why an answer is given up at `now` (epoch ms); None if it is to be sent."""
    return None if now < useful_until(answer) else Outcome.LATE


def useful_until(answer: Message) -> int:
    """Return when the answer is given up, epoch ms."""
    return answer.created_at + _ANSWER_LIFETIME_MS


def is_due(watch: Watch, now: int) -> bool:
    """Whether a chat may be told of waiting threads at `now` (epoch ms)."""
    return watch.minutes > 0 and now >= watch.told_at + watch.minutes * MINUTE_MS
