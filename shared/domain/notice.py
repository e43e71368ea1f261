"""Notices about a change of an order: to the client about takes, to the executors about an answer, an end, a refund.

If an operator removes the order, its client gets a notice of that, and so do its executors if the order ended with it.
"""

from dataclasses import dataclass
from typing import Literal

from shared.domain.delivery import Outcome
from shared.domain.durations import HOUR_MS
from shared.domain.order import MAX_TAKES, Order, Status, Take, owes_refunds, refunds, status_at

Kind = Literal["taken", "asked", "answered", "completed", "expired", "closed", "refunded", "removed"]

# How long a notice of an answer or an end may be late and is still sent.
_FRESH_MS = HOUR_MS


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice about one order for one user, to be sent from `due_at` on, epoch ms.

    `number`: ordinal of the take or reminder, from 1; 0 for other kinds.
    """

    kind: Kind
    order_id: str
    user_id: int
    due_at: int
    number: int = 0


# Every notice that an order can lead to, for its client and for each of its executors: the kind and the number.
OF_CLIENT: tuple[tuple[Kind, int], ...] = (
    *(("taken", number) for number in range(1, MAX_TAKES + 1)),
    ("asked", 1),
    ("asked", 2),
    ("removed", 0),
)
OF_EXECUTOR: tuple[tuple[Kind, int], ...] = tuple(
    (kind, 0) for kind in ("answered", "completed", "expired", "closed", "refunded", "removed")
)


def of_change(before: Order | None, after: Order, now: int) -> list[Notice]:
    """Return the notices that follow from a change of an order, later reminders included."""
    if before is None:
        return []
    found = []
    for take in sorted(after.takes.values(), key=lambda take: take.executor_count):
        if take.executor_id not in before.takes:
            found += _of_take(after, take)
    if after.removed_at is not None and before.removed_at is None:
        # For the executors of an order that had ended before, nothing changes: no refund, and they still see it.
        executors = after.takes if after.status is not before.status else ()
        return found + [Notice("removed", after.id, user, now) for user in (after.client_id, *executors)]
    paid_back = {take.executor_id for take in refunds(before, after)}
    kind_of_change = _executor_notice(before, after)
    for executor in after.takes:
        kind = "refunded" if executor in paid_back else kind_of_change
        if kind is not None:
            found.append(Notice(kind, after.id, executor, now))
    return found


def _of_take(order: Order, take: Take) -> list[Notice]:
    taken = Notice("taken", order.id, order.client_id, take.taken_at, take.executor_count)
    if take.executor_count > 1 or order.answer_due_at is None:
        return [taken]
    # The notice of the first take asks the client at once.
    asked = [Notice("asked", order.id, order.client_id, at, n) for n, at in enumerate(reminders_at(order), start=1)]
    return [taken, *asked]


def reminders_at(order: Order) -> list[int]:
    """Return when the client is reminded of the first take (epoch ms): after 5 and 10 of 15 minutes, the window."""
    if order.answer_due_at is None:
        return []
    taken_at = min(take.taken_at for take in order.takes.values())
    return [taken_at + (order.answer_due_at - taken_at) * n // 3 for n in (1, 2)]


def _executor_notice(before: Order, after: Order) -> Kind | None:
    if after.status is not before.status:
        if after.status is Status.COMPLETED:
            return "completed"
        if after.status is Status.CLOSED_NO_RESPONSE:
            return "closed"
        # An expired order that can still be answered can still change, so its executors get a notice later.
        if after.status is Status.EXPIRED and after.responded_at is not None:
            return "expired"
    if after.responded_at is not None and before.responded_at is None:
        return "answered"
    return None


def can_be_answered(order: Order, now: int) -> bool:
    """Whether the client may still report an answer to the executors."""
    return bool(order.takes) and order.responded_at is None and status_at(order, now) in (Status.ACTIVE, Status.EXPIRED)


def drop_reason(notice: Notice, order: Order | None, now: int) -> Outcome | None:
    """Return why the notice is dropped at `now`; None if it is to be sent."""
    if order is None:
        return Outcome.ENDED
    match notice.kind:
        case "taken":
            is_open = status_at(order, now) is Status.ACTIVE or can_be_answered(order, now)
            return None if is_open else Outcome.ENDED
        case "asked":
            if order.responded_at is not None:
                return Outcome.ANSWERED
            return None if can_be_answered(order, now) else Outcome.ENDED
        case "answered" if status_at(order, now) not in (Status.ACTIVE, Status.EXPIRED):
            return Outcome.ENDED
    return None if now < useful_until(notice, order) else Outcome.LATE


def useful_until(notice: Notice, order: Order) -> int:
    """Return when the notice is of no use any more, epoch ms. A change of the order may end its use before that."""
    if notice.kind in ("taken", "asked"):
        return max(order.expires_at, order.answer_due_at or order.expires_at)
    return _since(notice, order) + _FRESH_MS


def _since(notice: Notice, order: Order) -> int:
    """Return when the event of the notice happened (epoch ms), which may be earlier than when it was recorded."""
    if notice.kind == "answered":
        happened = order.responded_at
    elif notice.kind == "removed":
        happened = order.removed_at
    elif notice.kind == "refunded" and not owes_refunds(order):
        happened = None  # the order does not store the time of an operator's refund
    else:
        happened = order.ended_at
    return notice.due_at if happened is None else happened
