"""Where a take came from, and how many were told of an order."""

import pytest

from functions.notifications import find_audience
from infra.local.initdata import signed_init_data
from shared.domain.messages import NewOrder
from shared.domain.order import Order
from shared.store import keys, orders, stats, table
from tests.api import Context
from tests.conftest import BOT_TOKEN
from tests.in_process import Api


def told_of(order: str) -> int | None:
    item = table.get(keys.told(order))
    return item["told"] if item else None


def loaded(order: str) -> Order:
    found = orders.get(order)
    assert found is not None
    return found


def subscribe(service: Api, *executors: int) -> None:
    for executor in executors:
        body = {"enabled": True}
        assert service.call("PUT /api/users/me/notification-settings", user=executor, body=body).status == 200


@pytest.mark.parametrize(
    ("opened_by", "source"),
    [
        ({}, None),
        ({"start_param": "order_{id}"}, "link"),
        ({"start_param": "order_{id}", "chat_type": "channel"}, "link"),
        ({"start_param": "order_{id}", "chat_type": "sender"}, "bot"),
        ({"start_param": "order_AAAAAAAAAAAA", "chat_type": "sender"}, None),
    ],
)
def test_take_stores_where_it_came_from(service: Api, opened_by: dict[str, str], source: str | None) -> None:
    """A take from the feed stores nothing. The response is the same for each."""
    service.recharge(2, 10)
    order = service.order(1)["id"]
    opened = {name: value.replace("{id}", order) for name, value in opened_by.items()}
    signed = signed_init_data({"id": 2, "first_name": "Ира"}, BOT_TOKEN, service.now // 1000, **opened)
    answer = service.call("POST /api/orders/{id}/take", id=order, headers={"authorization": f"Bearer {signed}"})
    assert answer.json == {"success": True, "contact": "@burst_pipe", "executor_count": 1, "new_balance": 8}
    item = table.get(keys.order(order))
    assert item is not None
    assert item["takes"]["2"].get("source") == source
    assert loaded(order).takes[2].source == (source or "feed")


def test_audience_is_counted(service: Api) -> None:
    subscribe(service, 2, 3, 4)
    order = service.order(3)["id"]  # the client is not told
    find_audience.find_audience(NewOrder(order, (0, 0), service.now), Context())
    assert told_of(order) == 2
    item = table.get(keys.told(order))
    assert item is not None
    assert item["ttl"] == (service.now + orders.RETENTION_MS) // 1000


def test_repeated_message_counts_nobody_twice(service: Api) -> None:
    subscribe(service, 2, 3)
    order = service.order(1)["id"]
    for _ in range(2):
        find_audience.find_audience(NewOrder(order, (0, 0), service.now), Context())
    assert told_of(order) == 2


def test_continued_fan_out_adds_those_told_before(service: Api) -> None:
    subscribe(service, 2, 3)
    order = service.order(1)["id"]
    find_audience.find_audience(NewOrder(order, (3, 3), service.now, told=1), Context())
    assert told_of(order) == 2


def test_smaller_second_audience_changes_nothing(service: Api) -> None:
    order = service.order(1)["id"]
    for told in (5, 3, 0):
        stats.count_told(loaded(order), told)
    assert told_of(order) == 5


def test_order_that_nobody_was_told_of_stores_nothing(service: Api) -> None:
    order = service.order(1)["id"]
    find_audience.find_audience(NewOrder(order, (0, 0), service.now), Context())
    assert told_of(order) is None
