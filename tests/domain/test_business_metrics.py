"""The business metrics of the marketplace, by change of an order."""

from dataclasses import replace

import pytest

from shared.domain.business_metrics import BusinessMetric, of_change
from shared.domain.order import Order, Status, Take, removed, with_refund

ORDER = Order("AAAAAAAAAAAA", 1, "Другое", "Москва", "text", "@client", "key", created_at=1_000, expires_at=3_601_000)


def taken(order: Order, *executors: int, price: int = 2) -> Order:
    takes = {each: Take(each, 61_000 + each, price, n) for n, each in enumerate(executors, 1)}
    return replace(order, takes=order.takes | takes)


def test_a_new_order() -> None:
    assert of_change(None, ORDER) == [BusinessMetric("OrdersCreated", 1, "Count")]


def test_takes() -> None:
    """The price is the one that was paid. Only the first take measures how long an order waited."""
    one = taken(ORDER, 5, price=3)
    assert of_change(ORDER, one) == [
        BusinessMetric("OrdersTaken", 1),
        BusinessMetric("RoublesSpent", 3),
        BusinessMetric("TimeToFirstTake", 60_005, "Milliseconds"),
    ]
    assert BusinessMetric("TimeToFirstTake", 60_005, "Milliseconds") in of_change(ORDER, taken(ORDER, 5, 6))
    assert of_change(one, taken(one, 6, 7)) == [BusinessMetric("OrdersTaken", 2), BusinessMetric("RoublesSpent", 4)]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (Status.EXPIRED, "OrdersExpired"),
        (Status.COMPLETED, "OrdersCompleted"),
        (Status.DELETED, "OrdersDeleted"),
        (Status.CLOSED_NO_RESPONSE, "OrdersClosed"),
    ],
)
def test_ends(status: Status, name: str) -> None:
    answered = replace(taken(ORDER, 5), responded_at=70_000)
    assert of_change(answered, replace(answered, status=status)) == [BusinessMetric(name, 1)]


def test_refunds() -> None:
    """Refunds are counted when the answer window ends, also if the order expired before."""
    for before in (taken(ORDER, 5, 6), replace(taken(ORDER, 5, 6), status=Status.EXPIRED)):
        closed = replace(before, status=Status.CLOSED_NO_RESPONSE)
        assert of_change(before, closed) == [BusinessMetric("OrdersClosed", 1), BusinessMetric("RoublesRefunded", 4)]
        assert of_change(closed, replace(closed, rating=5)) == []


def test_refunds_by_an_operator_are_counted_once() -> None:
    """A single refund is counted without an end; a removal counts the takes that were not refunded before."""
    answered = replace(taken(ORDER, 5, 6), responded_at=70_000)
    one = with_refund(answered, 5, 80_000)
    assert of_change(answered, one) == [BusinessMetric("RoublesRefunded", 2)]
    assert of_change(one, removed(one, 90_000)) == [
        BusinessMetric("OrdersClosed", 1),
        BusinessMetric("RoublesRefunded", 2),
    ]
    assert of_change(ORDER, removed(ORDER, 90_000)) == [BusinessMetric("OrdersDeleted", 1)]


def test_an_answer_and_an_edit() -> None:
    assert of_change(taken(ORDER, 5), replace(taken(ORDER, 5), responded_at=70_000)) == [
        BusinessMetric("OrdersAnswered", 1)
    ]
    assert of_change(ORDER, replace(ORDER, description="other", edits=1)) == []
