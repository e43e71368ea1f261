"""An order's hour, shortened to seconds, ends to the millisecond, whether a timer has run or not (I10, I12)."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from tests.api import Answer
from tests.integration.service import Service, at_once, now_ms, pause_before, running

LIFETIME = 6000  # ms
LIVES_ON = 300  # ms for which an order is watched after its end


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose orders live for six seconds."""
    with running(tmp_path_factory.mktemp("expiry"), ORDER_LIFETIME_MINUTES="0.1") as service:
        # The first call of a function takes a second or more, which is long for such a short order.
        client = service.user()
        order = service.order(client)
        service.call("GET /api/orders/{id}", id=order["id"])
        service.call("GET /api/orders")
        service.call("PUT /api/orders/{id}", user=client, id=order["id"], body={})
        service.take(service.user(), order["id"])
        yield service


def ends_at(order: dict[str, Any]) -> int:
    """Return the end of an order's lifetime, epoch ms."""
    return round(datetime.fromisoformat(order["created_at"]).timestamp() * 1000) + LIFETIME


Question = tuple[Callable[[], Answer], Callable[[Answer], bool]]
"""A request, and whether its answer shows the order as active."""


def watch(questions: Sequence[Question], end: int) -> None:
    """Poll until just after `end`; each answer must be correct for its time, except at `end` itself.

    The last round begins after `end`, so that every question is asked then, however slow the answers are.
    """
    seen, begun = set(), 0
    while begun < end + LIVES_ON:
        begun = now_ms()
        for ask, is_alive in questions:
            asked = now_ms()
            answer = ask()
            answered = now_ms()
            if answered < end:
                assert is_alive(answer), f"{end - answered} ms before its end: {answer.text}"
                seen.add("before")
            elif asked >= end:
                assert not is_alive(answer), f"{asked - end} ms after its end: {answer.text}"
                seen.add("after")
        pause_before(end)
    assert seen == {"before", "after"}


def test_reads_and_writes_change_at_the_orders_end(service: Service) -> None:
    """No timer is this exact: every function compares with the clock."""
    client, executor, rival = service.user(), service.user(), service.user()
    order = service.order(client)
    assert order["expires_in_minutes"] == 0.1

    def listed(answer: Answer) -> bool:
        found = [each["id"] for each in answer.json["orders"]]
        assert answer.json["total"] == len(found)
        return order["id"] in found

    def not_listed(answer: Answer) -> bool:
        return not listed(answer)

    def is_active(answer: Answer) -> bool:
        assert answer.json["status"] in ("active", "expired")
        return bool(answer.json["status"] == "active")

    def one_of(alive: int, over: int) -> Callable[[Answer], bool]:
        def is_alive(answer: Answer) -> bool:
            assert answer.status in (alive, over), answer.text
            return answer.status == alive

        return is_alive

    get, lists, its = "GET /api/orders/{id}", "GET /api/orders", {"id": order["id"]}
    here = {"city": "Москва", "category": "Сантехника"}
    # One thread per function, so that each function has one warm process.
    questions: list[list[Question]] = [
        [(partial(service.call, get, **its), is_active)],
        [
            (partial(service.call, lists), listed),
            (partial(service.call, lists, query=here), listed),
            (partial(service.call, lists, query={"status": "expired", **here}), not_listed),
            (partial(service.call, lists, user=client, query={"mine": True, "status": "active"}), listed),
        ],
        [(partial(service.call, "PUT /api/orders/{id}", user=client, body={}, **its), one_of(200, 410))],
        # This executor cannot pay: the refusal of an ended order comes first.
        [(partial(service.take, executor, order["id"]), one_of(402, 410))],
    ]
    same_contact = partial(service.call, "POST /api/orders", user=rival, body=service.order_body(order["contact"]))
    end = ends_at(order)
    at_once([*(partial(watch, asked, end) for asked in questions), partial(until_free, same_contact, end)])
    assert service.call("DELETE /api/orders/{id}", user=client, **its).status == 204


def until_free(create: Callable[[], Answer], end: int) -> None:
    """Create an order with a contact that another order holds until `end`: refused before, successful right after."""
    while True:
        asked = now_ms()
        answer = create()
        if now_ms() < end:
            assert answer.status == 409
        elif asked >= end:
            assert answer.status == 201, f"{asked - end} ms after the end: {answer.text}"
        if answer.status == 201:
            break
        pause_before(end)


def test_executors_see_the_contact_of_an_expired_order(service: Service) -> None:
    """I17, I19: after the end, only a repeated take and the executor's own reads still show the contact."""
    client, executor, late = service.user(), service.user(), service.user()
    for user in (executor, late):
        service.recharge(user, 5)
    order = service.order(client)
    taken = service.take(executor, order["id"])
    assert taken.status == 200
    while now_ms() < ends_at(order):
        time.sleep(0.05)
    assert service.take(executor, order["id"]).json == taken.json
    assert service.take(late, order["id"]).status == 410
    assert (service.balance(executor), service.balance(late)) == (3, 5)
    seen = {
        user: service.call("GET /api/orders/{id}", user=user, id=order["id"]).json["contact"]
        for user in (client, executor, late, None)
    }
    assert seen == {client: order["contact"], executor: order["contact"], late: None, None: None}
