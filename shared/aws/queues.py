"""Queues between what happened and who hears of it. No contact and no name is ever in a message (I18)."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from shared.aws import clients
from shared.domain.durations import ceil_seconds
from shared.settings import queue_url

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class Message(Protocol):
    """A dataclass of `shared/domain/messages.py`, or a notice."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def due_at(self) -> int:
        """When it is to be handled, epoch ms."""


_BATCH = 10
# An audience of thousands is hundreds of batches.
_AT_A_TIME = 8
_LONGEST_DELAY = 900


class Queue(StrEnum):
    """By the name of its setting."""

    NEW_ORDERS = "NEW_ORDERS"
    OFFERS = "OFFERS"
    NOTICES = "NOTICES"


class NotQueued(Exception):
    """The queue did not take some of the messages, and others it may have."""


@cache
def client() -> "SQSClient":
    """The queues' client, made when it is needed: whatever is in the background imports this, few of it queue."""
    return cast("SQSClient", clients.client("sqs", read_timeout=3, attempts=3, validate=True))


def send(queue: Queue, messages: Sequence[Message], now: int) -> None:
    """Put messages into a queue, each from its `due_at` on, a quarter of an hour ahead at most.

    One SendMessageBatch for ten, eight of them at a time. Raises NotQueued, and what the SDK raises; then any of them
    may be in the queue.
    """
    batches = [messages[start : start + _BATCH] for start in range(0, len(messages), _BATCH)]
    if len(batches) <= 1:
        for batch in batches:
            _send(queue, batch, now)
        return
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        for _ in threads.map(lambda batch: _send(queue, batch, now), batches):
            pass


def _send(queue: Queue, messages: Sequence[Message], now: int) -> None:
    entries = [
        {"Id": str(place), "MessageBody": json.dumps(asdict(message)), "DelaySeconds": _delay(message.due_at - now)}
        for place, message in enumerate(messages)
    ]
    answer = client().send_message_batch(QueueUrl=queue_url(queue), Entries=entries)  # type: ignore[arg-type]
    if answer.get("Failed"):
        raise NotQueued


def postpone(queue: Queue, receipt_handle: str, seconds: int) -> None:
    """Have a message that was received come again in so many seconds. One ChangeMessageVisibility."""
    client().change_message_visibility(
        QueueUrl=queue_url(queue), ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
    )


def _delay(ms: int) -> int:
    return min(max(ceil_seconds(ms), 0), _LONGEST_DELAY)
