"""An order from its first take to its end, through the functions."""

from tests.functions.conftest import Api


def test_an_unanswered_order_closes_and_its_takers_have_their_money_back_once(service: Api) -> None:
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


def test_a_contact_is_free_when_its_order_ended_by_the_clock(service: Api) -> None:
    """I15: the answer window ended inside the hour and no timer ran yet; whoever needs the contact ends that order."""
    order = service.order(1, contact="@burst_pipe")
    service.recharge(2, 2)
    service.call("POST /api/orders/{id}/take", user=2, id=order["id"])
    service.later(minutes=15, ms=-1)
    body = {**{name: order[name] for name in ("category", "city", "description")}, "contact": "@burst_pipe"}
    assert service.call("POST /api/orders", user=3, body=body).status == 409
    service.later(ms=1)
    assert service.call("POST /api/orders", user=3, body=body).status == 201
    assert service.call("GET /api/balance", user=2).json == {"balance": 2}
    assert service.call("POST /api/orders", user=1, body=body).status == 409
