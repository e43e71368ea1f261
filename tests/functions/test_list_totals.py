"""GET /api/orders: totals and pages at the edges."""

from typing import Any

import pytest

from shared.commands import orders as commands
from shared.domain.order import answered
from shared.store import feeds, orders, table
from tests.in_process import Api

MINUTE = 60_000


def test_expired_orders_are_counted_as_they_expire(service: Api) -> None:
    """The total of an earlier moment is not repeated beside the page of a later one (I12)."""
    service.order(1, "@first_pipe")
    service.later(ms=1)
    service.order(1, "@second_pipe")
    service.later(minutes=60, ms=-1)
    for expired in (1, 2):
        answer = service.call("GET /api/orders", query={"status": "expired"}).json
        assert (len(answer["orders"]), answer["total"]) == (expired, expired)
        service.later(ms=1)


def test_an_offset_of_any_size_is_answered(service: Api) -> None:
    """What DynamoDB is asked for stays what it can be asked for."""
    asked: list[int] = []

    def see(params: dict[str, Any], **_: Any) -> None:
        asked.append(params.get("Limit", 1))

    table.client().meta.events.register("before-parameter-build.dynamodb.Query", see)
    service.order(1)
    for query in ({}, {"mine": True}):
        answer = service.call("GET /api/orders", user=1, query={"offset": 10**20, **query})
        assert (answer.status, answer.json) == (200, {"orders": [], "total": 1})
    assert asked
    assert max(asked) < 2**31


def test_who_takes_while_the_client_answers_takes_an_answered_order(
    service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer falls between a take's read and its write: what is due of the order is the end of its hour (I12)."""
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


@pytest.mark.parametrize("counted_by_keys", [300, 2])
def test_an_order_whose_answer_is_late_is_not_counted(
    service: Api, monkeypatch: pytest.MonkeyPatch, counted_by_keys: int
) -> None:
    """The window of the oldest ended and no timer ran: it is stored as active and stands behind the page (I12)."""
    monkeypatch.setattr(feeds, "_COUNTED_BY_KEYS", counted_by_keys)
    oldest = service.order(1, "@first_pipe")["id"]
    service.recharge(2)
    assert service.call("POST /api/orders/{id}/take", user=2, id=oldest).status == 200
    for contact in ("@second_pipe", "@third_pipe", "@fourth_pipe"):
        service.later(ms=1)
        service.order(1, contact)
    for minutes, total in ((0, 4), (15, 3)):
        service.later(minutes=minutes)
        for _ in range(2):  # counted, and remembered
            answer = service.call("GET /api/orders", query={"limit": 1}).json
            assert (len(answer["orders"]), answer["total"]) == (1, total)
