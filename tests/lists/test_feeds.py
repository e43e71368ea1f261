"""Every list of orders is the one of the reference, whatever is cached and however late the timers are."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from starlette.responses import Response

from functions.orders import list as list_orders
from shared.domain.init_data import TelegramUser
from shared.domain.order import Status
from shared.store import conditions, feeds, keys, orders, people, table
from tests.conftest import OPERATOR
from tests.in_process import Change
from tests.lists.population import (
    CITIES,
    KINDS,
    STATES,
    USERS,
    Given,
    State,
    order_of,
    populations,
    store,
    users_with_money,
)
from tests.lists.reference import PUBLIC, Row, listed, next_change, shown, status
from tests.lists.shop import Defect, Shop, defect, gone, holds, is_noticed, some_at_once

Patch = pytest.MonkeyPatch

TOTAL_CACHE = 2_000
EXAMPLES = 20


@dataclass(frozen=True)
class Ask:
    """A list of orders, read in pages of `limit`, or of `beyond` more than the list has."""

    whose: str
    user: int
    status: str | None
    city: str | None
    category: str | None
    limit: int | None
    beyond: int


@dataclass(frozen=True)
class Like:
    """A list with an order of the population in it: filtered by some of what that order is."""

    whose: str
    order: int
    status: bool
    city: bool
    category: bool
    limit: int | None
    beyond: int


@dataclass(frozen=True)
class Step:
    """A change, and the time that passes after it."""

    kind: str
    order: int
    user: int
    ms: int


@dataclass(frozen=True)
class Story:
    """A population, what happens to it, and the lists that are read after each step, so that caches matter."""

    orders: list[Given]
    steps: list[Step]
    asks: list[Like]
    most_queries: int
    batch: int
    query_page: int | None
    cached: bool


@st.composite
def all_stories(
    draw: st.DrawFn,
    whose: tuple[str, ...],
    limits: tuple[int | None, ...],
    kinds: tuple[str, ...],
    near: tuple[tuple[State, ...], ...] = STATES,
) -> Story:
    """Stories about these lists and kinds of changes."""
    like = st.builds(
        Like,
        whose=st.sampled_from(whose),
        order=st.integers(0, 11),
        status=st.booleans(),
        city=st.booleans(),
        category=st.booleans(),
        limit=st.sampled_from(limits),
        beyond=st.sampled_from((-1, 0, 1)),
    )
    step = st.builds(
        Step,
        kind=st.sampled_from(kinds),
        order=st.integers(0, 11),
        user=st.sampled_from(USERS),
        ms=st.sampled_from((0, 2_000, 1_999, -1) if limits == (1,) else (0, 1, 2_000, 15 * 60_000)),
    )
    return Story(
        orders=draw(populations(near)),
        steps=draw(st.lists(step, min_size=2, max_size=4)),
        asks=draw(st.lists(like, min_size=4, max_size=6, unique=True)),
        most_queries=draw(st.sampled_from((100, 1))),
        batch=draw(st.sampled_from((100, 2))),
        query_page=draw(st.sampled_from((None, 2, 3))),
        cached=draw(st.booleans()),
    )


STORIES = {
    # A total is cached where a page ends before its list. Then what changes the list within two seconds matters.
    "totals": all_stories(("all",), (1,), ("complete", "delete", "post", "remove", "edit", "take", "time")),
    "pages": all_stories(
        ("all",),
        (1, 2, None),
        (
            "timer",
            "sweep",
            "take",
            "respond",
            "close",
            "complete",
            "delete",
            "edit",
            "remove",
            "review",
            "ban",
            "restart",
        ),
    ),
    # Every order on the page is about to change.
    "moments": all_stories(("all",), (1, 2, None), ("edit", "edit", "post", "time"), STATES[:1]),
    "thirty days": all_stories(("taken",), (1, 2, None), ("ttl", "ttl", "time"), STATES[-1:]),
    "people": all_stories(
        ("mine", "taken"),
        (1, 2, None),
        ("take", "complete", "delete", "edit", "post", "erase", "erase", "remove", "ban", "ttl", "timer"),
    ),
}


@dataclass
class Reader:
    """Reads lists and compares them with the reference. It knows which totals may be cached."""

    shop: Shop
    cached: bool
    whole_pages: bool
    totals: dict[tuple[str | None, ...], list[tuple[int, int]]] = field(default_factory=dict)

    def read(self, ask: Ask) -> None:
        """Read the first pages of a list, its last, and the one beyond; then all pages by their cursors."""
        now = self.shop.service.now
        expected = self._expected(ask, now)
        limit = ask.limit or max(len(expected) + ask.beyond, 1)
        last = max(len(expected) - 1, 0) // limit * limit
        for offset in sorted({0, limit, last, len(expected)}) if self.whole_pages else ():
            answer = self._page(ask, {"limit": limit, "offset": offset or None})
            wanted = [listed(order, now) for order in expected[offset : offset + limit]]
            assert [shown(row) for row in answer["orders"]] == wanted, (ask, offset)
            is_end = offset + limit >= len(expected)
            self._check_total(ask, answer["total"], len(expected), exact=is_end)
            assert (answer["next_cursor"] is None) == is_end
        self._walk(ask, limit, [listed(order, now) for order in expected])
        if ask.whose == "all":
            self.totals.setdefault(_feed(ask), []).append((now, len(expected)))

    def _walk(self, ask: Ask, limit: int, expected: list[Row]) -> None:
        """Follow the cursors from the first page. A page that is not the last may be short where Queries are few."""
        found, cursor = [], None
        for _ in range(40):
            answer = self._page(ask, {"limit": limit, "cursor": cursor})
            found += [shown(row) for row in answer["orders"]]
            assert len(answer["orders"]) <= limit
            assert len(answer["orders"]) == limit or not answer["next_cursor"] or not self.whole_pages
            self._check_total(ask, answer["total"], len(expected), exact=False)
            cursor = answer["next_cursor"]
            if cursor is None:
                break
        assert found == expected, ask

    def _check_total(self, ask: Ask, total: int, expected: int, *, exact: bool) -> None:
        known = set() if exact or ask.whose != "all" else self._known(ask, self.shop.service.now)
        assert total in {expected} | known, (ask, expected)

    def _page(self, ask: Ask, query: Row) -> Any:
        """Return a page. A first page is requested from the handler, the others are from the endpoint itself: FastAPI
        takes more time than the list."""
        whose = {"mine": "mine", "taken": "taken_by_me"}.get(ask.whose)
        user = ask.user if whose else None
        query = {"status": ask.status, "city": ask.city, "category": ask.category, **query}
        query = {name: value for name, value in query.items() if value is not None} | ({whose: True} if whose else {})
        if "offset" not in query and "cursor" not in query:
            answer = self.shop.service.call("GET /api/orders", user=user, query=query)
            assert answer.status == 200, answer.text
            page, policy = answer.json, answer.headers["cache-control"]
        else:
            of = Status(query["status"]) if "status" in query else None
            caller = TelegramUser(user, "", "", None) if user else None
            response = at_once(list_orders.list_orders(caller, **{**query, "status": of}))
            page, policy = json.loads(bytes(response.body)), response.headers.get("cache-control", "no-store")
        if whose:
            assert policy == "no-store"
        else:
            self._check_cdn(policy, page["orders"])
        return page

    def _expected(self, ask: Ask, now: int) -> list[Row]:
        narrowed = ask.city, ask.category, now
        match ask.whose:
            case "mine":
                return self.shop.reference.mine(ask.user, ask.status, *narrowed)
            case "taken":
                return self.shop.reference.taken(ask.user, ask.status, *narrowed)
        return self.shop.reference.feed(ask.status or "active", *narrowed)

    def _known(self, ask: Ask, now: int) -> set[int]:
        """The totals that were right when this list was read within two seconds."""
        return {total for at, total in self.totals.get(_feed(ask), []) if 0 <= now - at < TOTAL_CACHE}

    def _check_cdn(self, policy: str, rows: list[Row]) -> None:
        """I12: until a CDN drops the page, a second for the way included, the clock changes no order on it."""
        if not self.cached:
            assert policy == "no-store"
        if policy != "no-store":
            seconds = int(policy.partition("s-maxage=")[2].partition(",")[0])
            assert 1 <= seconds <= 2
            now = self.shop.service.now
            on_page = {row["id"] for row in rows}
            found = [order for order in self.shop.reference._orders() if order["id"] in on_page]
            ends = [at for order in found if (at := next_change(order, now)) is not None]
            assert all(at >= now + (seconds + 1) * 1000 for at in ends), (policy, ends, now)


def at_once(coroutine: Coroutine[Any, Any, Response]) -> Response:
    """Return the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        found: Response = end.value
        return found
    raise AssertionError


def _feed(ask: Ask) -> tuple[str | None, ...]:
    return ask.status or "active", ask.city, ask.category


def like_order(shop: Shop, like: Like, ids: list[str]) -> Ask | None:
    """Return the list with that order in it. Everybody's lists have three statuses only."""
    [order] = [order for order in shop.reference._orders() if order["id"] == ids[like.order % len(ids)]]
    now = status(order, shop.service.now)
    takers = [*map(int, order["takes"]), order["client_id"]]
    of = now if like.status or (like.whose == "all" and now in PUBLIC) else None
    if like.whose == "all" and of not in (None, *PUBLIC):
        return None
    return Ask(
        whose=like.whose,
        user=order["client_id"] if like.whose == "mine" else takers[0],
        status=of,
        city=order["city"] if like.city else None,
        category=order["category"] if like.category else None,
        limit=like.limit,
        beyond=like.beyond,
    )


def allows(order: Row, kind: str, now: int) -> bool:
    """Whether this order is a good one for a step of the kind."""
    match kind:
        case "take":
            return status(order, now) == "active" and len(order["takes"]) < 3
        case "complete" | "respond" | "close":
            return status(order, now) == "active" and bool(order["takes"])
        case "delete" | "edit":
            return status(order, now) == "active" and not order["takes"]
        case "review":
            return status(order, now) in ("expired", "completed") and bool(order["takes"]) and "rating" not in order
        case "timer":
            return "due_at" in order and order["due_at"] <= now
    return True


def act(shop: Shop, step: Step, ids: list[str]) -> None:
    """Change something through the service. Commands that the rules forbid are refused."""
    service, known = shop.service, {order["id"]: order for order in shop.reference._orders()}
    later = [id for place in range(len(ids)) if (id := ids[(step.order + place) % len(ids)]) in known]
    if not later:
        return
    order = next((id for id in later if allows(known[id], step.kind, service.now)), later[0])
    item = known[order]
    client, reason = item["client_id"], {"reason": "жалоба"}
    match step.kind:
        case "take":
            shop.command("POST /api/orders/{id}/take", user=step.user, id=order)
        case "complete" | "respond" | "close":
            shop.command(f"POST /api/orders/{{id}}/{step.kind}", user=client, id=order)
        case "delete":
            shop.command("DELETE /api/orders/{id}", user=client, id=order)
        case "edit":
            body = {"category": KINDS[item["category"] == KINDS[0]]}
            shop.command("PUT /api/orders/{id}", user=client, id=order, body=body)
        case "review":
            shop.command("POST /api/reviews/client", user=client, body={"order_id": order, "rating": 3})
        case "remove":
            shop.command("POST /api/admin/orders/{id}/remove", user=OPERATOR, id=order, body=reason)
        case "ban":
            shop.command("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(client), body=reason)
        case "erase":
            shop.command("DELETE /api/users/me", user=client)
        case "post":
            body = {
                "category": KINDS[step.order % 2],
                "city": CITIES[step.user % 2],
                "description": "Прорвало трубу" * 2,
            }
            shop.command("POST /api/orders", user=step.user, body={**body, "contact": f"@new_pipe{step.order}"})
        case _:
            pass_time(shop, step.kind, item)
    service.later(ms=step.ms)


def pass_time(shop: Shop, kind: str, order: Row) -> None:
    """Let something happen that nobody asked for."""
    match kind:
        case "timer" if "due_at" in order and order["due_at"] <= shop.service.now:
            shop.service.timer(order["id"], order["due_at"])
        case "sweep":
            shop.service.sweep()
        case "restart":
            shop.restart()
        case "ttl":
            gone(shop, *shop.database.expired())


@pytest.fixture
def lists_are_right(shop: Shop, change: Change, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], None]:
    """The property: whatever happens, every list is the one of the reference."""

    def check(story: Story) -> None:
        shop.open()
        change(FEED_CACHE_SECONDS="2" if story.cached else "0")
        monkeypatch.setattr(feeds, "_MOST_QUERIES", story.most_queries)
        monkeypatch.setattr(table, "_BATCH", story.batch)
        users_with_money()
        for number, given in enumerate(story.orders):
            store(order_of(number, given), number)
        ids = [f"{number:012d}"[::-1] for number in range(len(story.orders))]
        shop.query_page = story.query_page
        reader = Reader(shop, story.cached, whole_pages=story.most_queries > 1)
        asks = [ask for like in story.asks if (ask := like_order(shop, like, ids)) is not None]
        for step in [*story.steps, None]:
            for ask in asks:
                reader.read(ask)
            if step is not None:
                act(shop, step, ids)

    return check


@pytest.mark.parametrize("about", STORIES)
def test_every_list_of_orders_is_the_references(lists_are_right: Callable[[Story], None], about: str) -> None:
    holds(lists_are_right, STORIES[about], examples=EXAMPLES)


@pytest.mark.proof
@pytest.mark.parametrize("about", STORIES)
def test_every_list_of_orders_is_right_in_many_stories(lists_are_right: Callable[[Story], None], about: str) -> None:
    holds(lists_are_right, STORIES[about], examples=4 * EXAMPLES)


DEFECTS = [
    defect("page one too long", (feeds.by_status, "wanted=offset + limit", "wanted=offset + limit + 1"), about="pages"),
    defect("offset forgotten", (feeds.by_status, "Page(found[offset:], _total", "Page(found, _total"), about="pages"),
    defect(
        "offset forgotten at the end", (feeds.by_status, "Page(found[offset:], len", "Page(found, len"), about="pages"
    ),
    defect("oldest first", (table.pages, "newest_first=True", "newest_first=False"), about="pages"),
    defect("status as stored", (feeds.Filter.matches, "status_at(order, now)", "order.status"), about="pages"),
    defect("late orders missing", (feeds._ranges, "case Status.EXPIRED", "case Status.DELETED"), about="pages"),
    defect(
        "late orders a moment later",
        (feeds._ranges, "high=keys.hour_ends(now + 1)", "high=keys.hour_ends(now)"),
        about="pages",
    ),
    defect(
        "late orders counted",
        (feeds._total, "_count(one, conditions.still_open(now))", "_count(one, None)"),
        about="totals",
    ),
    defect(
        "hour over and counted",
        (feeds._ranges, "low=keys.hour_ends(now + 1)", "low=keys.hour_ends(now)"),
        about="totals",
    ),
    defect("late orders counted by keys", (feeds._total, "low=now + 1", "low=None"), about="totals"),
    defect("an end counted by keys a moment later", (feeds._total, "low=now + 1", "low=now"), about="totals"),
    defect(
        "expired orders counted as active",
        (keys.due_keys, "DUE_ACTIVE if order.status is Status.ACTIVE else DUE_EXPIRED", "DUE_ACTIVE"),
        about="totals",
    ),
    defect(
        "total of another city",
        (feeds._total, "known = index.name, partition", "known = index.name, index.pk"),
        about="totals",
    ),
    defect("total cached too long", (feeds._total, "< _TOTAL_CACHE_MS", "<= _TOTAL_CACHE_MS"), about="totals"),
    defect("total of the future", (feeds._total, "0 <= now - counted_at <", "now - counted_at <"), about="totals"),
    defect("cursor repeats its order", (feeds._entries, "sort_key != after", "True"), about="pages"),
    defect("cursor skips an order", (feeds._read, "return found, last", "return found, sort_key"), about="pages"),
    defect(
        "cursor beyond its range",
        (feeds._entries, "one.high < after", "one.high > after"),
        about="pages",
    ),
    defect(
        "page that ends early is the last", (feeds._read, "return found, sort_key", "return found, None"), about="pages"
    ),
    defect(
        "map of lists not written",
        (orders.change_write, ", keys.LISTED: _listed_map(listed(after))", ""),
        about="pages",
    ),
    defect("list of another filter", (keys.order_list, "if city and category", "if False"), about="pages"),
    defect("removed orders listed", (keys.order_list_keys, "not may_list(order)", "not order.status"), about="totals"),
    defect("lists kept at the end", (orders._move_write, "*keys.ORDER_LISTS, ", ""), about="totals"),
    defect("edit leaves the lists", (orders.edit, '"category" in changed', "False"), about="moments"),
    defect("city forgotten", (feeds.Filter.matches, "order.city == self.city", "True"), about="people"),
    defect("category forgotten", (feeds.Filter.matches, "order.category == self.category", "True"), about="people"),
    defect(
        "own page too long", (feeds.of_client, "wanted=offset + limit", "wanted=offset + limit + 1"), about="people"
    ),
    defect("own orders of any city counted", (conditions.listed_as, '("city", city), ', ""), about="people"),
    defect("own orders counted as stored", (conditions.listed_as, "_BY_STATUS[status]", "_STORED"), about="people"),
    defect(
        "taken list one too long",
        (feeds.of_executor, "debits[offset:wanted]", "debits[offset : wanted + 1]"),
        about="people",
    ),
    defect(
        "taken total off by one", (feeds.of_executor, "len(debits) <= wanted", "len(debits) < wanted"), about="people"
    ),
    defect(
        "taken total of the page",
        (feeds.of_executor, "len(matching), next_after", "len(rest[offset:wanted]), next_after"),
        about="people",
    ),
    defect(
        "taken cursor repeats its order",
        (feeds.of_executor, "keys.list_sk(order) < after", "keys.list_sk(order) <= after"),
        about="people",
    ),
    defect(
        "taken list too old",
        (feeds.of_executor, "now + 1 - orders.RETENTION_MS", "now - orders.RETENTION_MS"),
        about="thirty days",
    ),
    defect(
        "taken list too young",
        (feeds.of_executor, "now + 1 - orders.RETENTION_MS", "now + 2 - orders.RETENTION_MS"),
        about="thirty days",
    ),
    defect(
        "orders removed within their month",
        (orders._item, "ceil_seconds(order.created_at + RETENTION_MS)", "(order.created_at + RETENTION_MS) // 1000"),
        about="thirty days",
    ),
    defect("CDN keeps a page too long", (list_orders.list_orders, "// 1000 - 1", "// 1000"), about="moments"),
    defect(
        "batch forgets its last",
        (table.get_many, "start : start + _BATCH", "start : start + _BATCH - 1"),
        about="people",
    ),
    defect(
        "page of a Query is the last", (table._pages, 'if "LastEvaluatedKey" not in page', "if True"), about="pages"
    ),
    defect(
        "erased orders stay", (people.erase_order, "keys.TIMELINE.pk,\n        keys.TIMELINE.sk,", ""), about="people"
    ),
]


SOME = (
    "page one too long",
    "late orders missing",
    "total of another city",
    "removed orders listed",
    "cursor skips an order",
    "own orders counted as stored",
)


@pytest.mark.parametrize("planted", some_at_once(DEFECTS, *SOME))
def test_a_planted_defect_of_the_lists_is_noticed(
    lists_are_right: Callable[[Story], None], monkeypatch: Patch, planted: Defect
) -> None:
    planted.plant(monkeypatch)
    is_noticed(lists_are_right, STORIES[planted.about], within=20 * EXAMPLES)
