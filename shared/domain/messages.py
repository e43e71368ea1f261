"""Messages of the queues. They contain ids and times, never a contact or a name (I18).

`due_at` (epoch ms) is the time from which a message is to be handled; its age is counted from then. A notice is a
message too: `shared/domain/notice.py`.
"""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to offer to executors. `start` is where the fan-out continues: a subscriber list and a place in it.

    `told`: to how many executors the order was offered before.
    """

    order_id: str
    start: tuple[int, int]
    due_at: int
    told: int = 0


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


PersonalKind = Literal["taken", "respond_due", "responded", "ended", "refunded", "paid"]


@dataclass(frozen=True, slots=True)
class PersonalEvent:
    """What happened to a user's own order or payment, for their sockets. `subject`: the id of the order or payment."""

    user_id: int
    kind: PersonalKind
    subject: str
    due_at: int


@dataclass(frozen=True, slots=True)
class ListChange:
    """A change of an order, for the sockets that watch a list with it.

    `of_city`: for the lists of its city; otherwise for those of all cities. `before` and `after`: its category in the
    lists of active orders before and after; None where no list had it.
    """

    order_id: str
    city: str
    before: str | None
    after: str | None
    version: int
    of_city: bool
    due_at: int
