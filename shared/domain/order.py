"""An order's life: what it is at a moment, and what may happen to it then.

Times are epoch milliseconds by the server's clock. An order is stored with its status, but what it *is* follows
from the stored status and `now` together: the hour ends when it ends, whatever a timer has or has not done yet.

    active ──── deleted                  by its owner, while nobody took it
       ├─────── expired                  the hour is over
       ├─────── closed_no_response       taken, and unanswered when the answer window ended
       └─────── completed                by its owner
    expired ─── closed_no_response       the answer window of an expired order ended unanswered
       └─────── deleted                  by its owner, if nobody took it
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.domain.errors import AllSlotsTaken, OrderNotActive, OrderNotFound, OrderTaken, OwnOrder

MAX_TAKES = 3
MIN_DESCRIPTION = 20
MAX_DESCRIPTION = 1000

CATEGORIES = (
    "Сантехника",
    "Электрика",
    "Бытовой ремонт",
    "Клининг",
    "Сборка/установка",
    "Бытовая техника",
    "Другое",
)


class Status(StrEnum):
    """The statuses of the contract; nothing else is one."""

    ACTIVE = "active"
    EXPIRED = "expired"
    DELETED = "deleted"
    CLOSED_NO_RESPONSE = "closed_no_response"
    COMPLETED = "completed"


# What anybody may list. The rest is between an order's owner and its executors.
PUBLIC_STATUSES = frozenset({Status.ACTIVE, Status.EXPIRED, Status.COMPLETED})


@dataclass(frozen=True, slots=True)
class Take:
    """One executor's paid look at the contact; `price` in roubles is what he paid then.

    `executor_count` is how many had taken the order with him: part of the answer that a repeat gives again.
    """

    executor_id: int
    taken_at: int
    price: int
    executor_count: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order as stored: `status` may lag behind the clock, `status_at` does not."""

    id: str
    owner_id: int
    category: str
    city: str
    description: str
    contact: str
    contact_key: str
    created_at: int
    expires_at: int
    status: Status = Status.ACTIVE
    takes: dict[int, Take] = field(default_factory=dict)
    answer_due_at: int | None = None
    responded_at: int | None = None
    ended_at: int | None = None
    rating: int | None = None
    review_comment: str | None = None


def status_at(order: Order, now: int) -> Status:
    """What the order is at `now`."""
    if order.status in (Status.ACTIVE, Status.EXPIRED):
        if answer_window_ended(order, now):
            return Status.CLOSED_NO_RESPONSE
        if now >= order.expires_at:
            return Status.EXPIRED
    return order.status


def answer_window_ended(order: Order, now: int) -> bool:
    """Whether the client let the answer window pass: taken, not answered, and the window is over."""
    return order.responded_at is None and order.answer_due_at is not None and now >= order.answer_due_at


def due_at(order: Order) -> int | None:
    """When the next thing happens to the order by itself; None when nothing will.

    The hour ends for every active order. The answer window ends for a taken one that was not answered, also
    after the hour.
    """
    hour = order.expires_at if order.status is Status.ACTIVE else None
    unanswered = order.status in (Status.ACTIVE, Status.EXPIRED) and order.responded_at is None
    window = order.answer_due_at if unanswered else None
    return min((at for at in (hour, window) if at is not None), default=None)


def with_take(order: Order, executor_id: int, *, price: int, answer_window: int, now: int) -> Order:
    """The order with one more take, paid `price` roubles; the first one starts the answer window, in ms.

    Raises what `check_take` raises.
    """
    check_take(order, executor_id, now)
    take = Take(executor_id, taken_at=now, price=price, executor_count=len(order.takes) + 1)
    return replace(
        order,
        takes={**order.takes, executor_id: take},
        answer_due_at=now + answer_window if order.answer_due_at is None else order.answer_due_at,
    )


def may_see_contact(order: Order, user_id: int | None) -> bool:
    """Whether the contact is this user's to see: he owns the order, or paid for it (I17)."""
    return user_id is not None and (user_id == order.owner_id or user_id in order.takes)


def check_take(order: Order, user_id: int, now: int) -> None:
    """Whether `user_id`, who has not taken the order yet, may take it at `now`.

    Raises OwnOrder, OrderNotActive, AllSlotsTaken.
    """
    if user_id == order.owner_id:
        raise OwnOrder
    if status_at(order, now) is not Status.ACTIVE:
        raise OrderNotActive
    if len(order.takes) >= MAX_TAKES:
        raise AllSlotsTaken


def check_update(order: Order, user_id: int, now: int) -> None:
    """Whether `user_id` may edit the order at `now`.

    Raises OrderNotFound for an order that is not his, OrderTaken, OrderNotActive.
    """
    if user_id != order.owner_id:
        raise OrderNotFound
    if order.takes:
        raise OrderTaken
    if status_at(order, now) is not Status.ACTIVE:
        raise OrderNotActive


def deleted(order: Order, user_id: int, now: int) -> Order:
    """The order deleted by `user_id` at `now`: nobody took it, and it is active or merely expired.

    Raises OrderNotFound for an order that is not his, OrderTaken, OrderNotActive.
    """
    if user_id != order.owner_id:
        raise OrderNotFound
    if order.takes:
        raise OrderTaken
    if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
        raise OrderNotActive
    return replace(order, status=Status.DELETED, ended_at=now)
