"""Every list with a cursor, read to its end while it changes: each page is the one of the reference.

What stands in a list the whole time is read once, also while indexes and reads lag behind the table.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st

from shared.domain.money import LedgerEntry
from shared.domain.operators import Action
from shared.domain.review import COMPLAINTS, Complaint
from shared.http import schemas
from shared.store import audit_log, keys, ledger, people, reviews, timelines
from tests.conftest import OPERATOR
from tests.in_process import START
from tests.lists.population import CITIES, KINDS, MINUTE, Given, State, order_of, store
from tests.lists.shop import Defect, Shop, defect, gone, holds, is_noticed, written

Patch = pytest.MonkeyPatch
Place = tuple[int, Any, Any]
"""Where an entry stands: the number of its list, what the list is sorted by, and the entry's id."""

ANNA, OTHER = 1, 2
COMPLETED = State(30 * MINUTE, 4 * MINUTE, "completed")


@dataclass(frozen=True)
class Walk:
    """A list of `limit * pages + over` entries, read in pages of `limit`, with a change before each page but one."""

    name: str
    limit: int
    pages: int
    over: int
    changes: list[str]
    lags: list[int]


walks = st.builds(
    Walk,
    name=st.sampled_from(("transactions", "ledger", "waiting", "handled", "actions", "export", "export")),
    limit=st.integers(1, 3),
    pages=st.integers(1, 3),
    over=st.sampled_from((-1, 0, 1)),
    changes=st.lists(
        st.sampled_from(("nothing", "add", "last goes", "next goes", "next goes", "all go", "handle")), max_size=6
    ),
    lags=st.sampled_from(([], [0, 60_000])),
)


class Lists:
    """The lists of a shop, each with entries of two users, and what changes them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._numbers = itertools.count()

    def add(self, name: str) -> None:
        """Add the newest entry to a list of Anna's, and one like it to those of another."""
        for user in (ANNA, OTHER):
            self._add(name, user, next(self._numbers))

    def _add(self, name: str, user: int, number: int) -> None:
        order_id = f"{number:012d}"
        match name:
            case "transactions" | "ledger":
                entry = LedgerEntry(
                    id=number + 1,
                    previous_id=number,
                    user_id=user,
                    type="recharge",
                    cause=f"PAYMENT#fake#{number}",
                    amount=number + 1,
                    balance_after=0,
                    created_at=START,
                )
                written(ledger.entry_write(entry))
            case "waiting" | "handled":
                complaint = Complaint(number + 1, order_id, OTHER, user, COMPLAINTS[0], None, START)
                reviews.put_complaint(complaint)
                # Of two neighbours, one is in each list.
                if user == (ANNA if name == "handled" else OTHER):
                    self._handle(complaint)
            case "actions":
                written(audit_log.action_write(self._action(number)))
            case "export":
                client = (ANNA, OTHER)[number % 2]
                given = Given(COMPLETED, client, CITIES[0], KINDS[0], (ANNA, OTHER), 4 + number % 2)
                order = order_of(number, given)
                store(order, number)
                if client == OTHER and number % 4 == 1:
                    reviews.put_complaint(Complaint(number + 1, order.id, OTHER, ANNA, COMPLAINTS[0], None, START))

    def _action(self, number: int) -> Action:
        # Half of them are of the same millisecond.
        at = START + number // 2
        return Action(number + 1, f"token{number:07d}", OPERATOR, "user_banned", "жалоба", at, user_id=1 + number % 2)

    def _handle(self, complaint: Complaint) -> None:
        reviews.mark_handled(complaint, self._action(10_000 + complaint.id))

    def change(self, what: str, name: str, shown: list[Place]) -> None:
        """Change a list between two pages. Ledger entries are never removed."""
        left = [place for place in self.places(name) if place not in shown]
        match what:
            case "add":
                self.add(name)
            case "last goes":
                self._remove(name, shown[-1:])
            case "next goes":
                self._remove(name, left[:1])
            case "all go":
                self._remove(name, left[:3])
            case "handle" if name == "waiting" and left:
                [row] = [row for row in self.shop.reference.complaints(handled=False) if row["id"] == left[0][2]]
                self._handle(
                    Complaint(row["id"], row["order_id"], OTHER, row["executor_id"], COMPLAINTS[0], None, START)
                )

    def _remove(self, name: str, places: list[Place]) -> None:
        kinds = {"waiting": "COMPLAINT", "handled": "COMPLAINT", "actions": "ACTION"}
        for list_number, _, id in places:
            if name == "export" and list_number == 0:
                gone(self.shop, (f"ORDER#{id}", "ORDER"))
            elif name in kinds:
                [item] = [item for item in self.shop.reference.items(kinds[name]) if item["id"] == id]
                gone(self.shop, (item["pk"], item["sk"]))

    def places(self, name: str) -> list[Place]:
        """The reference: where each entry of a list stands, in the order of the list."""
        reference, now = self.shop.reference, self.shop.service.now
        match name:
            case "transactions" | "ledger":
                return [(0, -row["id"], row["id"]) for row in reference.entries(ANNA)]
            case "waiting" | "handled":
                return [(0, row["id"], row["id"]) for row in reference.complaints(handled=name == "handled")]
            case "actions":
                return [(0, -row["id"], row["id"]) for row in reference.actions()]
        takes = [row["order_id"] for row in reference.entries(ANNA) if row["type"] == "order_take"]
        lists = (
            [row["id"] for row in reference.mine(ANNA, None, None, None, now)],
            [row["id"] for row in reference.taken(ANNA, None, None, None, now) if row["id"] in takes],
            [row["id"] for row in reference.reviews(None, by=ANNA)],
            [row["id"] for row in reference.reviews(None, of=ANNA)],
            [row["id"] for row in reference.entries(ANNA)],
        )
        # The numbers of the orders grow with time, and an id is a number read backwards.
        numbers = {id: int(id[::-1]) if isinstance(id, str) else id for ids in lists for id in ids}
        return [(number, -numbers[id], id) for number, ids in enumerate(lists) for id in ids]

    def page(self, name: str, limit: int, cursor: str | None) -> tuple[list[Any], str | None]:
        """A page of a list: the ids on it, and the next cursor."""
        get = self.shop.get
        asked: dict[str, Any] = {"limit": limit, "cursor": cursor}
        match name:
            case "transactions":
                page, rows = get("/api/balance/transactions", user=ANNA, **asked), "transactions"
            case "ledger":
                path = "/api/admin/users/{id}/ledger"
                page, rows = get(path, user=OPERATOR, id=str(ANNA), reason="жалоба", **asked), "transactions"
            case "waiting" | "handled":
                path = "/api/admin/complaints"
                page, rows = get(path, user=OPERATOR, handled=name == "handled", **asked), "complaints"
            case "actions":
                page, rows = get("/api/admin/actions", user=OPERATOR, **asked), "actions"
            case _:
                return self._export(get("/api/users/me/export", user=ANNA, **asked))
        return [row["id"] for row in page[rows]], page["next_cursor"]

    def _export(self, page: Any) -> tuple[list[Any], str | None]:
        complaints = {row["order_id"] for row in self.shop.reference.complaints_by(ANNA)}
        told = [row["order_id"] for row in page["complaints"]]
        assert told == [id for id in page["taken_orders"] if id in complaints]
        rows = [row["id"] for row in page["orders"]] + page["taken_orders"]
        rows += [row["id"] for name in ("reviews_written", "reviews_received", "transactions") for row in page[name]]
        return rows, page["next_cursor"]


@pytest.fixture
def walks_are_right(shop: Shop, monkeypatch: Patch) -> Callable[[Walk], None]:
    """The property: every page is the one of the reference, and together they have what stands once."""

    def check(walk: Walk) -> None:
        shop.open()
        lists, name = Lists(shop), walk.name
        while len(lists.places(name)) < walk.limit * walk.pages + walk.over:
            lists.add(name)
        shop.let_lag(walk.lags)
        changes = iter(walk.changes)
        standing, cursor = set(lists.places(name)), None
        shown: list[Place] = []
        begins: Callable[[Place], bool] = _anywhere
        while True:
            found, cursor = lists.page(name, walk.limit, cursor)
            there = lists.places(name)
            standing &= set(there)
            rest = [place for place in there if begins(place)]
            if not walk.lags:
                assert found == [id for _, _, id in rest[: walk.limit]], (walk, shown)
                assert (cursor is None) == (len(rest) <= walk.limit), (walk, shown)
            known = {id: (number, age, id) for number, age, id in [*rest, *standing]}
            shown += [known.get(id, (0, 0, id)) for id in found]
            if cursor is None:
                break
            assert len(shown) < 100, "the walk does not end"
            begins = _next(name, rest[walk.limit :], shown[-1])
            lists.change(next(changes, "nothing"), name, shown)
            standing &= set(lists.places(name))
        assert len(set(shown)) == len(shown), (walk, shown)
        assert standing <= set(shown), (walk, standing - set(shown))

    return check


def _anywhere(place: Place) -> bool:
    return True


def _next(name: str, rest: list[Place], last: Place) -> Callable[[Place], bool]:
    """Where the next page begins: that of an export with the next entry, the others after the last one."""
    if name == "export":
        return lambda place: not rest or place[:2] >= rest[0][:2]
    return lambda place: place[:2] > last[:2]


def test_every_page_behind_a_cursor_is_the_references(walks_are_right: Callable[[Walk], None]) -> None:
    holds(walks_are_right, walks, examples=60)


@pytest.mark.proof
def test_every_page_is_right_in_many_walks(walks_are_right: Callable[[Walk], None]) -> None:
    holds(walks_are_right, walks, examples=400)


DEFECTS = [
    defect("cursor of the entry after", (schemas.next_cursor, "found[limit - 1]", "found[limit]")),
    defect("cursor on the last page", (schemas.next_cursor, "len(found) > limit", "len(found) >= limit")),
    defect("no cursor at limit + 1", (schemas.next_cursor, "len(found) > limit", "len(found) > limit + 1")),
    defect("page begins with the last entry", (timelines.page, "beyond - 1", "beyond")),
    defect("page skips an entry", (timelines.page, "beyond - 1", "beyond - 2")),
    defect("complaints begin with the last", (timelines.page, "beyond + 1", "beyond")),
    defect("complaints newest first", (reviews.complaints, "newest_first=False", "newest_first=True")),
    defect(
        "handled complaints forgotten", (reviews.complaints, "complaints(handled=handled)", "complaints(handled=False)")
    ),
    defect("cursor not bound to the user", (ledger.page, "keys.ledger_of(user_id)", "keys.ledger_of(1 + user_id % 2)")),
    defect(
        "handled complaint waits on", (reviews.mark_handled, "complaints(handled=True)", "complaints(handled=False)")
    ),
    defect("lagging index ends the list", (timelines.page, "if len(entries) < missing", "if True")),
    defect("export skips at a border", (people.page, "entries[left][index.sk]", "entries[left - 1][index.sk]")),
    defect("export forgets its last", (people.page, "entries[:left]", "entries[: left - 1]")),
    defect("export ends at a border", (people.page, "len(entries) > left", "len(entries) > left > 0")),
    defect("export begins again", (people.page, "start.list == name", "start.list != name")),
    defect(
        "export of the next list",
        (people.page, "LISTS.index(start.list) if start", "LISTS.index(start.list) + 1 if start"),
    ),
    defect("complaints on every page", (people.page, "complaints_by(user_id, taken)", "complaints_by(user_id, [])")),
    defect("ids as text", (keys.id_sk, ":016d", "")),
]


@pytest.mark.parametrize("planted", DEFECTS)
def test_a_planted_defect_of_a_cursor_is_noticed(
    walks_are_right: Callable[[Walk], None], monkeypatch: Patch, planted: Defect
) -> None:
    planted.plant(monkeypatch)
    is_noticed(walks_are_right, walks, within=400)
