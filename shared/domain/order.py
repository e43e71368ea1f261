"""An order's life: what it is at a moment, what is due, and what may happen to it then.

Times are epoch milliseconds by the server's clock. An order is stored with its status, but what it *is* follows
from the stored status and `now` together: the hour ends when it ends, whatever a timer has or has not done yet.

    active ──── deleted                  by its owner, while nobody took it
       ├─────── expired                  the hour is over
       ├─────── closed_no_response       taken, and unanswered when the answer window ended; or by its owner
       └─────── completed                by its owner
    expired ─── closed_no_response       the answer window of an expired order ended unanswered
       └─────── deleted                  by its owner, if nobody took it

An operator may remove an active or an expired order: it becomes `deleted`, or `closed_no_response` where it was taken.

Two deadlines: the hour ends at `expires_at`; the answer window, which the first take starts, at `answer_due_at`. The
window counts until the client answers, and runs in full where the hour ends inside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from shared.domain.durations import DAY_MS
from shared.domain.errors import (
    AllSlotsTaken,
    AlreadyAnswered,
    AlreadyRefunded,
    NobodyTookIt,
    NotYourOrder,
    OrderNotActive,
    OrderNotFound,
    OrderTaken,
    OwnOrder,
    TakeNotFound,
    TakeNotOver,
)

MAX_TAKES = 3
# Each change of a category that is heard of is as many messages as it has an audience.
_HEARD_EDITS = 5
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


Deadline = Literal["hour", "answer"]

# What anybody may list. The rest is between an order's owner and its executors.
PUBLIC_STATUSES = frozenset({Status.ACTIVE, Status.EXPIRED, Status.COMPLETED})


@dataclass(frozen=True, slots=True)
class Take:
    """One executor's paid look at the contact; `price` in roubles is what he paid then.

    `executor_count` is how many had taken the order with him: part of the answer that a repeat gives again.
    `refunded` tells that an operator gave the price back, whatever became of the order.
    """

    executor_id: int
    taken_at: int
    price: int
    executor_count: int
    refunded: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order as stored: `status` may lag behind the clock, `status_at` does not.

    `edits` is how often it was edited; `ended_at` is when it stopped being active; `removed` tells that an operator
    took it away; `rating` and `review_comment` are its client's review.
    """

    id: str
    client_id: int
    category: str
    city: str
    description: str
    contact: str
    contact_key: str
    created_at: int
    expires_at: int
    edits: int = 0
    status: Status = Status.ACTIVE
    takes: dict[int, Take] = field(default_factory=dict)
    answer_due_at: int | None = None
    responded_at: int | None = None
    ended_at: int | None = None
    removed: bool = False
    rating: int | None = None
    review_comment: str | None = None


# ---------------------------------------------------------------- what it is


def status_at(order: Order, now: int) -> Status:
    """What the order is at `now`."""
    if order.status in (Status.ACTIVE, Status.EXPIRED):
        if _window_ended(order, now):
            return Status.CLOSED_NO_RESPONSE
        if now >= order.expires_at:
            return Status.EXPIRED
    return order.status


def may_see_contact(order: Order, user_id: int | None) -> bool:
    """Whether the contact is this user's to see: he owns the order, or paid for it (I17)."""
    return user_id is not None and (user_id == order.client_id or user_id in order.takes)


def owes_refunds(order: Order) -> bool:
    """Whether whoever took the order gets his money back: it was closed and never answered."""
    return order.status is Status.CLOSED_NO_RESPONSE and order.responded_at is None


def is_news(before: Order | None, after: Order) -> bool:
    """Whether those who want such orders are to hear of this change: it is new, or its category was put right."""
    if after.status is not Status.ACTIVE:
        return False
    return before is None or (after.category != before.category and after.edits <= _HEARD_EDITS)


def is_running(order: Order, now: int) -> bool:
    """Whether somebody may still be waiting for its client: it is active, or taken and not answered yet."""
    status = status_at(order, now)
    return status is Status.ACTIVE or (status is Status.EXPIRED and bool(order.takes) and order.responded_at is None)


def is_refunded(order: Order, take: Take) -> bool:
    """Whether this take's price goes back to who paid it: an operator said so, or the order was never answered."""
    return take.refunded or owes_refunds(order)


def refunds(before: Order, after: Order) -> list[Take]:
    """The takes whose price goes back by this change of an order."""
    had = {executor for executor, take in before.takes.items() if is_refunded(before, take)}
    return [take for executor, take in after.takes.items() if is_refunded(after, take) and executor not in had]


def _window_ended(order: Order, now: int) -> bool:
    return order.responded_at is None and order.answer_due_at is not None and now >= order.answer_due_at


# ---------------------------------------------------------------- what is due


def deadlines(order: Order) -> dict[Deadline, int]:
    """What is still to happen to the order by itself, and when."""
    ahead: dict[Deadline, int] = {}
    if order.status is Status.ACTIVE:
        ahead["hour"] = order.expires_at
    unanswered = order.status in (Status.ACTIVE, Status.EXPIRED) and order.responded_at is None
    if unanswered and order.answer_due_at is not None:
        ahead["answer"] = order.answer_due_at
    return ahead


def due_at(order: Order) -> int | None:
    """When the next thing happens to the order by itself; None when nothing will."""
    return min(deadlines(order).values(), default=None)


def fresh_for(orders: Iterable[Order], now: int) -> int:
    """How long, in ms, none of these becomes anything else by itself; a day where nothing will."""
    ends = min((at for order in orders if (at := due_at(order)) is not None), default=now + DAY_MS)
    return max(min(ends - now, DAY_MS), 0)


def ended_by_time(order: Order, now: int) -> Order:
    """The order as the deadlines that passed leave it; the same order when none did.

    `ended_at` is the deadline's moment, not the one of who noticed.
    """
    status = status_at(order, now)
    if status is order.status:
        return order
    # From active, whichever deadline came first ended it; from expired, the hour already had.
    return replace(order, status=status, ended_at=due_at(order) if order.ended_at is None else order.ended_at)


# ---------------------------------------------------------------- what executors do


def with_take(order: Order, executor_id: int, *, price: int, answer_window_ms: int, now: int) -> Order:
    """The order with one more take, paid `price` roubles; the first one starts the answer window, in ms.

    `executor_id` has not taken it yet. Raises OwnOrder, OrderNotActive, AllSlotsTaken.
    """
    if executor_id == order.client_id:
        raise OwnOrder
    _check_active(order, now)
    if len(order.takes) >= MAX_TAKES:
        raise AllSlotsTaken
    take = Take(executor_id, taken_at=now, price=price, executor_count=len(order.takes) + 1)
    return replace(
        order,
        takes={**order.takes, executor_id: take},
        answer_due_at=now + answer_window_ms if order.answer_due_at is None else order.answer_due_at,
    )


# ---------------------------------------------------------------- what its owner does


def edited(
    order: Order,
    user_id: int,
    *,
    category: str | None,
    description: str | None,
    contact: str | None,
    contact_key: str | None,
    now: int,
) -> Order:
    """The order with what is given in place of what it had; never its city.

    Raises OrderNotFound for an order that is not his, OrderTaken, OrderNotActive.
    """
    _check_untaken(order, user_id)
    _check_active(order, now)
    after = replace(
        order,
        category=category or order.category,
        description=description or order.description,
        contact=contact or order.contact,
        contact_key=contact_key or order.contact_key,
    )
    return order if after == order else replace(after, edits=order.edits + 1)


def deleted(order: Order, user_id: int, now: int) -> Order:
    """The order deleted: nobody took it, and it is active or merely expired.

    Raises OrderNotFound for an order that is not his, OrderTaken, OrderNotActive.
    """
    _check_untaken(order, user_id)
    if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
        raise OrderNotActive
    return replace(order, status=Status.DELETED, ended_at=min(now, order.expires_at))


def answered(order: Order, user_id: int, now: int) -> Order:
    """The order answered: taken, and its answer window runs, also where the hour is over.

    Raises NotYourOrder, AlreadyAnswered, NobodyTookIt, OrderNotActive.
    """
    _check_owner(order, user_id)
    if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
        raise OrderNotActive
    if order.responded_at is not None:
        raise AlreadyAnswered
    if not order.takes:
        raise NobodyTookIt if status_at(order, now) is Status.ACTIVE else OrderNotActive
    return replace(order, responded_at=now)


def closed(order: Order, user_id: int, now: int) -> Order:
    """The order closed by its owner; before his answer the takers get their money back, see `owes_refunds`.

    Raises NotYourOrder, OrderNotActive, NobodyTookIt.
    """
    _check_owner(order, user_id)
    _check_active(order, now)
    if not order.takes:
        raise NobodyTookIt
    return replace(order, status=Status.CLOSED_NO_RESPONSE, ended_at=now)


def completed(order: Order, user_id: int, now: int) -> Order:
    """The order completed, which is an answer as well.

    Raises NotYourOrder, OrderNotActive, NobodyTookIt.
    """
    _check_owner(order, user_id)
    _check_active(order, now)
    if not order.takes:
        raise NobodyTookIt
    return replace(
        order,
        status=Status.COMPLETED,
        responded_at=now if order.responded_at is None else order.responded_at,
        ended_at=now,
    )


# ---------------------------------------------------------------- what operators do


def withdrawn(order: Order, now: int) -> Order:
    """The order ended for its owner, as he could have: deleted where nobody took it, closed where somebody did.

    Raises OrderNotActive where it is neither active nor merely expired.
    """
    if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
        raise OrderNotActive
    status = Status.CLOSED_NO_RESPONSE if order.takes else Status.DELETED
    return replace(order, status=status, ended_at=min(now, order.expires_at))


def removed(order: Order, now: int) -> Order:
    """The order withdrawn, and whoever took it gets his money back, answered or not. Raises OrderNotActive."""
    takes = {executor: replace(take, refunded=True) for executor, take in order.takes.items()}
    return replace(withdrawn(order, now), takes=takes, removed=True)


def with_refund(order: Order, executor_id: int, now: int) -> Order:
    """The order with this executor's price given back; where its end gives it back anyway, the order so ended.

    Raises TakeNotFound, AlreadyRefunded, TakeNotOver while the order can still be answered (I7).
    """
    take = order.takes.get(executor_id)
    if take is None:
        raise TakeNotFound
    if is_refunded(order, take):
        raise AlreadyRefunded
    ended = ended_by_time(order, now)
    if owes_refunds(ended):
        return ended
    if order.responded_at is None:
        raise TakeNotOver
    return replace(order, takes={**order.takes, executor_id: replace(take, refunded=True)})


def _check_active(order: Order, now: int) -> None:
    if status_at(order, now) is not Status.ACTIVE:
        raise OrderNotActive


def _check_owner(order: Order, user_id: int) -> None:
    if user_id != order.client_id:
        raise NotYourOrder


def _check_untaken(order: Order, user_id: int) -> None:
    if user_id != order.client_id:
        raise OrderNotFound
    if order.takes:
        raise OrderTaken
