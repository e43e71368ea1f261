"""Refunds of payments by operators: up to a sum a day alone, beyond it with a second operator."""

from collections.abc import Set
from dataclasses import dataclass, replace

from shared.domain.durations import DAY_MS, HOUR_MS, MINUTE_MS
from shared.domain.errors import RefundTooEarly, SecondOperatorNeeded

# Days are those of Moscow, which has had no daylight saving time since 2014.
_MOSCOW_MS = 3 * HOUR_MS
# A single operator waits so long before they approve their own request.
WAIT_MS = DAY_MS
# A refund that was begun is continued after this long at the earliest. Its request has ended by then.
FIRST_CHECK_MS = MINUTE_MS


@dataclass(frozen=True, slots=True)
class Refund:
    """An operator's decision to refund a payment. `amount` in roubles, times in epoch ms.

    `approved_at`: None while the refund waits for a second operator. A refund within the operator's sum is approved at
    once.
    `check_at`: when the refund is continued if no attempt has ended it by then; None if it waits or has ended.
    """

    payment_id: int
    user_id: int
    amount: int
    operator_id: int
    reason: str
    created_at: int
    approved_at: int | None = None
    check_at: int | None = None


def day_of(now: int) -> int:
    """Return the number of the day in Moscow at `now` (epoch ms), as counted from the epoch."""
    return (now + _MOSCOW_MS) // DAY_MS


def may_approve_at(refund: Refund, operators: Set[int]) -> int | None:
    """Return when the operator who asked for the refund may approve it, epoch ms; None if another must."""
    return None if operators - {refund.operator_id} else refund.created_at + WAIT_MS


def check_approver(refund: Refund, operator_id: int, operators: Set[int], now: int) -> None:
    """Check that the operator may approve the refund at `now` (epoch ms). Raises SecondOperatorNeeded, RefundTooEarly.

    Any other operator may. A single one may after a day, in which they can withdraw it.
    """
    if operator_id != refund.operator_id:
        return
    at = may_approve_at(refund, operators)
    if at is None:
        raise SecondOperatorNeeded
    if now < at:
        raise RefundTooEarly


def begun(refund: Refund, now: int) -> Refund:
    """Return the refund that an operator begins, approves or repeats at `now` (epoch ms)."""
    approved_at = now if refund.approved_at is None else refund.approved_at
    return replace(refund, approved_at=approved_at, check_at=now + FIRST_CHECK_MS)


def continued(refund: Refund, now: int) -> Refund:
    """Return the begun refund that is continued at `now` (epoch ms).

    If this attempt does not end it, the next one is due when the approval is twice as old (exponential backoff).
    """
    age = 0 if refund.approved_at is None else now - refund.approved_at
    return replace(refund, check_at=now + max(age, FIRST_CHECK_MS))
