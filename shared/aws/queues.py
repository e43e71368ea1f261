"""Queues between a change of an order and its notifications. Messages contain no contacts and no names (I18)."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from shared.aws import clients
from shared.domain.durations import SECOND_MS, ceil_seconds
from shared.settings import queue_url

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class Message(Protocol):
    """A dataclass of `shared/domain/messages.py`, or a notice."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def due_at(self) -> int:
        """The time from which the message is to be handled, epoch ms."""


_BATCH = 10
# Batches in parallel: a fan-out to thousands of subscribers is hundreds of batches.
_THREADS = 8
_LONGEST_DELAY_SECONDS = 900


class Queue(StrEnum):
    """A queue. The value is the prefix of its environment variable."""

    NEW_ORDERS = "NEW_ORDERS"
    OFFERS = "OFFERS"
    NOTICES = "NOTICES"
    ANSWERS = "ANSWERS"
    PERSONAL_FRAMES = "PERSONAL_FRAMES"
    LIST_FRAMES = "LIST_FRAMES"
    ALL_CITIES_FRAMES = "ALL_CITIES_FRAMES"


# Frames are worth one short attempt: no message of the bot waits for them.
_FRAMES = frozenset({"PERSONAL_FRAMES", "LIST_FRAMES", "ALL_CITIES_FRAMES"})


class NotQueued(Exception):
    """The queue refused at least one message. It may have accepted others."""


@cache
def client(*, hurried: bool = False) -> "SQSClient":
    """Return the SQS client. Created at first use: most background functions import this module, few of them send.

    A call takes at most 12 s and the pauses between its attempts; one of the hurried client takes 2 s.
    """
    timeout, attempts = (1, 1) if hurried else (3, 3)
    return cast("SQSClient", clients.client("sqs", read_timeout=timeout, attempts=attempts, validate=True))


def send(queue: Queue, messages: Sequence[Message], now: int) -> None:
    """Put messages into a queue, each visible from its `due_at` on, but at most 15 minutes from `now` (epoch ms).

    One SendMessageBatch per ten messages, eight in parallel. Raises NotQueued and botocore's errors. After an error,
    any of the messages may be in the queue.
    """
    batches = [messages[start : start + _BATCH] for start in range(0, len(messages), _BATCH)]
    if len(batches) <= 1:
        for batch in batches:
            _send(queue, batch, now)
        return
    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(lambda batch: _send(queue, batch, now), batches):
            pass


def _send(queue: Queue, messages: Sequence[Message], now: int) -> None:
    _send_entries(queue, [_entry(place, message, message.due_at - now) for place, message in enumerate(messages)])


def _entry(place: int, message: Message, delay_ms: int) -> dict[str, Any]:
    return {"Id": str(place), "MessageBody": json.dumps(asdict(message)), "DelaySeconds": _delay(delay_ms)}


def _send_entries(queue: Queue, entries: list[dict[str, Any]]) -> None:
    # Not `hurried=False`: the cache would hold a second client, with connections of its own.
    sqs = client(hurried=True) if queue in _FRAMES else client()
    answer = sqs.send_message_batch(QueueUrl=queue_url(queue), Entries=entries)  # type: ignore[arg-type]
    if answer.get("Failed"):
        raise NotQueued


def send_again(queue: Queue, message: Message, seconds: int) -> None:
    """Put a received message into its queue once more, visible in so many seconds, at most 15 minutes.

    The new message has no receives, and SQS keeps it for a whole retention. One SendMessageBatch. Raises NotQueued and
    botocore's errors.
    """
    _send_entries(queue, [_entry(0, message, seconds * SECOND_MS)])


def _delay(ms: int) -> int:
    return min(max(ceil_seconds(ms), 0), _LONGEST_DELAY_SECONDS)
