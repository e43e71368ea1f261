"""Refunds of payments by operators: up to a sum a day alone, beyond it with a second operator."""

from collections.abc import Set
from dataclasses import dataclass

from shared.domain.durations import DAY_MS, HOUR_MS
from shared.domain.errors import RefundTooEarly, SecondOperatorNeeded

# Days are those of Moscow, which has had no daylight saving time since 2014.
_MOSCOW_MS = 3 * HOUR_MS
# A single operator waits so long before they approve their own request.
WAIT_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class Refund:
    """An operator's decision to refund a payment. `amount` in roubles, times in epoch ms.

    `approved_at`: None while the refund waits for a second operator. A refund within the operator's sum is approved at
    once.
    """

    payment_id: int
    user_id: int
    amount: int
    operator_id: int
    reason: str
    created_at: int
    approved_at: int | None = None


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
