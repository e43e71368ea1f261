"""An order ends once, by the first of: the sweep, its timer, TTL, its client, a new order with its contact."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.store import table
from tests.in_process import START, Api


def test_unanswered_order_closes_and_refunds_executors_once(service: Api) -> None:
    """I7: L1, L2, F12."""
    order = service.order(1)
    for executor in (2, 3, 4):
        service.recharge(executor, 10)
        assert service.call("POST /api/orders/{id}/take", user=executor, id=order["id"]).status == 200
    service.later(minutes=15)
    for _ in range(3):
        service.sweep()
    assert service.call("GET /api/orders/{id}", id=order["id"]).json["status"] == "closed_no_response"
    for executor in (2, 3, 4):
        me = service.call("GET /api/users/me", user=executor).json
        assert (me["balance"], me["active_orders"]) == (10, 0)
        rows = service.call("GET /api/balance/transactions", user=executor).json["transactions"]
        assert [(row["type"], row["amount"]) for row in rows] == [("refund", 2), ("order_take", -2), ("recharge", 10)]
    assert service.call("GET /api/users/me", user=1).json["active_orders"] == 0


def another_of(order: dict[str, Any]) -> dict[str, Any]:
    """A request body for another order with the same contact."""
    return {name: order[name] for name in ("category", "city", "description", "contact")}


def test_contact_is_free_once_its_order_ended_by_the_clock(service: Api) -> None:
    """I15: the answer window ended inside the hour and no timer ran; a new order with the contact ends it."""
    order = service.order(1, contact="@burst_pipe")
    service.recharge(2, 2)
    service.call("POST /api/orders/{id}/take", user=2, id=order["id"])
    service.later(minutes=15, ms=-1)
    body = another_of(order)
    assert service.call("POST /api/orders", user=3, body=body).status == 409
    service.later(ms=1)
    assert service.call("POST /api/orders", user=3, body=body).status == 201
    assert service.call("GET /api/balance", user=2).json == {"balance": 2}
    assert service.call("POST /api/orders", user=1, body=body).status == 409


def test_contact_asked_for_as_its_order_expires_is_a_409(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """I15: the hour ends during the request; the order was still active when the request arrived."""
    order = service.order(1, contact="@burst_pipe")
    service.later(minutes=60, ms=-5)
    transact = table.transact
    writes = []

    def slow(items: Any) -> None:
        writes.append(service.now)
        service.later(ms=10)
        transact(items)

    monkeypatch.setattr(table, "transact", slow)
    body = another_of(order)
    refused = service.call("POST /api/orders", user=2, body=body)
    # The write of the order, and the charge for the refusal (I26).
    assert (refused.status, refused.json["code"], len(writes)) == (409, "contact_busy", 2)
    assert service.call("POST /api/orders", user=2, body=body).status == 201


def test_sweep_ends_the_longest_due_order_first(service: Api) -> None:
    """L1: the order of creation does not matter."""
    service.recharge(2, 10)
    orders = [service.order(1, contact=f"@burst_pipe_{number}")["id"] for number in range(3)]
    for order_id in (orders[1], orders[2], orders[0]):
        service.later(minutes=1)
        assert service.call("POST /api/orders/{id}/take", user=2, id=order_id).status == 200
    service.later(minutes=16)
    service.sweep()
    rows = service.call("GET /api/balance/transactions", user=2).json["transactions"]
    refunded = [row["order_id"] for row in rows if row["type"] == "refund"]
    assert refunded[::-1] == [orders[1], orders[2], orders[0]]


LATE_ENDS: dict[str, Callable[[Api, str], Any]] = {
    "sweep": lambda service, _: service.sweep(),
    "timer": lambda service, order_id: service.timer(order_id, START + 60 * 60_000),
    "TTL": lambda service, order_id: service.lock_expired(order_id, START + 60 * 60_000),
    "its client": lambda service, order_id: service.call("DELETE /api/orders/{id}", user=1, id=order_id),
}


@pytest.mark.parametrize("end", LATE_ENDS)
def test_late_end_frees_no_newer_orders_contact(service: Api, end: str) -> None:
    """I15, F23: the hour is over and no timer ran; another client's order has the contact when the timer runs."""
    old = service.order(1, contact="@burst_pipe")
    service.later(minutes=60)
    new = service.order(2, contact="@burst_pipe")
    assert service.image(old["id"])["status"] == {"S": "active"}
    LATE_ENDS[end](service, old["id"])
    assert service.image(old["id"])["status"] == {"S": "deleted" if end == "its client" else "expired"}
    body = {name: new[name] for name in ("category", "city", "description", "contact")}
    assert service.call("POST /api/orders", user=3, body=body).status == 409
    # The end of the newer order does free it.
    assert service.call("DELETE /api/orders/{id}", user=2, id=new["id"]).status == 204
    assert service.call("POST /api/orders", user=3, body=body).status == 201
