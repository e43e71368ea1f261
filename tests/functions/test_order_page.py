"""What an operator sees of an order: its takes with their money, its end, and the complaints about it."""

from typing import Any

from tests.conftest import OPERATOR
from tests.in_process import Api

CLIENT, FIRST, SECOND = 1, 2, 3


def page(service: Api, order: str) -> Any:
    answer = service.call("GET /api/admin/orders/{id}", user=OPERATOR, id=order)
    assert answer.status == 200
    return answer.json


def taken(service: Api) -> str:
    """A new order that two executors took."""
    order: str = service.order(CLIENT)["id"]
    for executor in (FIRST, SECOND):
        service.recharge(executor)
        assert service.call("POST /api/orders/{id}/take", user=executor, id=order).status == 200
    return order


def test_an_order_page_shows_the_money_of_each_take(service: Api) -> None:
    order = taken(service)
    service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order)
    body = {"executor_id": SECOND, "reason": "Клиент не открыл дверь"}
    assert service.call("POST /api/admin/orders/{id}/refund", user=OPERATOR, id=order, body=body).status == 200
    shown = page(service, order)
    assert [(take["executor_id"], take["price"], take["refunded"]) for take in shown["takes"]] == [
        (FIRST, 2, False),
        (SECOND, 2, True),
    ]
    assert [take["taken_at"] for take in shown["takes"]] == [take["taken_at"] for take in shown["taken_by"]]


def test_an_unanswered_order_page_shows_every_refund(service: Api) -> None:
    order = taken(service)
    assert page(service, order)["ended_at"] is None
    service.later(minutes=5)
    assert service.call("POST /api/orders/{id}/close", user=CLIENT, id=order).status == 204
    shown = page(service, order)
    assert [take["refunded"] for take in shown["takes"]] == [True, True]
    assert shown["ended_at"] > shown["created_at"]


def test_an_order_page_shows_the_complaints_about_it(service: Api) -> None:
    order = taken(service)
    assert page(service, order)["complaints"] == []
    complaint = {"order_id": order, "complaint": "Не отвечал", "comment": "Звонил на +79161234567"}
    assert service.call("POST /api/reviews/executor", user=SECOND, body=complaint).status == 200
    shown = page(service, order)["complaints"]
    assert shown == service.call("GET /api/admin/complaints", user=OPERATOR).json["complaints"]
    assert [each["executor_id"] for each in shown] == [SECOND]
    assert "9161234567" not in str(page(service, order))
