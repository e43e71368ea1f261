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


def test_an_offset_beyond_a_thousand_is_refused(service: Api) -> None:
    service.order(1)
    for query in ({}, {"mine": True}, {"taken_by_me": True}):
        answer = service.call("GET /api/orders", user=1, query={"offset": 1000, **query})
        total = 0 if "taken_by_me" in query else 1
        assert (answer.status, answer.json) == (200, {"orders": [], "total": total, "next_cursor": None})
        for offset in (1001, 10**20):
            answer = service.call("GET /api/orders", user=1, query={"offset": offset, **query})
            assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["query", "offset"])


@pytest.mark.parametrize("cursor", ["", "1", "1790000000000", "1790000000000.short", "1790000000000#AAAAAAAAAAAA", "я"])
def test_a_cursor_of_no_page_is_refused(service: Api, cursor: str) -> None:
    answer = service.call("GET /api/orders", query={"cursor": cursor})
    assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["query", "cursor"])


def test_a_cursor_continues_where_its_page_ended(service: Api) -> None:
    """An order that is posted meanwhile moves nothing, and an offset counts from the cursor."""
    posted: list[str] = []
    for number in range(5):
        posted.insert(0, service.order(1, f"@pipe_number_{number}")["id"])
        service.later(ms=1)
    first = service.call("GET /api/orders", query={"limit": 2}).json
    service.order(2, "@pipe_number_5")
    service.later(ms=2_000)
    query = {"limit": 2, "cursor": first["next_cursor"]}
    second = service.call("GET /api/orders", query=query).json
    last = service.call("GET /api/orders", query={**query, "offset": 2}).json
    pages = [[order["id"] for order in page["orders"]] for page in (first, second, last)]
    assert pages == [posted[:2], posted[2:4], posted[4:]]
    assert [page["total"] for page in (first, second, last)] == [5, 6, 6]
    assert last["next_cursor"] is None


def test_every_write_of_an_order_grows_its_version(service: Api) -> None:
    """The version in a response is that of a GET after it, in the order itself and in lists."""
    order = service.order(1)["id"]
    service.recharge(2)
    seen = []

    def see(shown: Any = None) -> None:
        found = service.call("GET /api/orders/{id}", id=order).json["version"]
        [listed] = service.call("GET /api/orders", user=1, query={"mine": True}).json["orders"]
        assert {found, listed["version"], shown or found} == {found}
        seen.append(found)

    see()
    body = {"category": "Клининг"}
    see(service.call("PUT /api/orders/{id}", user=1, id=order, body=body).json["version"])
    see(service.call("PUT /api/orders/{id}", user=1, id=order, body=body).json["version"])
    service.call("POST /api/orders/{id}/take", user=2, id=order)
    see()
    see(service.call("POST /api/orders/{id}/respond", user=1, id=order).json["version"])
    see(service.call("POST /api/orders/{id}/complete", user=1, id=order).json["version"])
    service.call("POST /api/reviews/client", user=1, body={"order_id": order, "rating": 5})
    see()
    assert seen == [1, 2, 2, 3, 4, 5, 6], "an edit that changes nothing writes nothing"


@pytest.mark.parametrize("narrowed", [{}, {"city": "Москва"}])
def test_an_order_past_its_window_is_not_counted(service: Api, narrowed: dict[str, str]) -> None:
    """The oldest order's window ended and no timer ran: it is stored as active, behind the page (I12)."""
    oldest = service.order(1, "@first_pipe")["id"]
    service.recharge(2)
    assert service.call("POST /api/orders/{id}/take", user=2, id=oldest).status == 200
    for contact in ("@second_pipe", "@third_pipe", "@fourth_pipe"):
        service.later(ms=1)
        service.order(1, contact)
    for minutes, total in ((0, 4), (15, 3)):
        service.later(minutes=minutes)
        for _ in range(2):  # counted and cached
            answer = service.call("GET /api/orders", query={"limit": 1, **narrowed}).json
            assert (len(answer["orders"]), answer["total"]) == (1, total)


def test_a_cached_total_is_never_below_what_its_page_shows(service: Api) -> None:
    for number in range(2):
        service.later(ms=1)
        service.order(1, f"@pipe_number_{number}")
    assert service.call("GET /api/orders", query={"limit": 1}).json["total"] == 2
    service.later(ms=1)
    service.order(1, "@pipe_number_2")
    page = service.call("GET /api/orders", query={"limit": 2}).json
    assert (len(page["orders"]), page["total"], page["next_cursor"] is None) == (2, 3, False)


def test_late_orders_beyond_the_bound_end_a_page_early(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page reads past orders whose window ended, but not past any number of them. The cursor goes on from there."""
    service.recharge(2)
    open_order = service.order(1, "@first_pipe")["id"]
    for number in range(6):
        service.later(ms=1)
        late = service.order(1, f"@late_pipe_{number}")["id"]
        assert service.call("POST /api/orders/{id}/take", user=2, id=late).status == 200
    service.later(minutes=15)
    monkeypatch.setattr(feeds, "_MOST_QUERIES", 1)
    pages: list[list[str]] = []
    cursor = None
    while len(pages) < 10 and (cursor or not pages):
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = service.call("GET /api/orders", query=query).json
        assert page["total"] == 1
        pages.append([order["id"] for order in page["orders"]])
        cursor = page["next_cursor"]
    assert pages[0] == []
    assert [order for page_of in pages for order in page_of] == [open_order]


def test_a_cursor_of_an_hour_that_is_over_ends_the_list(service: Api) -> None:
    for number in range(2):
        service.order(1, f"@pipe_number_{number}")
        service.later(ms=1)
    cursor = service.call("GET /api/orders", query={"limit": 1}).json["next_cursor"]
    service.later(minutes=60)
    service.order(1, "@pipe_number_2")
    answer = service.call("GET /api/orders", query={"limit": 1, "cursor": cursor})
    assert (answer.status, answer.json) == (200, {"orders": [], "total": 1, "next_cursor": None})


@pytest.mark.parametrize("query", [{}, {"status": "expired"}, {"mine": True}, {"taken_by_me": True}])
@pytest.mark.parametrize("city", [{}, {"city": "Москва"}])
@pytest.mark.parametrize("cursor", ["0000000000000.AAAAAAAAAAAA", "9999999999999.AAAAAAAAAAAA"])
def test_a_cursor_of_any_time_is_answered(
    service: Api, query: dict[str, Any], city: dict[str, str], cursor: str
) -> None:
    order = service.order(1)["id"]
    service.recharge(1)
    service.later(ms=1)
    other = service.order(2, "@other_pipe")["id"]
    assert service.call("POST /api/orders/{id}/take", user=1, id=other).status == 200
    answer = service.call("GET /api/orders", user=1, query={**query, **city, "cursor": cursor})
    listed = {"mine": [order], "taken_by_me": [other], "status": []}.get(next(iter(query), ""), [other, order])
    assert (answer.status, answer.json["total"], answer.json["next_cursor"]) == (200, len(listed), None)
    found = [one["id"] for one in answer.json["orders"]]
    assert found == (listed if cursor.startswith("9") else [])


def test_an_order_that_a_timer_moves_during_a_read_is_listed(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of expired orders reads two partitions, and the timer runs between the two Queries."""
    order = service.order(1)["id"]
    service.later(minutes=61)
    pages = table.pages

    def timer_after_the_first(*given: Any, **more: Any) -> Any:
        yield from pages(*given, **more)
        service.timer(order, service.now - 60_000)

    monkeypatch.setattr(table, "pages", timer_after_the_first)
    answer = service.call("GET /api/orders", query={"status": "expired"}).json
    assert ([one["id"] for one in answer["orders"]], answer["total"]) == ([order], 1)


def test_one_late_order_makes_a_page_read_little_more(service: Api) -> None:
    """A page reads on by its own length, not by the megabyte."""
    service.recharge(2)
    for number in range(40):
        service.later(ms=1)
        posted = service.order(100 + number, f"@pipe_number_{number}")["id"]
        if number in (35, 36, 37):
            assert service.call("POST /api/orders/{id}/take", user=2, id=posted).status == 200
    service.later(minutes=15)
    read: list[int] = []

    def count(parsed: dict[str, Any], **_: Any) -> None:
        read.append(parsed["ScannedCount"])

    table.client().meta.events.register("after-call.dynamodb.Query", count)
    page = service.call("GET /api/orders", query={"limit": 3}).json
    assert len(page["orders"]) == 3
    assert read[:2] == [4, 4]


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
