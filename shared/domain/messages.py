"""The messages of the queues. They carry ids and times; never a contact or a name (I18).

`due_at` (epoch ms) is when a message was to be handled: its age is counted from there. A notice is a message of its
own, `shared/domain/notice.py`.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that executors are to be told of. `start` is where its audience continues: a list and a place in it."""

    order_id: str
    start: tuple[int, int]
    due_at: int


@dataclass(frozen=True, slots=True)
class Offer:
    """One new order for one executor."""

    user_id: int
    order_id: str
    due_at: int


@dataclass(frozen=True, slots=True)
class Digest:
    """The collected orders of one executor, to be sent when the window ends."""

    user_id: int
    window_ends_at: int
    due_at: int


def offer_or_digest(**fields: Any) -> Offer | Digest:
    """What the queue of offers holds, by its fields."""
    return Digest(**fields) if "window_ends_at" in fields else Offer(**fields)
