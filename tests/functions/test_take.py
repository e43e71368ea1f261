"""POST /api/orders/{id}/take."""

from functools import partial
from typing import Any

import pytest

from shared.commands import orders as commands
from shared.domain.order import answered
from shared.store import orders
from tests.in_process import Api, Change

MINUTE = 60_000


def test_take_pays_once_and_shows_the_contact(service: Api) -> None:
    order = service.order(1)
    service.recharge(2, 7)
    taken = service.call("POST /api/orders/{id}/take", user=2, id=order["id"])
    assert (taken.status, taken.json) == (
        200,
        {"success": True, "contact": "@burst_pipe", "executor_count": 1, "new_balance": 5},
    )
    again = service.call("POST /api/orders/{id}/take", user=2, id=order["id"])
    assert again.json == taken.json
    assert service.call("DELETE /api/orders/{id}", user=1, id=order["id"]).status == 403


def test_only_paid_takes_are_rate_limited(service: Api, change: Change) -> None:
    """I19: a repeated take costs neither money nor a token."""
    change(TAKES_PER_HOUR="2")
    service.recharge(9, 10)
    found = [service.order(client, f"@burst_pipe{client}")["id"] for client in (1, 2, 3)]
    take = partial(service.call, "POST /api/orders/{id}/take", user=9)
    assert [take(id=found[0]).status for _ in range(5)] == [200] * 5
    assert take(id=found[1]).status == 200
    refused = take(id=found[2])
    assert (refused.status, refused.headers["retry-after"]) == (429, "1800")
    assert take(id=found[0]).status == 200
    assert service.call("GET /api/balance", user=9).json == {"balance": 6}
    service.later(minutes=30)
    assert take(id=found[2]).status == 200


def test_refund_equals_the_price_paid_for_the_take(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """I6, I7: the price changes between two takes and again before they are refunded."""
    order = service.order(1)
    for executor, price in ((2, 5), (3, 7)):
        service.recharge(executor, 10)
        monkeypatch.setattr(commands, "TAKE_PRICE", price)
        taken = service.call("POST /api/orders/{id}/take", user=executor, id=order["id"])
        assert taken.json["new_balance"] == 10 - price
    monkeypatch.setattr(commands, "TAKE_PRICE", 1)
    again = service.call("POST /api/orders/{id}/take", user=2, id=order["id"])
    assert (again.status, again.json["new_balance"]) == (200, 5)
    service.later(minutes=15)
    service.sweep()
    for executor, price in ((2, 5), (3, 7)):
        rows = service.call("GET /api/balance/transactions", user=executor).json["transactions"]
        assert [row["amount"] for row in rows] == [price, -price, 10]
        assert service.call("GET /api/balance", user=executor).json == {"balance": 10}


def test_take_crossing_the_answer_leaves_the_order_answered(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is written between a take's read and write; the remaining deadline is the end of the hour (I12)."""
    order = service.order(1, "@first_pipe")["id"]
    for executor in (2, 3):
        service.recharge(executor)
    assert service.call("POST /api/orders/{id}/take", user=2, id=order).status == 200
    take = orders.take

    def cross(*given: Any, **named: Any) -> None:
        monkeypatch.setattr(orders, "take", take)
        commands.change(order, lambda taken, now: answered(taken, 1, now), commands.move, caller_id=1)
        take(*given, **named)

    monkeypatch.setattr(orders, "take", cross)
    assert service.call("POST /api/orders/{id}/take", user=3, id=order).status == 200
    assert orders.due(service.now + 15 * MINUTE) == []
    service.later(ms=1)
    service.order(1, "@second_pipe")
    service.later(minutes=15)
    assert service.call("GET /api/orders", query={"limit": 1}).json["total"] == 2
