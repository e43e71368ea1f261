"""Every search of cities finds what the reference finds, however a part of a name is typed."""

import itertools
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from hypothesis import strategies as st

from functions.cities import list as list_cities
from shared.domain import cities
from shared.handlers.http import fast_path_handler
from tests import api
from tests.lists.reference import cities_with
from tests.lists.shop import Defect, defect, holds, is_noticed

Patch = pytest.MonkeyPatch

NAMES = (api.ROOT / "shared/domain/cities.txt").read_text(encoding="utf-8").splitlines()
MARKED = [name for name in NAMES if set(name) & set("ёй- ")]
EXAMPLES = 60


@dataclass(frozen=True)
class Search:
    """A part of a name, and how it is typed.

    `form`: in which case. `dots`: whether each е is typed as ё, or each ё as е. `length`: with how many spaces it is
    filled up. `unseen`: invisible characters before each character in turn. `decomposed`: whether й and ё are typed as
    two characters. `before`: an earlier parameter of the same name. `beside`: whether there is an unknown parameter.
    """

    part: str
    form: Callable[[str], str]
    dots: str
    length: int
    unseen: list[str]
    decomposed: bool
    before: str | None
    beside: bool

    def seen(self) -> str:
        """Return the text as it looks when typed."""
        dotted = {"": self.part, "all": self.part.replace("е", "ё"), "none": self.part.replace("ё", "е")}[self.dots]
        text = self.form(dotted)
        return text.rjust(len(text) + min(1, self.length)).ljust(self.length)

    def query(self) -> str:
        """Return the query string."""
        text = unicodedata.normalize("NFD", self.seen()) if self.decomposed else self.seen()
        noise = itertools.cycle(self.unseen or [""])
        typed = "".join(next(noise) + character for character in text) + next(noise)
        before = [] if self.before is None else [("search", self.before)]
        return urlencode([*before, ("search", typed), *([("page", "2")] if self.beside else [])])


def _slice(name: str, start: int, length: int) -> str:
    return name[start : start + length]


searches = st.builds(
    Search,
    part=st.builds(
        _slice, st.sampled_from(NAMES) | st.sampled_from(MARKED), st.sampled_from((0, 0, 1, 4)), st.integers(1, 9)
    )
    | st.sampled_from(("", " ", "-", "Лондон", "й", "Ё")),
    form=st.sampled_from((str.lower, str.upper, str.swapcase, str)),
    dots=st.sampled_from(("", "all", "none")),
    length=st.sampled_from((0, 0, 0, 20, 99, 100, 101)),
    unseen=st.lists(st.sampled_from(("", "\u200b", "\u00ad", "\u200d", "\u3164", "\ufe0f" * 90)), max_size=3),
    decomposed=st.booleans(),
    before=st.sampled_from((None, None, None, "Абаза", "")),
    beside=st.booleans(),
)


@pytest.fixture
def search_is_right(monkeypatch: Patch) -> Callable[[Search], None]:
    """The property: a search finds the names of the reference, and one that is too long is refused."""
    # The router is made once. A defect in what makes it needs a handler without one.
    handler = fast_path_handler(list_cities.fast_path, list_cities.make_router)
    monkeypatch.setattr(list_cities, "handler", handler)

    def check(search: Search) -> None:
        event = api.event("GET", "/api/cities") | {"rawQueryString": search.query()}
        answer = api.invoke("GET /api/cities", event)
        if 1 <= len(search.seen()) <= 100:
            assert answer.status == 200, search
            assert answer.json == cities_with(search.seen(), NAMES), search
        else:
            assert answer.status == 422, search

    return check


def test_every_search_of_cities_is_the_references(search_is_right: Callable[[Search], None]) -> None:
    holds(search_is_right, searches, examples=EXAMPLES)


@pytest.mark.proof
def test_every_search_of_cities_is_right_in_many_forms(search_is_right: Callable[[Search], None]) -> None:
    holds(search_is_right, searches, examples=20 * EXAMPLES)


@pytest.mark.parametrize("query", ["", "page=2"])
def test_all_cities_are_listed_once_in_alphabetical_order(query: str) -> None:
    answer = api.invoke("GET /api/cities", api.event("GET", "/api/cities") | {"rawQueryString": query})
    assert answer.json == cities_with("", NAMES)
    assert len(answer.json) > 1000


DEFECTS = [
    defect("spaces searched", (cities.search, "text.strip()", "text")),
    defect("case matters", (cities.folded, ".casefold()", "")),
    defect("dots matter", (cities.folded, '.replace("ё", "е")', "")),
    defect("beginnings only", (cities.search, "wanted in folded(name)", "folded(name).startswith(wanted)")),
    defect("one name only", (cities.search, "if wanted in folded(name)]", "if wanted in folded(name)][:1]")),
    defect("last name first", (cities.search, "in names()", "in reversed(names())")),
    defect("a name twice", (cities.search, "in names()", "in (*names(), names()[-1])")),
    defect("a name forgotten", (cities.search, "in names()", "in names()[1:]")),
    defect("invisible characters searched", (list_cities.fast_path, "clean(typed)", "typed")),
    defect("invisible characters searched beside", (list_cities.make_router, ", TEXT]", "]")),
    defect("nothing searched", (list_cities.fast_path, "1 <= len", "0 <= len")),
    defect("nothing searched beside", (list_cities.make_router, "min_length=1", "min_length=0")),
    defect("no search for an empty one", (list_cities.fast_path, "keep_blank_values=True", "keep_blank_values=False")),
    defect("101 characters", (list_cities.fast_path, "<= LONGEST_SEARCH", "<= LONGEST_SEARCH + 1")),
    defect("101 characters beside", (list_cities.make_router, "=LONGEST_SEARCH", "=LONGEST_SEARCH + 1")),
    defect("99 characters beside", (list_cities.make_router, "=LONGEST_SEARCH", "=LONGEST_SEARCH - 1")),
    defect("first of two searches", (list_cities.fast_path, "[typed]", "[typed, *_]")),
]


@pytest.mark.parametrize("planted", DEFECTS)
def test_a_planted_defect_of_the_cities_is_noticed(
    search_is_right: Callable[[Search], None], monkeypatch: Patch, planted: Defect
) -> None:
    planted.plant(monkeypatch)
    is_noticed(search_is_right, searches, within=10 * EXAMPLES)
