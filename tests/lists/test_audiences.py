"""Every executor entitled to hear of a new order hears once, nobody else does, wherever pages end and processes die."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st

from infra.local.fakes.telegram import FakeTelegram
from shared.aws import queues
from shared.aws.queues import Queue
from shared.commands import users as user_commands
from shared.domain import inbox
from shared.domain.init_data import TelegramUser
from shared.domain.user import User
from shared.store import keys, subscriptions, table
from tests import api
from tests.conftest import OPERATOR
from tests.fakes import sdk
from tests.in_process import HANDLERS, queue_record
from tests.lists.population import CITIES, KINDS, MINUTE, Given, State, order_of, store
from tests.lists.shop import Defect, Shop, defect, holds, is_noticed

Patch = pytest.MonkeyPatch

# Neighbours, and ids of different lengths: the lists are sorted by them.
PEOPLE = (1, 2, 3, 9, 10, 11, 99, 100, 101, 2**52, 2**52 + 1)


@dataclass(frozen=True)
class Subscriber:
    """A user's settings, and whether the bot may write to them and an operator banned them."""

    cities: list[str]
    categories: list[str]
    enabled: bool
    reachable: bool | None
    banned: bool


@dataclass(frozen=True)
class Story:
    """An order by the first of the people, its audience, and the calls at which the search for it dies.

    `page`, `query_page`, `batch`: subscribers of a page, entries of a Query, messages of a batch. `hurries`: which
    invocations have time for one page only. `deaths`: for each of the first invocations, the ordinal of the call that
    it does not survive, and whether that is carried out.
    """

    people: list[Subscriber]
    page: int
    query_page: int | None
    batch: int
    hurries: list[bool]
    deaths: list[tuple[int, bool]]


yes = (True, True, True, True, False)
subscribers = st.builds(
    Subscriber,
    cities=st.sampled_from(([], [], [CITIES[0]], list(CITIES), [CITIES[1]])),
    categories=st.sampled_from(([], [], [KINDS[0]], list(KINDS), [KINDS[1]])),
    enabled=st.sampled_from(yes),
    reachable=st.sampled_from((None, *yes)),
    banned=st.sampled_from((False, False, False, True)),
)
stories = st.builds(
    Story,
    people=st.lists(subscribers, min_size=6, max_size=len(PEOPLE)),
    page=st.sampled_from((1, 2, 3)),
    query_page=st.sampled_from((None, 1, 2)),
    batch=st.sampled_from((10, 2)),
    hurries=st.lists(st.sampled_from((True, True, False)), min_size=3, max_size=8),
    deaths=st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=3),
)


class Killed(BaseException):
    """The process was killed."""


class Hurried(api.Context):
    """The context of an invocation that has time for one page."""

    def get_remaining_time_in_millis(self) -> int:
        """Less than a further page needs."""
        return 20_000


class Town:
    """A shop with queues in memory, whose functions can be killed at any call."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.queued: dict[str, list[dict[str, Any]]] = {}
        self.death: tuple[int, bool] | None = None
        self._calls = 0

    def execute(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a call of DynamoDB or SQS, or die before or after it."""
        self._calls += 1
        deadly = self.death is not None and self._calls == self.death[0]
        if deadly and self.death is not None and not self.death[1]:
            raise Killed
        answer = self._enqueue(request) if operation == "SendMessageBatch" else self.shop.execute(operation, request)
        if deadly:
            raise Killed
        return answer

    def _enqueue(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert 1 <= len(request["Entries"]) <= 10
        queue = self.queued.setdefault(request["QueueUrl"].rpartition("/")[2], [])
        queue += [json.loads(entry["MessageBody"]) for entry in request["Entries"]]
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    def take(self, queue: str) -> list[dict[str, Any]]:
        """Take all messages out of a queue."""
        return self.queued.pop(queue, [])

    def handle(self, queue: Queue, message: dict[str, Any], *, hurried: bool, death: tuple[int, bool] | None) -> bool:
        """Invoke a queue's function with a message; return whether the message is done."""
        event = {"Records": [queue_record(queue, "0", json.dumps(message), "receipt")]}
        self.death, self._calls = death, 0
        try:
            answer = HANDLERS[queue].handler(event, Hurried() if hurried else api.Context())
        except Killed:
            self.shop.restart()
            return False
        finally:
            self.death = None
        return not answer["batchItemFailures"]


def settle(people: list[Subscriber], shop: Shop) -> None:
    """Save the settings of the people, as the bot and the operators do. They had others before."""
    for user, person in zip(PEOPLE, people, strict=False):
        caller = TelegramUser(user, f"User{user}", "", None)
        user_commands.save_notifications(caller, enabled=True, frequency=5)
        user_commands.save_preferences(caller, categories=[KINDS[user % 2]], cities=[CITIES[user % 2]])
        user_commands.save_preferences(caller, categories=person.categories, cities=person.cities)
        user_commands.save_notifications(caller, enabled=person.enabled, frequency=5)
        if person.reachable is not None:
            user_commands.save_chat(user, is_open=person.reachable)
        if person.banned:
            shop.command("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(user), body={"reason": "жалоба"})


def entitled(people: list[Subscriber], city: str, category: str) -> set[int]:
    """The reference: who hears of an order that the first of the people posted."""
    return {
        user
        for user, person in [*zip(PEOPLE, people, strict=False)][1:]
        if person.enabled
        and person.reachable is not False
        and not person.banned
        and (not person.cities or city in person.cities)
        and (not person.categories or category in person.categories)
    }


@pytest.fixture
def everybody_hears_once(shop: Shop, bot: FakeTelegram, monkeypatch: Patch) -> Callable[[Story], None]:
    """The property: the entitled hear once, nobody else hears, whatever dies in between."""
    town = Town(shop)
    for client in (table.client(), queues.client()):
        sdk.below_the_client(client, town.execute, sleep=lambda seconds: None, random=lambda: 0.0)

    def check(story: Story) -> None:
        shop.open()
        town.queued.clear()
        bot.calls.clear()
        monkeypatch.setattr(subscriptions, "_PAGE", story.page)
        monkeypatch.setattr(queues, "_BATCH", story.batch)
        settle(story.people, shop)
        order = order_of(7, Given(State(30 * MINUTE), PEOPLE[0], CITIES[0], KINDS[0], (), 0))
        store(order, 7)
        shop.query_page = story.query_page

        waiting: list[dict[str, Any]] = [{"order_id": order.id, "start": [0, 0], "due_at": shop.service.now}]
        hurries, deaths = iter(story.hurries), iter(story.deaths)
        offers: list[dict[str, Any]] = []
        for _ in range(200):
            if not waiting:
                break
            message = waiting.pop(0)
            done = town.handle(Queue.NEW_ORDERS, message, hurried=next(hurries, False), death=next(deaths, None))
            waiting += [] if done else [message]
            waiting += town.take("new-orders")
            offers += town.take("offers")
        assert not waiting, "the search does not end"

        found = Counter(offer["user_id"] for offer in offers)
        wanted = entitled(story.people, order.city, order.category)
        assert wanted <= set(found), (story, wanted - set(found))
        assert story.deaths or set(found.values()) <= {1}, (story, found)
        messages = [*offers, *offers[-2:]]  # a queue delivers at least once
        for message in messages:
            shop.service.now = max(shop.service.now + 1_000, message["due_at"])
            assert town.handle(Queue.OFFERS, message, hurried=False, death=None)
            messages += town.take("offers")
            assert len(messages) < 200
        heard = Counter(message["chat_id"] for message in bot.sent())
        assert heard == Counter(wanted), (story, heard, wanted)

    return check


def test_the_entitled_hear_once_and_nobody_else(everybody_hears_once: Callable[[Story], None]) -> None:
    holds(everybody_hears_once, stories, examples=25)


@pytest.mark.proof
def test_the_entitled_hear_once_in_many_stories(everybody_hears_once: Callable[[Story], None]) -> None:
    holds(everybody_hears_once, stories, examples=100)


DEFECTS = [
    defect("last of a page skipped", (subscriptions.audience, "user in subscribers if", "user in subscribers[:-1] if")),
    defect("next page begins too late", (subscriptions.audience, "subscribers[-1] + 1", "subscribers[-1] + 2")),
    defect("full page ends the list", (subscriptions.audience, "len(found) < _PAGE", "len(found) <= _PAGE")),
    defect("list skipped after another", (subscriptions.audience, "(number + 1, 0)", "(number + 2, 0)")),
    defect("place kept in the next list", (subscriptions.audience, "        low = 0", "        low = low")),
    defect("any category forgotten", (keys.subscribers, "(category, ANY)", "(category,)")),
    defect("ban forgotten", (User.wants, "not self.is_banned(now)", "True")),
    defect(
        "client hears of their order",
        (subscriptions.audience, "user != order.client_id", "True"),
        (User.wants, "order.client_id != self.id", "True"),
    ),
    defect("repeated offer sent again", (inbox.with_order, "inbox.knows(order.id)", "False")),
    defect("batch forgets its last", (queues.send, "start : start + _BATCH", "start : start + _BATCH - 1")),
    defect(
        "stale lists", (subscriptions.moved_writes, "has.items() if had.get(key) != item", "has.items() if not had")
    ),
]


@pytest.mark.parametrize("planted", DEFECTS)
def test_a_planted_defect_of_an_audience_is_noticed(
    everybody_hears_once: Callable[[Story], None], monkeypatch: Patch, planted: Defect
) -> None:
    planted.plant(monkeypatch)
    is_noticed(everybody_hears_once, stories, within=100)
