"""The life cycle of an order: its status at a moment, its deadlines, and the actions that its rules allow.

Times are epoch milliseconds of the server's clock. The current status follows from the stored status and `now`
(`status_at`). So the hour ends exactly at its deadline, even if the timer that stores the end is late.

    active ──── deleted                  by the client, while nobody took it
       ├─────── expired                  the hour is over
       ├─────── closed_no_response       taken, and unanswered when the answer window ended; or by the client
       └─────── completed                by the client
    expired ─── closed_no_response       the answer window of an expired order ended unanswered
       └─────── deleted                  by the client, if nobody took it

An operator may remove an order in any state. An active or expired one ends with it: it becomes `deleted`, or
`closed_no_response` if it was taken. Any other keeps its status. `shared/domain/visibility.py` says who sees what is
left.

An order has two deadlines. The hour ends at `expires_at`. The answer window starts with the first take and ends at
`answer_due_at`. It counts until the client answers, and keeps its full length if the hour ends first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, NamedTuple

from shared.domain.durations import DAY_MS, MINUTE_MS
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
from shared.domain.masking import masked_form

MAX_TAKES = 3
# A request to post an order counts as repeated for this long: a lost response is repeated within seconds.
REPEAT_MS = MINUTE_MS
# Each announced change of the category is a fan-out: one message per subscriber. Later edits are not announced.
_ANNOUNCED_EDITS = 5
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
    """The statuses of the contract."""

    ACTIVE = "active"
    EXPIRED = "expired"
    DELETED = "deleted"
    CLOSED_NO_RESPONSE = "closed_no_response"
    COMPLETED = "completed"


Deadline = Literal["hour", "answer"]
# Where an executor came from: a list in the Mini App, a message of the bot, or a link that somebody shared.
Source = Literal["feed", "bot", "link"]


@dataclass(frozen=True, slots=True)
class Take:
    """One executor's paid access to the contact. `price` is what the executor paid, in roubles.

    `executor_count` is the number of takes including this one; a repeated request returns it again (idempotent).
    `refunded`: an operator refunded the price, independently of the order's status.
    `source`: where the executor came from.
    """

    executor_id: int
    taken_at: int
    price: int
    executor_count: int
    refunded: bool = False
    source: Source = "feed"


@dataclass(frozen=True, slots=True)
class Order:
    """An order as stored. `status` may lag behind the clock; `status_at` does not.

    `masked_description`: the description as strangers see it; None if it has no contact to mask (I23).
    `edits`: how often the order was edited.
    `version`: 1 for a new order, one more with every write of it (optimistic lock).
    `ended_at`: when the order stopped being active, epoch ms.
    `removed_at`: when an operator removed the order, epoch ms.
    `rating`, `review_comment`: the client's review. `masked_review_comment`: its comment as others see it; None if it
    has no contact to mask.
    `hides_review`: an operator hid the client's review, and the order shows none.
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
    masked_description: str | None = None
    edits: int = 0
    status: Status = Status.ACTIVE
    takes: dict[int, Take] = field(default_factory=dict)
    answer_due_at: int | None = None
    responded_at: int | None = None
    ended_at: int | None = None
    removed_at: int | None = None
    rating: int | None = None
    review_comment: str | None = None
    masked_review_comment: str | None = None
    hides_review: bool = False
    version: int = 1

    @property
    def closes_at(self) -> int | None:
        """When the order closes unless its client answers, epoch ms; None where no answer is due."""
        unanswered = self.status in (Status.ACTIVE, Status.EXPIRED) and self.responded_at is None
        return self.answer_due_at if unanswered else None


class ListedOrder(NamedTuple):
    """What lists show of an order to everybody (`listed`): no contact, no name, and every text masked.

    `is_masked`: whether the whole description has a contact to mask.
    `taken_at`: the time of each executor's take, epoch ms, in the order of the takes.
    `closes_at`: as in `Order`. The other fields are those of `Order`; `status` may lag behind the clock as well.
    A named tuple, because a page makes a hundred, and a frozen dataclass takes three times as long.
    """

    id: str
    category: str
    city: str
    description: str
    is_masked: bool
    created_at: int
    expires_at: int
    status: Status
    taken_at: dict[int, int]
    closes_at: int | None
    responded_at: int | None
    rating: int | None
    review_comment: str | None
    is_removed: bool
    version: int


def listed(order: Order) -> ListedOrder:
    """Return what lists show of the order."""
    masked_comment = order.masked_review_comment
    return ListedOrder(
        id=order.id,
        category=order.category,
        city=order.city,
        description=public_description(order),
        is_masked=order.masked_description is not None,
        created_at=order.created_at,
        expires_at=order.expires_at,
        status=order.status,
        taken_at={
            take.executor_id: take.taken_at
            for take in sorted(order.takes.values(), key=lambda take: take.executor_count)
        },
        closes_at=order.closes_at,
        responded_at=order.responded_at,
        rating=order.rating,
        review_comment=order.review_comment if masked_comment is None else masked_comment,
        is_removed=order.removed_at is not None,
        version=order.version,
    )


# ---------------------------------------------------------------- the current state


def status_at(order: Order | ListedOrder, now: int) -> Status:
    """Return the status of the order at `now`."""
    if order.closes_at is not None and now >= order.closes_at:
        return Status.CLOSED_NO_RESPONSE
    if order.status is Status.ACTIVE and now >= order.expires_at:
        return Status.EXPIRED
    return order.status


def public_description(order: Order) -> str:
    """Return the description as anyone may see it (I23)."""
    return order.description if order.masked_description is None else order.masked_description


def owes_refunds(order: Order) -> bool:
    """Whether every executor gets a refund: the order was closed and never answered."""
    return order.status is Status.CLOSED_NO_RESPONSE and order.responded_at is None


def is_news(before: Order | None, after: Order) -> bool:
    """Whether the change is announced to subscribers: the order is new, or its category was corrected."""
    if after.status is not Status.ACTIVE:
        return False
    return before is None or (after.category != before.category and after.edits <= _ANNOUNCED_EDITS)


def repeats(order: Order, posted: Order) -> bool:
    """Whether the request for `order` posted `posted`: in an earlier attempt, or as the same request sent before.

    A repeated request has the same client and the same texts as stored, and comes within a minute, by the moments at
    which the two were received. The order that it posted is still active and was never edited (I29). An edit repeats
    nothing.
    """
    if posted.id == order.id:
        return True
    return (
        _request(order) == _request(posted)
        and order.edits == posted.edits == 0
        and status_at(posted, order.created_at) is Status.ACTIVE
        and order.created_at < posted.created_at + REPEAT_MS
    )


def _request(order: Order) -> tuple[int, str, str, str, str]:
    return order.client_id, order.category, order.city, order.description, order.contact


def is_running(order: Order, now: int) -> bool:
    """Whether an executor may still wait for the client: the order is active, or taken and not answered yet."""
    status = status_at(order, now)
    return status is Status.ACTIVE or (status is Status.EXPIRED and bool(order.takes) and order.responded_at is None)


def is_refunded(order: Order, take: Take) -> bool:
    """Whether the price of this take is refunded: by an operator, or because the order was never answered."""
    return take.refunded or owes_refunds(order)


def refunds(before: Order, after: Order) -> list[Take]:
    """Return the takes that this change of an order refunds."""
    had = {executor for executor, take in before.takes.items() if is_refunded(before, take)}
    return [take for executor, take in after.takes.items() if is_refunded(after, take) and executor not in had]


# ---------------------------------------------------------------- deadlines


def deadlines(order: Order | ListedOrder) -> dict[Deadline, int]:
    """Return the deadlines that are still ahead of the stored order, epoch ms."""
    ahead: dict[Deadline, int] = {}
    if order.status is Status.ACTIVE:
        ahead["hour"] = order.expires_at
    if order.closes_at is not None:
        ahead["answer"] = order.closes_at
    return ahead


def due_at(order: Order | ListedOrder) -> int | None:
    """Return the next deadline, epoch ms; None without one."""
    return min(deadlines(order).values(), default=None)


def fresh_for(orders: Iterable[Order | ListedOrder], now: int) -> int:
    """Return how many ms pass until the first of these orders reaches a deadline; at most a day."""
    ends = min((at for order in orders if (at := due_at(order)) is not None), default=now + DAY_MS)
    return max(min(ends - now, DAY_MS), 0)


def ended_by_time(order: Order, now: int) -> Order:
    """Return the order after the deadlines that have passed at `now`; the same object if none has.

    `ended_at` is the time of the deadline, not the time at which the end was noticed.
    """
    status = status_at(order, now)
    if status is order.status:
        return order
    # An active order is ended by its first deadline. An expired order keeps the time at which its hour ended.
    return replace(order, status=status, ended_at=due_at(order) if order.ended_at is None else order.ended_at)


# ---------------------------------------------------------------- what executors do


def with_take(
    order: Order, executor_id: int, *, price: int, answer_window_ms: int, now: int, source: Source = "feed"
) -> Order:
    """Return the order with one more take at `price` roubles. The first take starts the answer window (ms).

    The caller ensures that `executor_id` has not taken the order yet. Raises OwnOrder, OrderNotActive, AllSlotsTaken.
    """
    if executor_id == order.client_id:
        raise OwnOrder
    _check_active(order, now)
    if len(order.takes) >= MAX_TAKES:
        raise AllSlotsTaken
    take = Take(executor_id, taken_at=now, price=price, executor_count=len(order.takes) + 1, source=source)
    return replace(
        order,
        takes={**order.takes, executor_id: take},
        answer_due_at=now + answer_window_ms if order.answer_due_at is None else order.answer_due_at,
    )


# ---------------------------------------------------------------- what the client does


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
    """Return the order with the given fields replaced. The city never changes.

    The masked description, sent back as it was listed, leaves the description as it is.
    Raises OrderNotFound for an order of another client, OrderTaken, OrderNotActive.
    """
    _check_untaken(order, user_id)
    _check_active(order, now)
    if description is None or description == order.masked_description:
        description = order.description
    contact = contact or order.contact
    after = replace(
        order,
        category=category or order.category,
        description=description,
        masked_description=masked_form(description, contact),
        contact=contact,
        contact_key=contact_key or order.contact_key,
    )
    return order if after == order else replace(after, edits=order.edits + 1)


def deleted(order: Order, user_id: int, now: int) -> Order:
    """Return the order deleted. It must be untaken, and active or expired.

    Raises OrderNotFound for an order of another client, OrderTaken, OrderNotActive.
    """
    _check_untaken(order, user_id)
    if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
        raise OrderNotActive
    return replace(order, status=Status.DELETED, ended_at=min(now, order.expires_at))


def answered(order: Order, user_id: int, now: int) -> Order:
    """Return the order answered. It must be taken, and its answer window must still run, even if the hour is over.

    Raises NotYourOrder, AlreadyAnswered, NobodyTookIt, OrderNotActive.
    """
    _check_client(order, user_id)
    if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
        raise OrderNotActive
    if order.responded_at is not None:
        raise AlreadyAnswered
    if not order.takes:
        raise NobodyTookIt if status_at(order, now) is Status.ACTIVE else OrderNotActive
    return replace(order, responded_at=now)


def closed(order: Order, user_id: int, now: int) -> Order:
    """Return the order closed by its client. Before an answer, the executors get refunds, see `owes_refunds`.

    Raises NotYourOrder, OrderNotActive, NobodyTookIt.
    """
    _check_client(order, user_id)
    _check_active(order, now)
    if not order.takes:
        raise NobodyTookIt
    return replace(order, status=Status.CLOSED_NO_RESPONSE, ended_at=now)


def completed(order: Order, user_id: int, now: int) -> Order:
    """Return the order completed. Completing also counts as an answer.

    Raises NotYourOrder, OrderNotActive, NobodyTookIt.
    """
    _check_client(order, user_id)
    _check_active(order, now)
    if not order.takes:
        raise NobodyTookIt
    return replace(
        order,
        status=Status.COMPLETED,
        responded_at=now if order.responded_at is None else order.responded_at,
        ended_at=now,
    )


def reviewed(order: Order, *, rating: int, comment: str | None, masked_comment: str | None) -> Order:
    """Return the order with the client's review, whose rule is in `shared/domain/review.py`."""
    return replace(
        order, rating=rating, review_comment=comment, masked_review_comment=masked_comment, hides_review=False
    )


# ---------------------------------------------------------------- what operators do


def withdrawn(order: Order, now: int) -> Order:
    """End the order on behalf of its client: deleted if nobody took it, closed otherwise.

    Raises OrderNotActive if the order is neither active nor expired.
    """
    if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
        raise OrderNotActive
    status = Status.CLOSED_NO_RESPONSE if order.takes else Status.DELETED
    return replace(order, status=status, ended_at=min(now, order.expires_at))


def removed(order: Order, now: int) -> Order:
    """Return the order removed at `now`; unchanged if it was removed before (idempotent).

    An active or expired order is withdrawn and every take refunded, answered or not. Any other is only hidden: its
    status and its money stay.
    """
    if order.removed_at is not None:
        return order
    ended = ended_by_time(order, now)
    if ended.status in (Status.ACTIVE, Status.EXPIRED):
        takes = {executor: replace(take, refunded=True) for executor, take in order.takes.items()}
        ended = replace(withdrawn(order, now), takes=takes)
    return replace(ended, removed_at=now)


def with_review_hidden(order: Order) -> Order:
    """Return the order without the client's review. A second review of it is refused as before (I20)."""
    return replace(order, rating=None, review_comment=None, masked_review_comment=None, hides_review=True)


def with_refund(order: Order, executor_id: int, now: int) -> Order:
    """Return the order with this executor's take refunded. If a passed deadline refunds it, return the ended order.

    Raises TakeNotFound, AlreadyRefunded, TakeNotOver while the client can still answer (I7).
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


def _check_client(order: Order, user_id: int) -> None:
    if user_id != order.client_id:
        raise NotYourOrder


def _check_untaken(order: Order, user_id: int) -> None:
    if user_id != order.client_id:
        raise OrderNotFound
    if order.takes:
        raise OrderTaken
