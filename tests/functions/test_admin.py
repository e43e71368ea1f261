"""Operators' actions through the functions: done once, recorded in the audit log, refused to everybody else."""

import secrets
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.admin import ban_user, erase_user, export_user, remove_order, unban_user
from functions.scheduled import audit
from shared import commands, ids
from shared.handlers.background import HandlerFailed
from shared.store import attributes, audit_log, keys, orders, table, users
from tests import api
from tests.conftest import OPERATOR, TABLE
from tests.contract.endpoints import ENDPOINTS
from tests.in_process import Api

CLIENT, EXECUTOR, OTHER = 1, 2, 3
WHY = {"reason": "жалобы исполнителей"}


def taken(service: Api, contact: str = "@burst_pipe", *executors: int) -> str:
    """Create an order of the client that these executors take; return its id."""
    order: str = service.order(CLIENT, contact)["id"]
    for executor in executors or (EXECUTOR,):
        service.recharge(executor, 10)
        assert service.call("POST /api/orders/{id}/take", user=executor, id=order).status == 200
    return order


def act(service: Api, what: str, id: object, **body: Any) -> api.Answer:
    """Call an action as an operator, such as `orders/{id}/remove`."""
    return service.call(f"POST /api/admin/{what}", user=OPERATOR, id=str(id), body={**WHY, **body})


def logged_actions(service: Api) -> list[tuple[str, int | None, str | None]]:
    """The entries of the audit log, sorted, because entries of one millisecond have no order."""
    page = service.call("GET /api/admin/actions", user=OPERATOR).json
    assert all(action["operator_id"] == OPERATOR and action["reason"] == WHY["reason"] for action in page["actions"])
    return sorted(((action["kind"], action["user_id"], action["order_id"]) for action in page["actions"]), key=str)


def amounts(service: Api, user: int) -> list[int]:
    """The amounts in the ledger of `user`, newest first."""
    rows = service.call("GET /api/balance/transactions", user=user).json["transactions"]
    return [row["amount"] for row in rows]


def books_are_right() -> bool:
    return bool(audit.handler({}, api.Context()) == [])


# ---------------------------------------------------------------- access

ADMIN = [key for key, endpoint in ENDPOINTS.items() if endpoint.who == "operator"]


@pytest.mark.parametrize("route", ADMIN)
def test_operator_routes_refuse_everybody_else(service: Api, route: str) -> None:
    """The content of a well-formed request is not looked at."""
    order = taken(service)
    body = {**WHY, "order_id": order, "executor_id": EXECUTOR} if route.startswith("POST") else None
    id = order if "/orders/" in route else str(EXECUTOR)
    query = WHY if route.endswith("/ledger") else None
    for user, status, code in ((None, 401, "unauthenticated"), (CLIENT, 403, "not_an_operator")):
        answer = service.call(route, user=user, id=id, body=body, query=query)
        assert (answer.status, answer.json["code"]) == (status, code)
    assert logged_actions(service) == []
    assert service.call("GET /api/orders/{id}", id=order).json["status"] == "active"


@pytest.mark.parametrize("reason", ["", "  a  ", "a" * 501, None])
def test_an_action_without_a_reason_is_refused(service: Api, reason: str | None) -> None:
    answer = service.call(
        "POST /api/admin/users/{id}/ban", user=OPERATOR, id="1", body={} if reason is None else {"reason": reason}
    )
    assert answer.status == 422
    assert logged_actions(service) == []


def test_actions_with_one_id_are_all_done(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two actions of one millisecond may get the same id.

    The simulation's seed 7720: two removals of an order succeeded, and the audit log had one. Its seed 13275: a user
    had to repeat the request for erasure, because operators were active.
    """
    monkeypatch.setattr(ids, "secrets", SimpleNamespace(randbits=lambda _: 7, token_urlsafe=secrets.token_urlsafe))
    service.order(CLIENT, "@burst_pipe")
    for reason in ("жалоба", "другая жалоба"):
        look = service.call("GET /api/admin/users/{id}/ledger", user=OPERATOR, id=str(CLIENT), query={"reason": reason})
        assert look.status == 200
    assert act(service, "users/{id}/ban", OTHER).status == 200
    assert service.call("DELETE /api/users/me", user=CLIENT).status == 204
    assert users.get(CLIENT).first_name == ""
    found = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    assert {action["id"] for action in found} == {found[0]["id"]}
    assert sorted(action["kind"] for action in found) == ["data_erased", "ledger_read", "ledger_read", "user_banned"]


# ---------------------------------------------------------------- complaints


def test_a_complaint_is_listed_until_it_is_handled_once(service: Api) -> None:
    order = taken(service, "@burst_pipe", EXECUTOR, OTHER)
    for executor, comment in ((EXECUTOR, None), (OTHER, "нагрубил")):
        body = {"order_id": order, "complaint": "Не отвечал", "comment": comment}
        assert service.call("POST /api/reviews/executor", user=executor, body=body).status == 200
        service.later(ms=1)

    first = service.call("GET /api/admin/complaints", user=OPERATOR, query={"limit": 1}).json
    assert [
        (complaint["executor_id"], complaint["client_id"], complaint["comment"]) for complaint in first["complaints"]
    ] == [(2, 1, None)]
    rest = service.call("GET /api/admin/complaints", user=OPERATOR, query={"cursor": first["next_cursor"]}).json
    assert [(complaint["executor_id"], complaint["comment"]) for complaint in rest["complaints"]] == [
        (OTHER, "нагрубил")
    ]
    assert rest["next_cursor"] is None

    done = act(service, "complaints/handle", "", order_id=order, executor_id=EXECUTOR)
    assert done.status == 200
    again = act(service, "complaints/handle", "", order_id=order, executor_id=EXECUTOR)
    assert (again.status, again.json["code"]) == (409, "already_handled")
    unknown = act(service, "complaints/handle", "", order_id=order, executor_id=77)
    assert (unknown.status, unknown.json["code"]) == (404, "complaint_not_found")

    waiting = service.call("GET /api/admin/complaints", user=OPERATOR).json["complaints"]
    handled = service.call("GET /api/admin/complaints", user=OPERATOR, query={"handled": True}).json["complaints"]
    assert [complaint["executor_id"] for complaint in waiting] == [OTHER]
    assert [(complaint["executor_id"], complaint["action_id"]) for complaint in handled] == [
        (EXECUTOR, done.json["action_id"])
    ]
    assert logged_actions(service) == [("complaint_handled", EXECUTOR, order)]


def test_a_page_is_full_though_the_index_lags(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index may still list a complaint that was just handled: the page is full without it, and is not the last."""
    order = taken(service, "@burst_pipe", EXECUTOR, OTHER, OTHER + 1)
    for executor in (EXECUTOR, OTHER, OTHER + 1):
        body = {"order_id": order, "complaint": "Не отвечал"}
        assert service.call("POST /api/reviews/executor", user=executor, body=body).status == 200
        service.later(ms=1)
    table.update(keys.complaint(order, EXECUTOR), "SET handled_at = :now", {":now": service.now})

    first = service.call("GET /api/admin/complaints", user=OPERATOR, query={"limit": 1}).json
    assert [complaint["executor_id"] for complaint in first["complaints"]] == [OTHER]
    rest = service.call("GET /api/admin/complaints", user=OPERATOR, query={"cursor": first["next_cursor"]}).json
    assert ([complaint["executor_id"] for complaint in rest["complaints"]], rest["next_cursor"]) == ([OTHER + 1], None)


# ---------------------------------------------------------------- refunds


def test_take_is_refunded_once_and_after_its_answer_window(service: Api) -> None:
    """I7: the same amount, once, never while the order can still be answered."""
    order = taken(service, "@burst_pipe", EXECUTOR, OTHER)
    early = act(service, "orders/{id}/refund", order, executor_id=EXECUTOR)
    assert (early.status, early.json["code"]) == (409, "take_not_over")
    service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order)

    done = act(service, "orders/{id}/refund", order, executor_id=EXECUTOR)
    assert (done.status, done.json) == (200, {"order_id": order, "executor_id": EXECUTOR, "amount": 2})
    again = act(service, "orders/{id}/refund", order, executor_id=EXECUTOR)
    assert (again.status, again.json["code"]) == (409, "already_refunded")
    assert (amounts(service, EXECUTOR), amounts(service, OTHER)) == ([2, -2, 10], [-2, 10])
    assert books_are_right()

    # The executor still sees the contact, and the order stays active.
    assert service.call("GET /api/orders/{id}", user=EXECUTOR, id=order).json["contact"] == "@burst_pipe"
    assert service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order).status == 200
    assert service.call("GET /api/users/me", user=EXECUTOR).json["completed_orders"] == 1
    assert books_are_right()
    assert logged_actions(service) == [("take_refunded", EXECUTOR, order)]


@pytest.mark.parametrize("timer_ran", [True, False])
def test_a_refund_and_the_end_refund_a_take_once(service: Api, timer_ran: bool) -> None:
    """I5, I7: whichever comes first, each take is refunded once, also if the timer is late."""
    order = taken(service, "@burst_pipe", EXECUTOR, OTHER)
    service.later(minutes=15)
    if timer_ran:
        service.sweep()
    answer = act(service, "orders/{id}/refund", order, executor_id=EXECUTOR)
    assert answer.status == (409 if timer_ran else 200)
    service.sweep()
    assert (amounts(service, EXECUTOR), amounts(service, OTHER)) == ([2, -2, 10], [2, -2, 10])
    assert service.call("GET /api/orders/{id}", id=order).json["status"] == "closed_no_response"
    assert books_are_right()


def test_refund_without_a_take_is_refused(service: Api) -> None:
    order = taken(service)
    stranger = act(service, "orders/{id}/refund", order, executor_id=77)
    assert (stranger.status, stranger.json["code"]) == (404, "take_not_found")
    nothing = act(service, "orders/{id}/refund", "AAAAAAAAAAAA", executor_id=EXECUTOR)
    assert (nothing.status, nothing.json["code"]) == (404, "order_not_found")


def test_a_refund_without_an_action_is_a_breach(service: Api) -> None:
    """I7: the audit accepts refunds by operators and reports a refund without a cause."""
    order = taken(service)
    service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order)
    table.client().update_item(
        TableName=TABLE,
        Key=attributes.item_to_dynamodb(keys.order(order)),
        UpdateExpression="SET takes.#executor.refunded = :true",
        ExpressionAttributeNames={"#executor": str(EXECUTOR)},
        ExpressionAttributeValues={":true": {"BOOL": True}},
    )
    assert [found["invariant"] for found in audit.handler({}, api.Context())] == ["I7"]


# ---------------------------------------------------------------- removing orders


@pytest.mark.parametrize("answered", [True, False])
def test_removal_refunds_every_executor_once(service: Api, answered: bool) -> None:
    """I7, I15: once, whether answered or not; the contact becomes free."""
    order = taken(service, "@burst_pipe", EXECUTOR, OTHER)
    if answered:
        service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order)
        assert act(service, "orders/{id}/refund", order, executor_id=OTHER).status == 200
    answer = act(service, "orders/{id}/remove", order)
    assert (answer.status, answer.json["status"], answer.json["contact"]) == (200, "closed_no_response", None)
    assert act(service, "orders/{id}/remove", order).json == answer.json
    service.later(minutes=61)
    service.sweep()
    for executor in (EXECUTOR, OTHER):
        assert amounts(service, executor) == [2, -2, 10]
        assert service.call("GET /api/users/me", user=executor).json["active_orders"] == 0
    assert service.order(OTHER, "@burst_pipe")["status"] == "active"
    assert books_are_right()
    assert ("order_removed", None, order) in logged_actions(service)


def test_a_removed_untaken_order_leaves_every_list(service: Api) -> None:
    order = service.order(CLIENT)["id"]
    service.later(minutes=60)
    service.sweep()
    assert service.call("GET /api/orders", query={"status": "expired"}).json["total"] == 1
    assert act(service, "orders/{id}/remove", order).json["status"] == "deleted"
    assert service.call("GET /api/orders", query={"status": "expired"}).json["total"] == 0
    assert books_are_right()


def test_removal_with_a_lost_response_is_done_once(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """F2, P3."""
    order = taken(service)
    write, lost = table.transact, [True]

    def and_lose_the_answer(items: Any) -> None:
        write(items)
        if lost and lost.pop():
            raise table.WriteConflict

    monkeypatch.setattr(table, "transact", and_lose_the_answer)
    assert act(service, "orders/{id}/remove", order).status == 200
    assert amounts(service, EXECUTOR) == [2, -2, 10]
    assert logged_actions(service) == [("order_removed", None, order)]


# ---------------------------------------------------------------- bans

ORDER = {"category": "Клининг", "city": "Казань", "description": "Потоп: убрать воду и просушить полы"}


def writes(order: str) -> list[tuple[str, str | None, dict[str, Any] | None]]:
    """Every request that changes something for a user."""
    return [
        ("POST /api/orders", None, {**ORDER, "contact": "@another_pipe"}),
        ("PUT /api/orders/{id}", order, {"category": "Клининг"}),
        ("DELETE /api/orders/{id}", order, None),
        *((f"POST /api/orders/{{id}}/{verb}", order, None) for verb in ("take", "respond", "close", "complete")),
        ("PUT /api/users/me/preferences", None, {"categories": [], "cities": []}),
        ("PUT /api/users/me/notification-settings", None, {"enabled": True}),
        ("POST /api/reviews/client", None, {"order_id": order, "rating": 1}),
        ("POST /api/reviews/executor", None, {"order_id": order, "complaint": "Другое"}),
        ("POST /api/balance/recharge", None, {"amount": 1}),
    ]


def test_a_banned_user_reads_and_changes_nothing(service: Api) -> None:
    """A banned user changes no order at all, but still sees the contacts they paid for (I19)."""
    paid_for = taken(service, "@burst_pipe", EXECUTOR)
    free = service.order(CLIENT, "@another_pipe")["id"]
    own = service.order(EXECUTOR, "@his_pipe")["id"]
    banned = act(service, "users/{id}/ban", EXECUTOR)
    assert banned.json["removed_orders"] == [own]
    for route, id, body in [*writes(free), *writes(own)]:
        answer = service.call(route, user=EXECUTOR, id=id, body=body)
        assert (route, answer.status, answer.json["code"]) == (route, 403, "banned")
    assert service.call("GET /api/balance", user=EXECUTOR).json == {"balance": 8}
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=paid_for).json["contact"] == "@burst_pipe"
    # The ban does not affect others: the client can still close the order, and that refunds the banned executor.
    assert service.call("POST /api/orders/{id}/close", user=CLIENT, id=paid_for).status == 204
    assert service.call("GET /api/balance", user=EXECUTOR).json == {"balance": 10}

    assert act(service, "users/{id}/unban", EXECUTOR).json["banned_at"] is None
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=free).status == 200
    assert logged_actions(service) == [
        ("order_removed", None, own),
        ("user_banned", EXECUTOR, None),
        ("user_unbanned", EXECUTOR, None),
    ]
    assert books_are_right()


def test_a_ban_removes_running_orders(service: Api) -> None:
    """Their executors are refunded, ended orders stay as they are, and a repeated ban changes nothing."""
    over = taken(service, "@over_pipe")
    service.call("POST /api/orders/{id}/complete", user=CLIENT, id=over)
    running = taken(service, "@burst_pipe", EXECUTOR, OTHER)
    first = act(service, "users/{id}/ban", CLIENT)
    assert first.json["removed_orders"] == [running]
    assert amounts(service, OTHER) == [2, -2, 10]
    service.later(minutes=1)
    again = act(service, "users/{id}/ban", CLIENT)
    assert (again.json["removed_orders"], again.json["banned_at"]) == ([], first.json["banned_at"])
    kept = service.call("GET /api/orders/{id}", id=over).json
    assert (kept["status"], kept["removed"]) == ("completed", False)
    assert logged_actions(service) == [("order_removed", None, running), ("user_banned", CLIENT, None)]
    assert books_are_right()


def test_a_ban_that_crashed_is_resumed(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """F1: the ban itself is written first, so that no new order is created meanwhile."""
    found = [taken(service, f"@burst_pipe{number}") for number in range(3)]
    write = commands.orders.move
    monkeypatch.setattr(
        commands.orders, "move", lambda before, *more: write(before, *more) if before.id != found[1] else 1 / 0
    )
    assert act(service, "users/{id}/ban", CLIENT).status == 500
    monkeypatch.setattr(commands.orders, "move", write)
    assert act(service, "users/{id}/ban", CLIENT).status == 200
    shown = [service.call("GET /api/orders/{id}", user=CLIENT, id=order).json for order in found]
    assert [(order["status"], order["removed"]) for order in shown] == [("closed_no_response", True)] * 3
    assert amounts(service, EXECUTOR).count(2) == 3
    assert [kind for kind, _, _ in logged_actions(service)] == ["order_removed"] * 3 + ["user_banned"]


def test_a_ban_between_read_and_write_stops_a_take(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The condition in the transaction enforces the rule: no money moves."""
    order = taken(service, "@burst_pipe", OTHER)
    service.recharge(EXECUTOR, 10)
    write = orders.take

    def ban_first(*given: Any) -> None:
        commands.users.ban(EXECUTOR, audit_log.new(OPERATOR, "user_banned", "тест", user_id=EXECUTOR))
        write(*given)

    monkeypatch.setattr(orders, "take", ban_first)
    answer = service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order)
    assert (answer.status, answer.json["code"]) == (403, "banned")
    assert service.call("GET /api/balance", user=EXECUTOR).json == {"balance": 10}


# ---------------------------------------------------------------- direct invocations

DIRECT = {
    "POST /api/admin/users/{id}/ban": ban_user,
    "POST /api/admin/users/{id}/unban": unban_user,
    "POST /api/admin/orders/{id}/remove": remove_order,
}


def letter(**on: object) -> dict[str, object]:
    """The event of a direct invocation, as `make ban` sends it."""
    return {**on, "operator_id": OPERATOR, **WHY}


def test_direct_invocations_do_what_the_routes_do(service: Api) -> None:
    """Same views, same audit log, for an operator whose id is in no list: IAM is the guard."""
    running, other = taken(service, "@burst_pipe"), taken(service, "@other_pipe", OTHER)
    removed = remove_order.handler(letter(order_id=other), api.Context())
    assert {**removed, "complaints": []} == service.call("GET /api/admin/orders/{id}", user=OPERATOR, id=other).json
    assert removed["status"] == "closed_no_response"
    ban = ban_user.handler(letter(user_id=CLIENT), api.Context())
    assert ban == {
        "user_id": CLIENT,
        "banned_at": ban["banned_at"],
        "banned_until": None,
        "removed_orders": [running],
    }
    assert users.get(CLIENT).banned_at == service.now
    assert unban_user.handler(letter(user_id=CLIENT), api.Context())["banned_at"] is None
    assert users.get(CLIENT).banned_at is None
    assert logged_actions(service) == [
        ("order_removed", None, min(running, other)),
        ("order_removed", None, max(running, other)),
        ("user_banned", CLIENT, None),
        ("user_unbanned", CLIENT, None),
    ]
    assert books_are_right()


def test_a_direct_invocation_reports_an_unknown_order(service: Api) -> None:
    """It is a result and no failure: a typing error raises no alarm."""
    assert remove_order.handler(letter(order_id="AAAAAAAAAAAA"), api.Context()) == {"code": "order_not_found"}


@pytest.mark.parametrize("event", [{}, {"user_id": 1}, {**letter(user_id=1), "order_id": "AAAAAAAAAAAA"}])
def test_a_malformed_direct_invocation_fails(service: Api, event: dict[str, object]) -> None:
    for module in DIRECT.values():
        with pytest.raises(HandlerFailed):
            module.handler(event, api.Context())
    assert users.get(1).banned_at is None


@pytest.mark.parametrize(
    "wrong", [{"user_id": 0}, {"user_id": 10**20}, {"operator_id": 0}, {"reason": "a\x07bcd"}, {"reason": "ab"}]
)
def test_a_direct_invocation_keeps_the_routes_rules(service: Api, wrong: dict[str, object]) -> None:
    """A mistyped id bans nobody, and leaves no entry in the audit log."""
    for module in (ban_user, unban_user, erase_user, export_user):
        with pytest.raises(HandlerFailed):
            module.handler({**letter(user_id=CLIENT), **wrong}, api.Context())
    assert users.get(CLIENT).banned_at is None
    assert logged_actions(service) == []


NAMES = st.sampled_from(["user_id", "order_id", "operator_id", "reason", "requestContext", "version", "body"])
VALUES = st.one_of(st.none(), st.integers(), st.sampled_from(["", "1", "2.0", "null", "{}"]), st.text(max_size=9))
FORGED = st.dictionaries(NAMES, VALUES)


@given(
    body=st.one_of(FORGED, st.just(None), st.lists(FORGED)),
    raw=st.one_of(st.none(), st.binary(max_size=50), st.text(max_size=50)),
    query=FORGED,
    headers=st.dictionaries(NAMES, st.text(max_size=9)),
    is_complete=st.booleans(),
    route=st.sampled_from(sorted(DIRECT)),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_http_request_is_a_direct_invocation(
    service: Api, body: Any, raw: Any, query: Any, headers: Any, is_complete: bool, route: str
) -> None:
    """Whatever is in its query, headers and body: without credentials it is refused and changes nothing."""
    on_order = "/orders/" in route
    if is_complete:
        body = query = letter(**({"order_id": "AAAAAAAAAAAA"} if on_order else {"user_id": CLIENT}))
    sent = {"body": body} if raw is None else {"raw": raw}
    answer = service.call(route, id="AAAAAAAAAAAA" if on_order else str(CLIENT), query=query, headers=headers, **sent)
    assert answer.status == 401 if raw is None else answer.status in (400, 401, 422)  # raw: it may be no JSON
    assert users.get(CLIENT).banned_at is None
    assert logged_actions(service) == []


# ---------------------------------------------------------------- reading


def test_reading_a_ledger_is_in_the_audit_log(service: Api) -> None:
    order = taken(service)
    page = service.call("GET /api/admin/users/{id}/ledger", user=OPERATOR, id="2", query={**WHY, "limit": 1}).json
    assert (page["user_id"], page["balance"], page["banned_at"]) == (EXECUTOR, 8, None)
    assert [(entry["type"], entry["order_id"]) for entry in page["transactions"]] == [("order_take", order)]
    query = {**WHY, "cursor": page["next_cursor"]}
    rest = service.call("GET /api/admin/users/{id}/ledger", user=OPERATOR, id="2", query=query).json
    assert [entry["amount"] for entry in rest["transactions"]] == [10]
    assert logged_actions(service) == [("ledger_read", EXECUTOR, None)] * 2


def test_the_audit_log_is_read_in_pages(service: Api) -> None:
    for number in range(3):
        service.later(ms=1)
        act(service, "users/{id}/ban", 50 + number)
    page = service.call("GET /api/admin/actions", user=OPERATOR, query={"limit": 2}).json
    assert [action["user_id"] for action in page["actions"]] == [52, 51]
    rest = service.call("GET /api/admin/actions", user=OPERATOR, query={"cursor": page["next_cursor"]}).json
    assert [action["user_id"] for action in rest["actions"]] == [50]
