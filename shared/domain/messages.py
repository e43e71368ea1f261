"""Messages of the queues. They contain ids and times, never a contact or a name (I18).

`due_at` (epoch ms) is the time from which a message is to be handled; its age is counted from then. A notice is a
message too: `shared/domain/notice.py`.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to offer to executors. `start` is where the fan-out continues: a subscriber list and a place in it."""

    order_id: str
    start: tuple[int, int]
    due_at: int


@dataclass(frozen=True, slots=True)
class Offer:
    """One new order, offered to one executor."""

    user_id: int
    order_id: str
    due_at: int


@dataclass(frozen=True, slots=True)
class Digest:
    """The collected orders of one executor, to be sent when the notification window ends."""

    user_id: int
    window_ends_at: int
    due_at: int


def offer_or_digest(**fields: Any) -> Offer | Digest:
    """Build a message of the offers queue from its fields."""
    return Digest(**fields) if "window_ends_at" in fields else Offer(**fields)
