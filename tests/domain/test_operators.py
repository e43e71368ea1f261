"""What an operator may do to an order, by example."""

from dataclasses import replace

import pytest

from shared.domain.errors import AlreadyRefunded, OrderNotActive, TakeNotFound, TakeNotOver
from shared.domain.order import (
    Order,
    Status,
    answered,
    ended_by_time,
    is_refunded,
    refunds,
    removed,
    with_refund,
    withdrawn,
)
from tests.domain.test_order import BEGIN, CLIENT, CLOSED, COMPLETED, DELETED, ENDED, HOUR, MINUTE, NEW, taken

ANSWERED = answered(taken(1, 2), CLIENT, BEGIN + 3 * MINUTE)


def refunded(order: Order) -> set[int]:
    return {take.executor_id for take in order.takes.values() if is_refunded(order, take)}


@pytest.mark.parametrize(
    ("order", "status", "takers"),
    [
        (NEW, Status.DELETED, set()),
        (taken(1, 2), Status.CLOSED_NO_RESPONSE, {2, 3}),
        (ANSWERED, Status.CLOSED_NO_RESPONSE, {2, 3}),
    ],
)
@pytest.mark.parametrize("hour_is_over", [False, True])
def test_a_removed_order_refunds_every_executor(
    order: Order, status: Status, takers: set[int], hour_is_over: bool
) -> None:
    """I7: whether answered or not. A stored status that lags behind the clock makes no difference."""
    now = HOUR + 5 * MINUTE if hour_is_over else BEGIN + 4 * MINUTE
    if order.responded_at is None and order.takes and hour_is_over:
        return  # the answer window closed it: below
    for stored in (order, ended_by_time(order, now)):
        after = removed(stored, now)
        assert refunded(after) == takers
        takes = {executor: replace(take, refunded=True) for executor, take in order.takes.items()}
        assert after == replace(order, status=status, ended_at=min(now, HOUR), takes=takes, removed_at=now)


def test_a_withdrawn_order_refunds_the_same_as_a_close() -> None:
    for order, owed in ((taken(1), {2}), (ANSWERED, set())):
        after = withdrawn(order, BEGIN + 4 * MINUTE)
        assert after == replace(order, status=Status.CLOSED_NO_RESPONSE, ended_at=BEGIN + 4 * MINUTE)
        assert refunded(after) == owed
    for now in (BEGIN, HOUR, HOUR + MINUTE):
        assert withdrawn(NEW, now) == replace(NEW, status=Status.DELETED, ended_at=min(now, HOUR))


@pytest.mark.parametrize("order", [*ENDED, taken(1)], ids=lambda order: order.status)
def test_an_ended_order_cannot_be_withdrawn(order: Order) -> None:
    """I11."""
    with pytest.raises(OrderNotActive):
        withdrawn(order, BEGIN + 16 * MINUTE)


@pytest.mark.parametrize("order", [*ENDED, taken(1, 2)], ids=lambda order: order.status)
def test_removal_of_an_ended_order_only_hides_it(order: Order) -> None:
    """I7, I11: an end by the clock is stored with it, and refunds as it would have without."""
    now = BEGIN + 20 * MINUTE
    ended = ended_by_time(order, now)
    after = removed(order, now)
    assert after == replace(ended, removed_at=now)
    assert refunds(order, after) == refunds(order, ended)


@pytest.mark.parametrize("order", [NEW, taken(1), ANSWERED, *ENDED], ids=lambda order: order.status)
def test_an_order_is_removed_once(order: Order) -> None:
    after = removed(order, BEGIN + 4 * MINUTE)
    assert removed(after, BEGIN + 5 * MINUTE) is after


@pytest.mark.parametrize("order", [ANSWERED, COMPLETED])
def test_one_take_is_refundable_once_no_answer_is_possible(order: Order) -> None:
    after = with_refund(order, 2, BEGIN + 4 * MINUTE)
    assert refunded(after) == {2}
    assert after == replace(order, takes={**order.takes, 2: replace(order.takes[2], refunded=True)})
    with pytest.raises(AlreadyRefunded):
        with_refund(after, 2, BEGIN + 5 * MINUTE)


def test_an_answered_order_past_its_hour_is_refundable() -> None:
    """Answered, and the hour is over: no deadline is open, so an executor who complains may be refunded."""
    after = with_refund(ANSWERED, 3, HOUR + MINUTE)
    assert refunded(after) == {3}
    assert refunds(ANSWERED, after) == [after.takes[3]]


def test_refunds_of_a_change_exclude_earlier_refunds() -> None:
    """I7."""
    order = taken(1, 2)
    closed_by_time = ended_by_time(order, BEGIN + 16 * MINUTE)
    assert refunds(NEW, order) == []
    assert refunds(order, closed_by_time) == [*order.takes.values()]
    assert refunds(closed_by_time, closed_by_time) == []
    one = with_refund(ANSWERED, 2, BEGIN + 4 * MINUTE)
    gone = removed(one, BEGIN + 5 * MINUTE)
    assert refunds(ANSWERED, one) == [one.takes[2]]
    assert refunds(one, gone) == [gone.takes[3]]
    assert refunds(order, removed(order, BEGIN + 3 * MINUTE)) == [*removed(order, BEGIN + 3 * MINUTE).takes.values()]


def test_no_take_is_refundable_while_an_answer_is_possible() -> None:
    """I7: to the millisecond, also after the hour. The end of the window then refunds every executor."""
    order = taken(50, 51)
    ends = BEGIN + 65 * MINUTE
    for now in (BEGIN + 52 * MINUTE, HOUR, ends - 1):
        with pytest.raises(TakeNotOver):
            with_refund(order, 2, now)
    after = with_refund(order, 2, ends)
    assert (after.status, refunded(after)) == (Status.CLOSED_NO_RESPONSE, {2, 3})
    with pytest.raises(AlreadyRefunded):
        with_refund(CLOSED, 2, ends)


@pytest.mark.parametrize("order", [NEW, DELETED, ANSWERED])
def test_refund_without_a_take_is_refused(order: Order) -> None:
    with pytest.raises(TakeNotFound):
        with_refund(order, 77, BEGIN + 4 * MINUTE)
