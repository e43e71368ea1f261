"""Who sees what of an order in which state, over every route (I17, I25)."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from shared.commands import orders as commands
from shared.commands import reviews as review_commands
from shared.domain import order as rules
from shared.domain.review import review_of
from shared.store import audit_log, feeds, orders, reviews, table
from tests import api
from tests.conftest import OPERATOR
from tests.functions.test_admin import (
    CLIENT,
    EXECUTOR,
    OTHER,
    WHY,
    act,
    amounts,
    books_are_right,
    logged_actions,
    taken,
)
from tests.in_process import Api

STRANGER = 9
NOT_THERE = "AAAAAAAAAAAA"


def completed(service: Api) -> str:
    order = taken(service)
    assert service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order).status == 200
    return order


def reviewed(service: Api) -> str:
    order = completed(service)
    assert review(service, order).status == 200
    return order


def review(service: Api, order: str) -> api.Answer:
    body = {"order_id": order, "rating": 4, "comment": "Быстро"}
    return service.call("POST /api/reviews/client", user=CLIENT, body=body)


def closed(service: Api) -> str:
    order = taken(service)
    assert service.call("POST /api/orders/{id}/close", user=CLIENT, id=order).status == 204
    return order


def closed_by_time(service: Api) -> str:
    """The timer is late: the end is not stored yet."""
    order = taken(service)
    service.later(minutes=15)
    return order


def answered_and_expired(service: Api) -> str:
    order = taken(service)
    assert service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order).status == 200
    service.later(minutes=60)
    return order


def untaken(service: Api) -> str:
    order: str = service.order(CLIENT)["id"]
    return order


def untaken_and_expired(service: Api) -> str:
    order = untaken(service)
    service.later(minutes=60)
    return order


def deleted(service: Api) -> str:
    order = untaken(service)
    assert service.call("DELETE /api/orders/{id}", user=CLIENT, id=order).status == 204
    return order


Begin = Callable[[Api], str]
SHOWN: list[Begin] = [
    untaken,
    taken,
    untaken_and_expired,
    answered_and_expired,
    completed,
    reviewed,
    closed,
    closed_by_time,
]
every_state = pytest.mark.parametrize("begin", [*SHOWN, deleted], ids=lambda begin: begin.__name__)


def remove(service: Api, order: str) -> None:
    assert act(service, "orders/{id}/remove", order).status == 200


def detail(service: Api, order: str, user: int | None) -> api.Answer:
    return service.call("GET /api/orders/{id}", user=user, id=order)


def requests_about(service: Api, order: str, user: int) -> dict[str, tuple[int, str]]:
    """What every request about an order is answered."""
    judged = {"order_id": order, "rating": 1, "complaint": "Другое"}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("GET /api/orders/{id}", {"id": order}),
        ("PUT /api/orders/{id}", {"id": order, "body": {"category": "Клининг"}}),
        ("DELETE /api/orders/{id}", {"id": order}),
        *((f"POST /api/orders/{{id}}/{verb}", {"id": order}) for verb in ("take", "respond", "close", "complete")),
        ("POST /api/reviews/client", {"body": judged}),
        ("POST /api/reviews/executor", {"body": judged}),
        ("GET /api/reviews/check", {"query": {"order_id": order}}),
    ]
    answers = {route: service.call(route, user=user, **more) for route, more in asked}
    return {route: (answer.status, answer.text) for route, answer in answers.items()}


# ---------------------------------------------------------------- strangers


@every_state
@pytest.mark.parametrize("banned", [False, True])
def test_a_removed_order_is_not_there_for_strangers(service: Api, begin: Begin, banned: bool) -> None:
    """I25: every request of a stranger is answered as for an order that never existed. Operators are no exception."""
    order = begin(service)
    remove(service, order)
    service.recharge(STRANGER)
    if banned:
        act(service, "users/{id}/ban", STRANGER)
    for user in (STRANGER, OPERATOR):
        assert requests_about(service, order, user) == requests_about(service, NOT_THERE, user)
    gone = detail(service, order, None)
    assert (gone.status, gone.text) == (404, detail(service, NOT_THERE, None).text)


def test_a_deleted_order_is_not_there_for_strangers(service: Api) -> None:
    order = deleted(service)
    service.recharge(STRANGER)
    assert requests_about(service, order, STRANGER) == requests_about(service, NOT_THERE, STRANGER)
    assert detail(service, order, None).status == 404
    assert detail(service, order, CLIENT).json["contact"] == "@burst_pipe"


@pytest.mark.parametrize("begin", SHOWN, ids=lambda begin: begin.__name__)
def test_strangers_see_other_orders_without_contact(service: Api, begin: Begin) -> None:
    order = begin(service)
    for user in (None, STRANGER, OPERATOR):
        shown = detail(service, order, user)
        assert (shown.status, shown.json["contact"], shown.json["removed"]) == (200, None, False)


# ---------------------------------------------------------------- participants


@every_state
def test_a_removed_order_stays_with_its_participants(service: Api, begin: Begin) -> None:
    """Its client and its executors see it with its contact, also in their lists. Only a running status changes."""
    order = begin(service)
    before = detail(service, order, CLIENT).json
    took = [take["executor_id"] for take in before["taken_by"]]
    paid = [service.call("POST /api/orders/{id}/take", user=user, id=order).text for user in took]
    remove(service, order)
    runs = before["status"] in ("active", "expired")
    ends_as = ("closed_no_response" if took else "deleted") if runs else before["status"]
    for user in (CLIENT, *took):
        shown = detail(service, order, user)
        after = {**before, "status": ends_as, "removed": True, "version": before["version"] + 1}
        assert (shown.status, shown.json) == (200, after)
        whose = "mine" if user == CLIENT else "taken_by_me"
        for status in (None, ends_as):
            query = {whose: True, **({"status": status} if status else {})}
            own = service.call("GET /api/orders", user=user, query=query).json
            assert (own["orders"], own["total"]) == ([{**shown.json, "contact": None}], 1)
    export = service.call("GET /api/users/me/export", user=CLIENT).json
    assert export["orders"] == [detail(service, order, CLIENT).json]
    service.later(minutes=24 * 60)
    # A repeated take returns the same answer for ever (I19), also to a banned executor.
    assert [service.call("POST /api/orders/{id}/take", user=user, id=order).text for user in took] == paid
    for user in took:
        act(service, "users/{id}/ban", user)
    assert [service.call("POST /api/orders/{id}/take", user=user, id=order).text for user in took] == paid


@every_state
def test_removal_refunds_only_what_it_ends(service: Api, begin: Begin) -> None:
    """I7: an order that had ended keeps its money and its counters."""
    order = begin(service)
    service.sweep()
    status = detail(service, order, CLIENT).json["status"]
    ledger, people = amounts(service, EXECUTOR), [service.call("GET /api/users/me", user=user).json for user in (1, 2)]
    remove(service, order)
    if status not in ("active", "expired"):
        assert amounts(service, EXECUTOR) == ledger
        assert [service.call("GET /api/users/me", user=user).json for user in (1, 2)] == people
    elif status == "active" or ledger:
        assert amounts(service, EXECUTOR) == ([2, *ledger] if ledger else [])
    assert service.order(OTHER, "@burst_pipe")["status"] == "active"
    assert books_are_right()


def test_a_late_end_is_stored_by_the_removal(service: Api) -> None:
    """L2: with its refunds, once."""
    order = closed_by_time(service)
    remove(service, order)
    assert amounts(service, EXECUTOR) == [2, -2, 10]
    service.sweep()
    service.timer(order, service.now)
    assert amounts(service, EXECUTOR) == [2, -2, 10]
    assert books_are_right()


# ---------------------------------------------------------------- operators


@every_state
def test_operators_see_every_order_without_contact(service: Api, begin: Begin) -> None:
    order = begin(service)
    before = detail(service, order, CLIENT).json
    shown = seen_by_operator(service, order)
    assert before | {"contact": None, "client_id": CLIENT, "removed_at": None} == {
        name: shown[name] for name in shown.keys() & {*before, "client_id", "removed_at"}
    }
    removal = act(service, "orders/{id}/remove", order).json
    assert removal["removed_at"] is not None
    assert seen_by_operator(service, order) == {**removal, "complaints": shown["complaints"]}


def test_operators_see_the_masked_description(service: Api) -> None:
    order = service.order(CLIENT, description="Прорвало трубу, пишите @burst_pipe в любое время")["id"]
    shown = seen_by_operator(service, order)
    assert ("burst_pipe" in str(shown), shown["description_masked"]) == (False, True)
    missing = service.call("GET /api/admin/orders/{id}", user=OPERATOR, id=NOT_THERE)
    assert (missing.status, missing.json["code"]) == (404, "order_not_found")


def seen_by_operator(service: Api, order: str) -> Any:
    answer = service.call("GET /api/admin/orders/{id}", user=OPERATOR, id=order)
    assert answer.status == 200
    return answer.json


# ---------------------------------------------------------------- lists and reviews


def listed(service: Api, user: int | None = None) -> set[tuple[str, int]]:
    """The orders that strangers can list, with the totals."""
    feeds._totals.clear()
    found = set()
    for status, city, category in itertools.product(
        ("active", "expired", "completed"), (None, "Москва"), (None, "Сантехника")
    ):
        query = {name: value for name, value in (("city", city), ("category", category)) if value}
        page = service.call("GET /api/orders", user=user, query={"status": status, **query}).json
        found |= {(order["id"], page["total"]) for order in page["orders"]}
        assert page["orders"] or page["total"] == 0
    return found


@every_state
def test_a_removed_order_is_in_no_list_of_strangers(service: Api, begin: Begin) -> None:
    order = begin(service)
    listable = detail(service, order, CLIENT).json["status"] in ("active", "expired", "completed")
    assert listed(service) == ({(order, 1)} if listable else set())
    other = service.order(OTHER, "@other_pipe")["id"]
    remove(service, order)
    assert listed(service) == listed(service, STRANGER) == {(other, 1)}


def public_reviews(service: Api) -> list[str]:
    found = [service.call("GET /api/reviews", query=query).json for query in ({}, {"rating": 4})]
    assert found[0] == found[1]
    return [review["order_id"] for review in found[0]]


@pytest.mark.parametrize("removed_first", [False, True])
def test_the_review_of_a_removed_order_is_not_public(service: Api, removed_first: bool) -> None:
    """Its author, its executor and the order keep it, and it counts in the rating, whenever it was written."""
    order = completed(service)
    if removed_first:
        remove(service, order)
        assert review(service, order).status == 200
    else:
        assert review(service, order).status == 200
        assert public_reviews(service) == [order]
        remove(service, order)
    assert public_reviews(service) == []
    for user, whose in ((CLIENT, "written"), (EXECUTOR, "mine")):
        for rating in (None, 4):
            query = {whose: True, **({"rating": rating} if rating else {})}
            [kept] = service.call("GET /api/reviews", user=user, query=query).json
            assert (kept["order_id"], kept["comment"]) == (order, "Быстро")
        assert detail(service, order, user).json["review_comment"] == "Быстро"
    assert service.call("GET /api/users/me", user=EXECUTOR).json["rating"] == 4
    assert review(service, order).json["code"] == "already_reviewed"
    assert books_are_right()


def test_a_reviewed_expired_order_leaves_with_its_review(service: Api) -> None:
    order = answered_and_expired(service)
    assert review(service, order).status == 200
    remove(service, order)
    assert public_reviews(service) == []
    assert amounts(service, EXECUTOR) == [2, -2, 10]


# ---------------------------------------------------------------- the removal itself


@every_state
def test_a_removal_is_recorded_once(service: Api, begin: Begin) -> None:
    """A second one gets the same answer, and records nothing."""
    order = begin(service)
    first = act(service, "orders/{id}/remove", order)
    assert (first.json["client_id"], first.json["contact"], first.json["removed"]) == (CLIENT, None, True)
    [action] = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    assert first.json["removed_at"] == action["created_at"]
    service.later(minutes=1)
    assert act(service, "orders/{id}/remove", order).json == first.json
    assert logged_actions(service) == [("order_removed", None, order)]


def test_a_refund_and_an_erasure_leave_it_hidden(service: Api) -> None:
    order = reviewed(service)
    remove(service, order)
    assert act(service, "orders/{id}/refund", order, executor_id=EXECUTOR).status == 200
    assert (listed(service), public_reviews(service)) == (set(), [])
    assert amounts(service, EXECUTOR) == [2, -2, 10]
    assert service.call("DELETE /api/users/me", user=CLIENT).status == 204
    assert (listed(service), public_reviews(service)) == (set(), [])
    assert detail(service, order, STRANGER).status == 404
    assert books_are_right()


def test_an_erased_order_can_be_removed(service: Api) -> None:
    order = reviewed(service)
    assert service.call("DELETE /api/users/me", user=CLIENT).status == 204
    assert detail(service, order, STRANGER).status == 200
    remove(service, order)
    assert (listed(service), public_reviews(service)) == (set(), [])
    assert detail(service, order, STRANGER).status == 404


# ---------------------------------------------------------------- races


def meanwhile(patch: pytest.MonkeyPatch, module: Any, name: str, do: Callable[[], Any]) -> None:
    """Do something once, between the read and the write of a command: just before this function is called."""
    real, left = getattr(module, name), [do]

    def overtaken(*given: Any, **more: Any) -> Any:
        if left:
            left.pop()()
        return real(*given, **more)

    patch.setattr(module, name, overtaken)


def remove_below_http(order: str) -> None:
    """Another operator removes the order. A request cannot run inside of another."""
    commands.operate(order, rules.removed, audit_log.new(OPERATOR, "order_removed", WHY["reason"], order_id=order))


def test_a_take_that_a_removal_overtakes_is_not_found(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    order = taken(service)
    service.recharge(STRANGER)
    meanwhile(monkeypatch, orders, "take", lambda: remove_below_http(order))
    answer = service.call("POST /api/orders/{id}/take", user=STRANGER, id=order)
    assert (answer.status, answer.json["code"]) == (404, "order_not_found")
    assert (amounts(service, STRANGER), amounts(service, EXECUTOR)) == ([100], [2, -2, 10])
    assert books_are_right()


def test_a_completion_that_a_removal_overtakes_is_refused(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    order = taken(service)
    meanwhile(monkeypatch, orders, "move", lambda: remove_below_http(order))
    answer = service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order)
    assert (answer.status, answer.json["code"]) == (410, "order_not_active")
    assert amounts(service, EXECUTOR) == [2, -2, 10]
    assert books_are_right()


def test_a_removal_that_a_completion_overtakes_refunds_nobody(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    order = taken(service)

    def complete() -> None:
        commands.change(order, lambda order, now: rules.completed(order, CLIENT, now), commands.move)

    meanwhile(monkeypatch, orders, "move", complete)
    remove(service, order)
    shown = detail(service, order, EXECUTOR).json
    assert (shown["status"], shown["removed"], amounts(service, EXECUTOR)) == ("completed", True, [-2, 10])
    assert books_are_right()


def test_a_refund_that_a_removal_overtakes_relists_nothing(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    order = completed(service)
    meanwhile(monkeypatch, orders, "read_for_end", lambda: remove_below_http(order))
    assert act(service, "orders/{id}/refund", order, executor_id=EXECUTOR).status == 200
    assert listed(service) == set()
    assert detail(service, order, STRANGER).status == 404
    assert amounts(service, EXECUTOR) == [2, -2, 10]


def test_a_review_that_a_removal_overtakes_is_not_public(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    order = completed(service)
    meanwhile(monkeypatch, reviews, "put_review", lambda: remove_below_http(order))
    assert review(service, order).status == 200
    assert public_reviews(service) == []
    assert service.call("GET /api/users/me", user=EXECUTOR).json["rating"] == 4


def test_a_removal_that_a_review_overtakes_takes_it_along(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    order = completed(service)

    def write_review() -> None:
        words: dict[str, Any] = {"author_name": "Анна", "rating": 4, "comment": "Быстро", "executor_id": None}
        review_commands.review(
            order, CLIENT, lambda order, now, id: review_of(order, CLIENT, review_id=id, now=now, **words)
        )

    meanwhile(monkeypatch, orders, "move", write_review)
    remove(service, order)
    assert detail(service, order, CLIENT).json["rating"] == 4
    assert public_reviews(service) == []


def test_two_removals_are_one(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second operator finds the order removed, and nothing is recorded for them."""
    order = completed(service)
    meanwhile(monkeypatch, orders, "move", lambda: remove_below_http(order))
    service.later(ms=1)
    remove(service, order)
    assert logged_actions(service) == [("order_removed", None, order)]


@pytest.mark.parametrize("begin", [taken, reviewed, deleted], ids=lambda begin: begin.__name__)
@pytest.mark.parametrize("lands", ["at once", "late", "never"])
def test_removal_of_unknown_outcome_is_done_once(
    service: Api, monkeypatch: pytest.MonkeyPatch, begin: Begin, lands: str
) -> None:
    """F2, F4, P3."""
    order = begin(service)
    write, left = table.transact, [lands]

    def unknown(items: Any) -> None:
        if not left:
            write(items)
            return
        left.clear()
        if lands == "at once":
            write(items)
        if lands == "late":
            service.later(ms=1)
            remove_below_http(order)
            with pytest.raises(table.WriteConflict):
                write(items)
        raise table.WriteConflict

    monkeypatch.setattr(table, "transact", unknown)
    remove(service, order)
    assert logged_actions(service) == [("order_removed", None, order)]
    assert (listed(service), public_reviews(service)) == (set(), [])
    assert detail(service, order, CLIENT).json["removed"] is True
    assert books_are_right()
