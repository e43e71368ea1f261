"""Orders end by themselves, on time and once, and refund executors whom the client did not answer.

An hour lasts 16 seconds here, an answer window 7.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from tests.integration.service import Service, at_once, now_ms, pause_before, running, wait_until

HOUR, WINDOW = 16, 7
SECONDS = {"ORDER_LIFETIME_MINUTES": str(HOUR / 60), "NO_RESPONSE_CLOSE_MINUTES": str(WINDOW / 60)}
SWEEP = 75  # seconds within which the sweep, once a minute, has run


class Timed:
    """A service with short deadlines."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def make_no_schedules(self) -> None:
        """Switch off the function that creates the schedules."""
        functions = self.service.aws("lambda")
        mappings = functions.list_event_source_mappings(FunctionName=self.service.name("OrderChanged"))
        for mapping in mappings["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def taken(self, *executors: int) -> tuple[int, str]:
        """Create an order that these executors take; return the client and the order."""
        client = self.service.user()
        order_id: str = self.service.order(client)["id"]
        for executor in executors:
            assert self.service.take(executor, order_id).status == 200
        return client, order_id

    def executors(self, count: int, roubles: int = 10) -> list[int]:
        """New executors with money."""
        found = [self.service.user() for _ in range(count)]
        for executor in found:
            self.service.recharge(executor, roubles)
        return found

    def status(self, order_id: str) -> str:
        """The status of the order in the public view."""
        seen: str = self.service.call("GET /api/orders/{id}", id=order_id).json["status"]
        return seen

    def active(self, user: int) -> int:
        """The number of active orders in a user's counter."""
        count: int = self.service.call("GET /api/users/me", user=user).json["active_orders"]
        return count

    def refunds(self, user: int) -> list[tuple[str, int]]:
        """The refunds of a user: order and amount."""
        return [
            (entry["order_id"], entry["amount"]) for entry in self.service.ledger(user) if entry["type"] == "refund"
        ]

    def warm_up(self) -> None:
        """Call every function once, because cold starts take seconds that these tests measure."""
        [executor] = self.executors(1, 2)
        client, order_id = self.taken(executor)
        self.service.call("POST /api/orders/{id}/respond", user=client, id=order_id)
        self.service.call("GET /api/orders/{id}", id=order_id)
        self.active(client)


@contextmanager
def timed_service(home: Path) -> Iterator[Timed]:
    """A service with short deadlines; at the end the audit finds no breach, and nothing was disclosed."""
    with running(home, **SECONDS) as service:
        timed = Timed(service)
        timed.warm_up()
        yield timed
        assert timed.service.invoke("Audit", {}) == []
        assert service.disclosed() == []


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    """A service with both schedules and sweep."""
    with timed_service(tmp_path_factory.mktemp("timed")) as timed:
        yield timed


def test_orders_end_by_themselves_once(timed: Timed) -> None:
    """I7, I11, I12, L1, L2, L3: schedules and sweep both run."""
    see_orders_end(timed)


def test_the_sweep_ends_orders_without_schedules(tmp_path: Path) -> None:
    """L5, F13: no schedule is ever created."""
    with timed_service(tmp_path) as timed:
        timed.make_no_schedules()
        see_orders_end(timed)


def see_orders_end(timed: Timed) -> None:
    """An untaken order expires, an unanswered one closes and refunds its executors, an answered one does not."""
    service = timed.service
    executors = timed.executors(3)
    client, untaken = timed.taken()
    answering, answered = timed.taken(*executors)
    closing, unanswered = timed.taken(*executors)
    assert service.call("POST /api/orders/{id}/respond", user=answering, id=answered).status == 200
    created = service.call("GET /api/orders/{id}", id=untaken).json["created_at"]
    expires_at = _ms(created) + HOUR * 1000

    # Reads are exact to the millisecond, whatever the timers do.
    while now_ms() < expires_at + 1000:
        asked = now_ms()
        seen = timed.status(untaken)
        if asked >= expires_at:
            assert seen == "expired"
        elif now_ms() < expires_at:
            assert seen == "active"
        pause_before(expires_at)
    assert timed.status(unanswered) == "closed_no_response"
    assert timed.status(answered) == "expired"
    assert service.take(executors[0], untaken).json["code"] == "order_not_active"

    # Counters and money are correct once the timer has run.
    everybody = [client, answering, closing, *executors]
    deadline = time.monotonic() + SWEEP
    while any(timed.active(user) for user in everybody):
        assert time.monotonic() < deadline, "nothing ended the orders"
        time.sleep(2)
    for executor in executors:
        assert timed.refunds(executor) == [(unanswered, 2)]
        assert service.balance(executor) == 8
        assert (
            service.take(executor, unanswered).json["contact"].startswith("@canary_")
        )  # an executor who paid still sees it
    assert timed.status(unanswered) == "closed_no_response"


def test_the_answer_window_outlives_the_orders_hour(timed: Timed) -> None:
    """The order is then expired and cannot be taken, and an answer still counts until the window ends."""
    service = timed.service
    first, second, late = timed.executors(3)
    (lazy, unanswered), (prompt, answered) = timed.taken(), timed.taken()
    time.sleep(HOUR - WINDOW / 2)
    taken_at = now_ms()
    assert service.take(first, unanswered).status == 200
    assert service.take(second, answered).status == 200
    wait_until(lambda: timed.status(unanswered) == timed.status(answered) == "expired")
    assert service.take(late, unanswered).status == 410
    assert service.call("POST /api/orders/{id}/respond", user=prompt, id=answered).status == 200
    wait_until(lambda: timed.status(unanswered) == "closed_no_response")
    assert now_ms() >= taken_at + WINDOW * 1000
    assert service.call("POST /api/orders/{id}/respond", user=lazy, id=unanswered).status == 410
    deadline = time.monotonic() + SWEEP
    while service.balance(first) != 10:
        assert time.monotonic() < deadline, "nothing refunded the take"
        time.sleep(2)
    assert timed.refunds(first) == [(unanswered, 2)]
    assert timed.refunds(second) == []
    assert timed.status(answered) == "expired"


def test_timer_delivered_twenty_times_at_once_acts_once(timed: Timed) -> None:
    """F12: in addition to the timers that run by themselves."""
    executors = timed.executors(3)
    client, order_id = timed.taken(*executors)
    due_at = now_ms()
    wait_until(lambda: timed.status(order_id) == "closed_no_response")
    event = {"order_id": order_id, "due_at": due_at}
    at_once([partial(timed.service.invoke, "EndDueOrder", event)] * 20)
    for executor in executors:
        assert timed.refunds(executor) == [(order_id, 2)]
        assert timed.active(executor) == 0
    assert timed.active(client) == 0


def test_a_late_end_keeps_the_contact_of_a_newer_order(timed: Timed) -> None:
    """I15, F23."""
    service = timed.service
    contact = service.contact()
    client = service.user()
    old = service.order(client, contact)["id"]
    wait_until(lambda: timed.status(old) == "expired")
    newer = service.order(service.user(), contact)["id"]
    timed.service.invoke("EndDueOrder", {"order_id": old, "due_at": 0})
    timed.service.invoke("Sweep", {})
    assert timed.active(client) == 0
    refused = service.call("POST /api/orders", user=service.user(), body=service.order_body(contact))
    assert (refused.status, timed.status(newer)) == (409, "active")


def _ms(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1000 + 0.5)
