"""Every list of reviews is the newest `limit` of the reference, while reviews are written, hidden, restored and erased.

The ratings of executors are the sums of the shown ones.

Where indexes and reads lag behind the table, a list may lack what is new or have what is gone, and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st

from functions.reviews import list as list_reviews
from shared.store import keys, orders, reviews, table
from tests.conftest import OPERATOR
from tests.lists.population import HOUR, MINUTE, WINDOW, Given, State, order_of, populations, store, users_with_money
from tests.lists.reference import RETENTION, Row, review_shown, status
from tests.lists.shop import Defect, Shop, defect, holds, is_noticed, put, some_at_once

Patch = pytest.MonkeyPatch

LAG = 60_000
EXAMPLES = 20

# Orders that are reviewed in both public states; and one that was removed with its review.
NEAR = (
    (
        State(30 * MINUTE, 4 * MINUTE, "completed"),
        State(30 * MINUTE, 5 * MINUTE, "completed"),
        State(-1, 4 * MINUTE, "hour passed"),
    ),
    (
        State(30 * MINUTE, 4 * MINUTE, "completed"),
        State(30 * MINUTE, 4 * MINUTE, "completed and removed"),
        State(HOUR - RETENTION + 999, WINDOW + MINUTE - RETENTION, "completed"),
    ),
)


@dataclass(frozen=True)
class Like:
    """A list with a review of the population in it, of `limit` reviews, or of `beyond` more than the list has."""

    whose: str
    review: int
    rated: bool
    limit: int | None
    beyond: int


@dataclass(frozen=True)
class Ask:
    """A list: everybody's, those that `user` received (`mine`), wrote (`written`), or both; or the hidden ones."""

    whose: str
    user: int
    rating: int | None
    limit: int | None
    beyond: int


@dataclass(frozen=True)
class Step:
    """A change of an order or its review, and the time that passes after it."""

    kind: str
    order: int
    rating: int
    ms: int


@dataclass(frozen=True)
class Story:
    """Reviewed orders, what happens to them, and the lists that are read after each step."""

    orders: list[Given]
    steps: list[Step]
    asks: list[Like]
    lags: list[int]
    query_page: int | None


stories = st.builds(
    Story,
    orders=populations(NEAR),
    steps=st.lists(
        st.builds(
            Step,
            kind=st.sampled_from(("review", "review", "remove", "erase", "hide", "hide", "restore")),
            order=st.integers(0, 11),
            rating=st.sampled_from((5, 4, 1)),
            ms=st.sampled_from((0, 1, LAG)),
        ),
        max_size=4,
    ),
    asks=st.lists(
        st.builds(
            Like,
            whose=st.sampled_from(("all", "all", "mine", "mine", "written", "written", "both", "hidden")),
            review=st.integers(0, 11),
            rated=st.booleans(),
            limit=st.sampled_from((1, 2, None, None, None)),
            beyond=st.sampled_from((-1, 0, 1)),
        ),
        min_size=4,
        max_size=6,
        unique=True,
    ),
    lags=st.sampled_from(([], [], [0, LAG], [LAG, 0, 0])),
    query_page=st.sampled_from((None, 2)),
)


def like_review(shop: Shop, like: Like) -> Ask:
    """Return the list with that review in it."""
    there = shop.reference.items("REVIEW")
    review = there[like.review % len(there)] if there else {"executor_id": 1, "client_id": 1, "rating": 5}
    user = review["client_id"] if like.whose == "written" else review["executor_id"]
    return Ask(like.whose, user, review["rating"] if like.rated else None, like.limit, like.beyond)


def expected(shop: Shop, ask: Ask) -> list[Row]:
    """The list by the reference, whole."""
    if ask.whose == "hidden":
        return shop.reference.hidden_reviews()
    of = ask.user if ask.whose in ("mine", "both") else None
    by = ask.user if ask.whose in ("written", "both") else None
    return shop.reference.reviews(ask.rating, of=of, by=by)


@dataclass
class Reader:
    """Reads lists and compares them with the reference. `past`: when a list ended to be so, and the lists."""

    shop: Shop
    asks: list[Ask]
    past: list[tuple[int, dict[Ask, list[Row]]]]

    def remember(self) -> None:
        """Remember the lists as they are before a change."""
        self.past.append((self.shop.service.now, {ask: expected(self.shop, ask) for ask in self.asks}))

    def read(self, ask: Ask) -> None:
        """Read a list."""
        now = expected(self.shop, ask)
        before = [lists[ask] for ended, lists in self.past if self.shop.service.now < ended + LAG]
        limit = ask.limit or max(1, len(now) + ask.beyond)
        names = {"both": ("mine", "written"), "all": ()}.get(ask.whose, (ask.whose,))
        if ask.whose == "hidden":
            page = self.shop.get("/api/admin/reviews", user=OPERATOR, hidden=True, limit=limit)
            found = [{name: row[name] for name in review_shown(now[0], to_author=False)} for row in page["reviews"]]
        else:
            user = None if ask.whose == "all" else ask.user
            query: dict[str, Any] = {"rating": ask.rating, "limit": limit, **dict.fromkeys(names, True)}
            found = self.shop.get("/api/reviews", user=user, **query)
        if not (before and self.shop.lags):
            assert found == [review_shown(row, to_author="written" in names) for row in now[:limit]], ask
            return
        rows = {row["id"]: row for listed in (*before, now) for row in listed}
        ids = [row["id"] for row in found]
        assert ids == sorted(set(ids), key=lambda id: (rows[id]["created_at"], id), reverse=True), ask
        assert len(ids) <= limit
        stands = [row["id"] for row in now if all(row["id"] in {one["id"] for one in listed} for listed in before)]
        # What is new or gone may take a place in the list, or leave it empty.
        assert set(stands[: max(0, limit - (len(rows) - len(stands)))]) <= set(ids), ask


def act(shop: Shop, step: Step, ids: list[str]) -> None:
    """Change something through the service: of the orders from that one on, the first that allows it."""
    known = {order["id"]: order for order in shop.reference._orders()}
    later = [known[id] for place in range(len(ids)) if (id := ids[(step.order + place) % len(ids)]) in known]
    order = next((order for order in later if allows(order, step.kind, shop.service.now)), None)
    if order is None:
        return
    client = order["client_id"]
    match step.kind:
        case "review":
            body = {"order_id": order["id"], "rating": step.rating, "comment": "Быстро, номер +7 912 345-67-89"}
            shop.command("POST /api/reviews/client", user=client, body=body)
        case "remove":
            path, body = "POST /api/admin/orders/{id}/remove", {"reason": "жалоба"}
            shop.command(path, user=OPERATOR, id=order["id"], body=body)
        case "hide" | "restore":
            body = {"order_id": order["id"], "author_id": client, "reason": "жалоба"}
            shop.command(f"POST /api/admin/reviews/{step.kind}", user=OPERATOR, body=body)
        case "erase":
            shop.command("DELETE /api/users/me", user=client)
    shop.service.later(ms=step.ms)


def allows(order: Row, kind: str, now: int) -> bool:
    """Whether the order allows a step of the kind."""
    match kind:
        case "review":
            return status(order, now) in ("expired", "completed") and bool(order["takes"]) and "rating" not in order
        case "hide":
            return "rating" in order
        case "restore":
            return "hides_review" in order
        case "remove":
            return "removed_at" not in order
    return True


def store_ratings(shop: Shop) -> None:
    """Store the ratings of the reviews of the population."""
    for executor, (total, count) in shop.reference.ratings().items():
        rating = {"rating_sum": total, "rating_count": count}
        put({**keys.user(executor), "first_name": f"User{executor}", "balance": 1_000, **rating})


def check_ratings(shop: Shop) -> None:
    """Compare each executor's rating with the reviews that count (I21)."""
    stored = {
        int(user["key"]): (user.get("rating_sum", 0), user.get("rating_count", 0))
        for user in shop.reference.items("USER")
    }
    for executor, rating in shop.reference.ratings().items():
        assert stored[executor] == rating, executor


@pytest.fixture
def lists_are_right(shop: Shop) -> Callable[[Story], None]:
    """The property: every list of reviews is the one of the reference, and so is every rating."""

    def check(story: Story) -> None:
        shop.open()
        users_with_money()
        for number, given in enumerate(story.orders):
            store(order_of(number, given), number)
        store_ratings(shop)
        ids = [f"{number:012d}"[::-1] for number in range(len(story.orders))]
        shop.query_page = story.query_page
        shop.let_lag(story.lags)
        reader = Reader(shop, [like_review(shop, like) for like in story.asks], [])
        for step in [*story.steps, None]:
            for ask in reader.asks:
                reader.read(ask)
            check_ratings(shop)
            if step is not None:
                reader.remember()
                act(shop, step, ids)

    return check


def test_every_list_of_reviews_is_the_references(lists_are_right: Callable[[Story], None]) -> None:
    holds(lists_are_right, stories, examples=EXAMPLES)


@pytest.mark.proof
def test_every_list_of_reviews_is_right_in_many_stories(lists_are_right: Callable[[Story], None]) -> None:
    holds(lists_are_right, stories, examples=10 * EXAMPLES)


def test_a_list_of_reviews_outside_its_limits_is_a_422(shop: Shop) -> None:
    for query in ({"limit": 0}, {"limit": 101}, {"rating": 0}, {"rating": 6}, {"rating": "5.5"}):
        assert shop.service.call("GET /api/reviews", query=query).status == 422, query
    for query in ({"limit": 1}, {"limit": 100}, {"rating": 1}, {"rating": 5}):
        assert shop.service.call("GET /api/reviews", query=query).json == []


DEFECTS = [
    defect("one too few", (reviews.page, "limit=limit)", "limit=max(1, limit - 1))")),
    defect("one too many", (reviews.page, "limit=limit)", "limit=limit + 1)")),
    defect("own list one too long", (reviews._personal, "[:limit]", "[: limit + 1]")),
    defect("own list cut before the rating", (reviews._personal, "partition))", "partition, limit=limit))")),
    defect("better ratings as well", (reviews._personal, "review.rating == rating", "review.rating >= rating")),
    defect("rating ignored in everybody's list", (list_reviews.list_reviews, "page(rating=rating", "page(rating=None")),
    defect("rating ignored in the own list", (reviews._personal, "rating is None", "True")),
    defect("oldest first", (reviews.page, "limit=limit)", "limit=limit, newest_first=False)")),
    defect("by id", (keys.review_sk, "{written_at:013d}#", "")),
    defect(
        "written for received",
        (
            list_reviews.list_reviews,
            "not written:\n        found = reviews.received",
            "written:\n        found = reviews.received",
        ),
    ),
    defect("both is written", (list_reviews.list_reviews, "elif not mine", "else:  #")),
    defect("contact shown", (list_reviews.list_reviews, "to_author=written", "to_author=True")),
    defect("contact shown to the executor", (list_reviews.list_reviews, "=written", "=mine or written")),
    defect("own comment masked", (list_reviews.list_reviews, "to_author=written", "to_author=False")),
    defect("list of another executor", (keys.reviews_of, "{executor_id}", "")),
    defect("list of another client", (keys.reviews_by, "{client_id}", "")),
    defect("removed review listed", (orders._unlist_review_write, "{every.pk}, ", "")),
    defect("removed review listed by rating", (orders._unlist_review_write, ", {of_rating.pk}", "")),
    defect("review of a removed order listed", (reviews.put_review, "if order.removed_at is None else {}", "")),
    defect("removed review not the executor's", (orders._unlist_review_write, "REMOVE ", "REMOVE list3_pk, ")),
    defect("hidden review listed", (reviews.hide, "keys.HIDDEN_REVIEWS", "keys.review_list(None)[1]")),
    defect("hidden review listed by rating", (reviews.hide, "{of_rating.pk}, ", "")),
    defect("hidden review still the executor's", (reviews.hide, ", {received.pk}", "")),
    defect("rating of a hidden review counts", (reviews.hide, "-review.rating", "-1")),
    defect("restored review counts otherwise", (reviews.restore, "rating=review.rating)", "rating=1)")),
    defect("restored review not the executor's", (reviews.restore, "received, **", "'gone', **")),
    defect("restored review stays hidden", (reviews.restore, "else [keys.LIST1.pk]", "else []")),
    defect("lagging read fails", (reviews.load, " if item", "")),
    defect("page of a Query is the list", (table.query, "limit is not None and len(found) >= limit", "True")),
]


SOME = (
    "one too few",
    "own list cut before the rating",
    "removed review not the executor's",
    "rating of a hidden review counts",
    "restored review not the executor's",
)


@pytest.mark.parametrize("planted", some_at_once(DEFECTS, *SOME))
def test_a_planted_defect_of_reviews_is_noticed(
    lists_are_right: Callable[[Story], None], monkeypatch: Patch, planted: Defect
) -> None:
    planted.plant(monkeypatch)
    is_noticed(lists_are_right, stories, within=40 * EXAMPLES)
