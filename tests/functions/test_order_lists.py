"""GET /api/orders: totals, pages at the edges, and how long a CDN may keep one."""

from functools import partial
from typing import Any

import pytest

from shared.store import feeds, table
from tests.in_process import Api, Change


@pytest.mark.parametrize("city", ["Йошкар-Ола", "И\u0306ошкар-Ола", "\u200bЙошкар\u00ad-Ола"])
def test_city_is_found_however_it_is_encoded(service: Api, city: str) -> None:
    posted = service.order(1, city=city)
    assert posted["city"] == "Йошкар-Ола"
    for query in ({"city": city}, {"city": "Йошкар-Ола"}, {"city": city, "mine": True}):
        [found] = service.call("GET /api/orders", user=1, query=query).json["orders"]
        assert found["id"] == posted["id"]


def test_expired_orders_are_counted_as_they_expire(service: Api) -> None:
    """A cached total of an earlier moment is not returned with the page of a later one (I12)."""
    service.order(1, "@first_pipe")
    service.later(ms=1)
    service.order(1, "@second_pipe")
    service.later(minutes=60, ms=-1)
    for expired in (1, 2):
        answer = service.call("GET /api/orders", query={"status": "expired"}).json
        assert (len(answer["orders"]), answer["total"]) == (expired, expired)
        service.later(ms=1)


def test_an_offset_of_any_size_is_answered(service: Api) -> None:
    """The limit that is sent to DynamoDB stays within what DynamoDB accepts."""
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


@pytest.mark.parametrize("counted_by_keys", [300, 2])
def test_an_order_past_its_window_is_not_counted(
    service: Api, monkeypatch: pytest.MonkeyPatch, counted_by_keys: int
) -> None:
    """The oldest order's window ended and no timer ran: it is stored as active, behind the page (I12)."""
    monkeypatch.setattr(feeds, "_MAX_COUNTED_BY_KEYS", counted_by_keys)
    oldest = service.order(1, "@first_pipe")["id"]
    service.recharge(2)
    assert service.call("POST /api/orders/{id}/take", user=2, id=oldest).status == 200
    for contact in ("@second_pipe", "@third_pipe", "@fourth_pipe"):
        service.later(ms=1)
        service.order(1, contact)
    for minutes, total in ((0, 4), (15, 3)):
        service.later(minutes=minutes)
        for _ in range(2):  # counted and cached
            answer = service.call("GET /api/orders", query={"limit": 1}).json
            assert (len(answer["orders"]), answer["total"]) == (1, total)


@pytest.mark.parametrize("status", ["deleted", "closed_no_response"])
def test_status_hidden_from_strangers_is_a_422(service: Api, status: str) -> None:
    answer = service.call("GET /api/orders", user=1, query={"status": status})
    [field] = answer.json["detail"]
    assert (answer.status, field["loc"], field["type"]) == (422, ["query", "status"], "status_not_listed")
    assert service.call("GET /api/orders", user=1, query={"status": status, "mine": True}).status == 200


def test_feed_is_cached_until_an_order_on_it_ends(service: Api, change: Change) -> None:
    """I12: a page is cached for two seconds, and never beyond the end of an order on it."""
    change(FEED_CACHE_SECONDS="2")
    kept = "public, max-age=0, s-maxage=%d, must-revalidate, stale-if-error=0"
    feed = partial(service.call, "GET /api/orders")
    assert feed().headers["cache-control"] == kept % 2
    service.order(1)
    assert feed().headers["cache-control"] == kept % 2
    for more in ({"user": 1}, {"user": 1, "query": {"mine": True}}, {"query": {"limit": 0}}):
        assert feed(**more).headers["cache-control"] == "no-store"
    service.later(minutes=60, ms=-2999)
    assert feed().headers["cache-control"] == kept % 1, "a second is left for the way to the CDN"
    service.later(ms=1000)
    assert feed().headers["cache-control"] == "no-store"
    service.later(ms=1999)
    assert feed().headers["cache-control"] == kept % 2
