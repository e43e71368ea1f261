"""The requests that are measured: each function in its ordinary cases, over a table that was filled through the API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from functions.timers import end_due_order, sweep
from shared import clock, secrets
from shared.store import feeds, table
from tests import api
from tests.bench.meter import Call, MeteredTable
from tests.conftest import BOT_TOKEN, CONTACT_KEY
from tests.functions.conftest import Api
from tests.simulation import sdk

SECRETS = {"telegram-bot-token": BOT_TOKEN, "contact-key": CONTACT_KEY}
CLIENT, EXECUTOR, STRANGER = 7_000_000_001, 7_000_000_002, 7_000_000_003


class Service(Api):
    """The API over a metered table, at a moment that stands still."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self.now = now
        self.table = MeteredTable(lambda: self.now)
        self._contacts = 0

    def contact(self) -> str:
        """A contact that nobody had."""
        self._contacts += 1
        return f"@burst_pipe_{self._contacts}"

    def new_order(self, user: int = CLIENT) -> str:
        """The id of a new order with a description as long as people write; a moment passes."""
        self.now += 1
        text = "Прорвало трубу на кухне под раковиной, вода на полу, кран на стояке не закрывается. Нужно срочно."
        order_id: str = self.order(user, self.contact(), description=text)["id"]
        return order_id

    def taken(self, *executors: int, user: int = CLIENT) -> str:
        """The id of a new order that `executors` took."""
        order_id = self.new_order(user)
        for executor in executors:
            self.recharge(executor, 10)
            answer = self.call("POST /api/orders/{id}/take", user=executor, id=order_id)
            assert answer.status == 200, answer.text
        return order_id

    def completed(self) -> str:
        """The id of a completed order that the executor took."""
        order_id = self.taken(EXECUTOR)
        assert self.call("POST /api/orders/{id}/complete", user=CLIENT, id=order_id).status == 200
        return order_id


@contextmanager
def service(now: int) -> Iterator[Service]:
    """The service in this process, its table empty; botocore is the real one, down to its HTTP request."""
    made = Service(now)
    feeds._totals.clear()
    client = table.client.__wrapped__()
    sdk.over_the_wire(client, made.table.send)
    store = SimpleNamespace(get=lambda path: SECRETS[path.rpartition("/")[2]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now_ms", lambda: made.now)
        patch.setattr(table, "client", lambda: client)
        patch.setattr(secrets, "_provider", lambda: store)
        yield made
    feeds._totals.clear()


@dataclass(frozen=True, slots=True)
class Case:
    """A request to a route: `prepare` fills the table and says who asks for what, as `Api.call` is told.

    `forget` makes it the request of an instance that remembers no totals; without, it has just had the same request.
    """

    name: str
    route: str
    prepare: Callable[[Service], dict[str, Any]]
    status: int = 200
    forget: bool = True

    @property
    def function(self) -> str:
        """The module of the function, as in `orders.take`."""
        return api.routes()[self.route].removeprefix("functions.")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a case sends to the function, and the calls that this makes to the table.

    `first_calls` are those of an instance that remembers no totals.
    """

    event: dict[str, Any]
    calls: list[Call]
    first_calls: list[Call]


def record(case: Case, now: int) -> Recorded:
    """Run the case once."""
    with service(now) as made:
        event = made.event_of(case.route, **case.prepare(made))
        made.table.calls.clear()
        feeds._totals.clear()
        answer = api.invoke(case.route, event)
        calls = first_calls = list(made.table.calls)
        if not case.forget:
            answer = api.invoke(case.route, event)
            calls = made.table.calls[len(first_calls) :]
        assert answer.status == case.status, f"{case.name}: {answer.status} {answer.text}"
        return Recorded(event, calls, first_calls)


def record_timer(work: Callable[[Service], Callable[[], Any]], now: int) -> list[Call]:
    """The calls of what `work` prepares, done once."""
    with service(now) as made:
        do = work(made)
        made.table.calls.clear()
        do()
        return made.table.calls


# ---------------------------------------------------------------- what is prepared


def _known(made: Service, user: int = CLIENT) -> None:
    assert made.call("GET /api/users/me", user=user).status == 200


def _order(made: Service) -> dict[str, Any]:
    return {"id": made.new_order()}


def _own_order(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.new_order()}


def _own_taken_order(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.taken(EXECUTOR)}


def _own_order_taken_thrice(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.taken(EXECUTOR, STRANGER, STRANGER + 1)}


def _me(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT}


def _may_take(made: Service) -> dict[str, Any]:
    order_id = made.new_order()
    made.recharge(EXECUTOR, 10)
    return {"user": EXECUTOR, "id": order_id}


def _has_taken(made: Service) -> dict[str, Any]:
    return {"user": EXECUTOR, "id": made.taken(EXECUTOR)}


def _has_no_money(made: Service) -> dict[str, Any]:
    return {"user": EXECUTOR, "id": made.new_order()}


def _new_order(made: Service) -> dict[str, Any]:
    _known(made)
    text = "Прорвало трубу на кухне под раковиной, вода на полу, кран на стояке не закрывается. Нужно срочно."
    body = {"category": "Сантехника", "city": "Москва", "description": text, "contact": made.contact()}
    return {"user": CLIENT, "body": body}


def _busy_contact(made: Service) -> dict[str, Any]:
    request = _new_order(made)
    assert made.call("POST /api/orders", **request).status == 201
    return request


def _edit(made: Service) -> dict[str, Any]:
    body = {"description": "Прорвало трубу в ванной, вода на полу, соседи снизу уже звонят"}
    return {"user": CLIENT, "id": made.new_order(), "body": body}


def _move_contact(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "id": made.new_order(), "body": {"contact": made.contact()}}


def _feed(orders: int) -> Callable[[Service], dict[str, Any]]:
    def prepare(made: Service) -> dict[str, Any]:
        for number in range(orders):
            made.new_order(CLIENT + number)
        return {"query": {"limit": 50}}

    return prepare


def _mine(made: Service) -> dict[str, Any]:
    for _ in range(10):
        made.new_order()
    return {"user": CLIENT, "query": {"mine": True}}


def _taken_by_me(made: Service) -> dict[str, Any]:
    for _ in range(5):
        made.taken(EXECUTOR)
    return {"user": EXECUTOR, "query": {"taken_by_me": True}}


def _ledger(made: Service) -> dict[str, Any]:
    for _ in range(10):
        made.recharge(CLIENT, 5)
    return {"user": CLIENT}


def _review(made: Service) -> dict[str, Any]:
    body = {"order_id": made.completed(), "rating": 5, "comment": "Приехал за двадцать минут"}
    return {"user": CLIENT, "body": body}


def _complaint(made: Service) -> dict[str, Any]:
    return {"user": EXECUTOR, "body": {"order_id": made.completed(), "complaint": "Не отвечал"}}


def _reviews(made: Service) -> dict[str, Any]:
    for _ in range(10):
        assert made.call("POST /api/reviews/client", **_review(made)).status == 200
    return {}


def _judged(made: Service) -> dict[str, Any]:
    return {"user": CLIENT, "query": {"order_id": made.completed()}}


def _preferences(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT, "body": {"categories": ["Сантехника", "Электрика"], "cities": ["Москва", "Химки"]}}


def _notifications(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT, "body": {"enabled": True}}


def _recharge(made: Service) -> dict[str, Any]:
    _known(made)
    return {"user": CLIENT, "body": {"amount": 100}}


CASES = [
    Case("an order", "GET /api/orders/{id}", _order),
    Case("me", "GET /api/users/me", _me),
    Case("balance", "GET /api/balance", _me),
    Case("new order", "POST /api/orders", _new_order, 201),
    Case("new order, contact busy", "POST /api/orders", _busy_contact, 409),
    Case("take", "POST /api/orders/{id}/take", _may_take),
    Case("take, again", "POST /api/orders/{id}/take", _has_taken),
    Case("take, refused", "POST /api/orders/{id}/take", _has_no_money, 402),
    Case("feed, all of 50", "GET /api/orders", _feed(50)),
    Case("feed, 50 of 60, counted", "GET /api/orders", _feed(60)),
    Case("feed, 50 of 60, count known", "GET /api/orders", _feed(60), forget=False),
    Case("mine, 10", "GET /api/orders", _mine),
    Case("taken by me, 5", "GET /api/orders", _taken_by_me),
    Case("edit", "PUT /api/orders/{id}", _edit),
    Case("edit of the contact", "PUT /api/orders/{id}", _move_contact),
    Case("delete", "DELETE /api/orders/{id}", _own_order, 204),
    Case("respond", "POST /api/orders/{id}/respond", _own_taken_order),
    Case("close, three refunds", "POST /api/orders/{id}/close", _own_order_taken_thrice, 204),
    Case("complete, three takers", "POST /api/orders/{id}/complete", _own_order_taken_thrice),
    Case("ledger, 10", "GET /api/balance/transactions", _ledger),
    Case("recharge (local)", "POST /api/balance/recharge", _recharge),
    Case("review", "POST /api/reviews/client", _review),
    Case("complaint", "POST /api/reviews/executor", _complaint),
    Case("reviews, 10", "GET /api/reviews", _reviews),
    Case("judged?", "GET /api/reviews/check", _judged),
    Case("preferences", "GET /api/users/me/preferences", _me),
    Case("save preferences", "PUT /api/users/me/preferences", _preferences),
    Case("notifications", "GET /api/users/me/notification-settings", _me),
    Case("save notifications", "PUT /api/users/me/notification-settings", _notifications),
    Case("cities", "GET /api/cities", lambda made: {}),
    Case("cities, searched", "GET /api/cities", lambda made: {"query": {"search": "каз"}}),
    Case("health", "GET /health", lambda made: {}),
]


def _order_ends(made: Service) -> Callable[[], Any]:
    order_id = made.taken(EXECUTOR, STRANGER, STRANGER + 1)
    made.later(minutes=16)
    return lambda: end_due_order.handler({"order_id": order_id, "due_at": made.now - 1}, api.Context())


def _nothing_due(made: Service) -> Callable[[], Any]:
    made.new_order()
    return lambda: sweep.handler({}, api.Context())


TIMERS = {"timer, three refunds": _order_ends, "sweep, nothing due": _nothing_due}
