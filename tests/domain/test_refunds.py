"""Who approves a refund, when, which day it counts for, and when it is continued."""

from dataclasses import replace

import pytest

from shared.domain.durations import DAY_MS, HOUR_MS, MINUTE_MS
from shared.domain.errors import RefundTooEarly, SecondOperatorNeeded
from shared.domain.refunds import Refund, begun, check_approver, continued, day_of, may_approve_at

ASKED = 1_790_000_000_000
WAITING = Refund(payment_id=1, user_id=5, amount=900, operator_id=900, reason="жалоба", created_at=ASKED)


def test_another_operator_approves_at_once() -> None:
    check_approver(WAITING, 901, {900, 901}, ASKED)
    assert may_approve_at(WAITING, {900, 901}) is None


def test_operator_never_approves_their_own_beside_others() -> None:
    with pytest.raises(SecondOperatorNeeded):
        check_approver(WAITING, 900, {900, 901}, ASKED + 30 * DAY_MS)


def test_single_operator_waits_a_day() -> None:
    assert may_approve_at(WAITING, {900}) == ASKED + DAY_MS
    with pytest.raises(RefundTooEarly):
        check_approver(WAITING, 900, {900}, ASKED + DAY_MS - 1)
    check_approver(WAITING, 900, {900}, ASKED + DAY_MS)


def test_request_of_a_former_operator_needs_another() -> None:
    assert may_approve_at(WAITING, {901}) is None
    check_approver(WAITING, 901, {901}, ASKED)


def test_day_begins_at_midnight_in_moscow() -> None:
    midnight = 20_000 * DAY_MS - 3 * HOUR_MS
    assert [day_of(midnight + ms) for ms in (-1, 0, DAY_MS - 1, DAY_MS)] == [19_999, 20_000, 20_000, 20_001]


def test_begun_refund_is_due_in_a_minute() -> None:
    assert WAITING.check_at is None
    approved = begun(WAITING, ASKED + 7)
    assert approved == replace(WAITING, approved_at=ASKED + 7, check_at=ASKED + 7 + MINUTE_MS)
    assert begun(approved, ASKED + DAY_MS) == replace(approved, check_at=ASKED + DAY_MS + MINUTE_MS)


def test_refund_is_continued_when_twice_as_old() -> None:
    refund, ages = begun(WAITING, ASKED), []
    for _ in range(5):
        assert refund.check_at is not None
        ages.append((refund.check_at - ASKED) // MINUTE_MS)
        refund = continued(refund, refund.check_at)
    assert ages == [1, 2, 4, 8, 16]
    assert refund.approved_at == ASKED
    assert continued(refund, ASKED - 5).check_at == ASKED - 5 + MINUTE_MS  # another function's clock is behind
