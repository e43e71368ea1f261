"""The API over an in-memory table that can be emptied in no time, and the search for a story that breaks a property."""

import inspect
import itertools
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from functions.notifications import send_offer
from shared.store import feeds, table
from shared.store.attributes import item_to_dynamodb
from tests import api
from tests.conftest import TABLE
from tests.fakes import sdk
from tests.fakes.dynamodb import Database, Item
from tests.in_process import START, Api, wake_another_instance
from tests.lists.reference import Reference

Story = TypeVar("Story")


class Shop:
    """The service, its table, and the reference over the same items."""

    def __init__(self, service: Api) -> None:
        self.service = service
        self.query_page: int | None = None
        self.lags: list[int] = []
        self.open()

    def open(self) -> None:
        """Begin a story: an empty table, the clock at START, and new instances of the functions."""
        self.service.now = START
        self.database = Database(api.table_definition(), name=TABLE, now=lambda: self.service.now)
        self.reference = Reference(self.database)
        self.query_page = None
        self.lags = []
        self.restart()

    def let_lag(self, lags: list[int]) -> None:
        """Let indexes and reads lag behind the table from now on: so many ms each change in turn."""
        self.lags = lags
        turns = itertools.cycle(lags or [0])
        self.database.lag = lambda index: next(turns)

    def restart(self) -> None:
        """Replace the instances of the functions: their caches are empty."""
        feeds._totals.clear()
        send_offer._told.clear()
        wake_another_instance()

    def execute(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a call to DynamoDB. A page of a Query has at most `query_page` entries."""
        self.database.page_items = self.query_page if operation == "Query" else None
        return self.database.execute(operation, request)

    def get(self, route: str, *, user: int | None = None, id: str | None = None, **query: Any) -> Any:
        """Return the JSON of a GET that succeeds. A parameter that is None is not sent."""
        given = {name: value for name, value in query.items() if value is not None}
        answer = self.service.call(f"GET {route}", user=user, id=id, query=given)
        assert answer.status == 200, answer.text
        return answer.json

    def command(self, route: str, *, user: int, id: str | None = None, body: Any = None) -> None:
        """Send a command, which may be refused."""
        answer = self.service.call(route, user=user, id=id, body=body)
        assert answer.status < 500, answer.text


def put(*items: Mapping[str, Any]) -> None:
    """Store items as they are."""
    for item in items:
        table.client().put_item(TableName=TABLE, Item=item_to_dynamodb(item))


def written(write: Any) -> None:
    """Do one write that the store built for a transaction."""
    table.client().transact_write_items(TransactItems=[write])


def gone(shop: Shop, *keys: tuple[str, str]) -> None:
    """Remove items, as TTL does."""
    for key in keys:
        removed: list[tuple[tuple[str, str], Item | None]] = [(key, None)]
        shop.database._commit(removed, by_ttl=True)


@pytest.fixture
def shop(service: Api) -> Shop:
    """The service over a table without HTTP in between, which takes a tenth of the time."""
    shop = Shop(service)
    sdk.below_the_client(table.client(), shop.execute, sleep=lambda seconds: None, random=lambda: 0.0)
    return shop


def holds(check: Callable[[Story], None], stories: st.SearchStrategy[Story], *, examples: int) -> None:
    """Check a property for so many stories, the same ones each time."""
    _search(check, stories, examples, phases=[Phase.generate, Phase.shrink])


def is_noticed(check: Callable[[Story], None], stories: st.SearchStrategy[Story], *, within: int) -> None:
    """Expect the property to fail for one of so many stories, the same ones each time."""
    with pytest.raises(AssertionError):
        _search(check, stories, within, phases=[Phase.generate])


def _search(
    check: Callable[[Story], None],
    stories: st.SearchStrategy[Story],
    examples: int,
    *,
    phases: list[Phase],
) -> None:
    # Derandomized, hypothesis would draw by the source of `one`: an edit of it would change all stories.
    @seed(1)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(stories)
    def one(story: Story) -> None:
        check(story)

    one()


@dataclass(frozen=True)
class Defect:
    """A mistake to plant: in each of these functions, one text of the source is replaced by another."""

    name: str
    changes: tuple[tuple[Callable[..., Any], str, str], ...]
    about: str

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Replace the code of the functions, also for a router that holds one of them."""
        for given_function, right, wrong in self.changes:
            function = inspect.unwrap(given_function)
            source = textwrap.dedent(inspect.getsource(function))
            assert source.count(right) == 1, (self.name, right)
            module = compile(source.replace(right, wrong), self.name, "exec", dont_inherit=True)
            parts = [part for part in module.co_consts if isinstance(part, CodeType)]
            [changed] = [part for part in parts if part.co_name == function.__name__]
            patch.setattr(function, "__code__", changed)


def defect(name: str, *changes: tuple[Callable[..., Any], str, str], about: str = "") -> Any:
    """A parameter of a test: the defect under its name; `about` names the stories that notice it."""
    return pytest.param(Defect(name, changes, about), id=name)


def some_at_once(defects: list[Any], *names: str) -> list[Any]:
    """The parameters of these names as they are; the others are for `make proof`."""
    assert set(names) <= {each.id for each in defects}
    return [
        each if each.id in names else pytest.param(*each.values, id=each.id, marks=pytest.mark.proof)
        for each in defects
    ]
