"""Limits and operators on the running service: buckets under concurrency, `make export`, `erase`, `ban`, `remove`."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial

import pytest

from infra.operate import actions
from tests.api import ROOT
from tests.conftest import OPERATOR
from tests.integration.service import Service, at_once, running, statuses

ORDERS, TAKES, CONTACTS = 4, 3, 3
ROUNDS = range(2)
WHY = "письмо от 25 ноября"
NAMES = {"first_name": "Анна", "last_name": "Петрова", "username": "anna_p"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with an operator and small buckets."""
    limits = {
        "ORDERS_PER_HOUR": str(ORDERS),
        "TAKES_PER_HOUR": str(TAKES),
        "CONTACTS_PER_HOUR": str(CONTACTS),
    }
    with running(tmp_path_factory.mktemp("operators"), OPERATOR_IDS=str(OPERATOR), **limits) as service:
        yield service


# ---------------------------------------------------------------- buckets


def test_eight_orders_at_once_bucket_of_four_admits_four(service: Service) -> None:
    """First with cold functions, then with warm ones; exactly as many as the bucket has tokens are created."""
    for _ in ROUNDS:
        user = service.user()
        bodies = [service.order_body() for _ in range(8)]
        answers = at_once([partial(service.call, "POST /api/orders", user=user, body=body) for body in bodies])
        assert statuses(answers) == {201: ORDERS, 429: 8 - ORDERS}
        for answer in answers:
            if answer.status == 429:
                assert answer.json["code"] == "too_often"
                assert 0 < int(answer.headers["retry-after"]) <= 3600 // ORDERS
        mine = service.call("GET /api/orders", user=user, query={"mine": True}).json
        assert {order["id"] for order in mine["orders"]} == {
            answer.json["id"] for answer in answers if answer.status == 201
        }
        assert service.call("GET /api/users/me", user=user).json["active_orders"] == ORDERS
        # A refused order left no lock on its contact.
        refused = [body for body, answer in zip(bodies, answers, strict=True) if answer.status == 429]
        assert service.call("POST /api/orders", user=service.user(), body=refused[0]).status == 201


def test_six_takes_at_once_bucket_of_three_charges_three(service: Service) -> None:
    """I6."""
    for _ in ROUNDS:
        executor = service.user()
        service.recharge(executor, 100)
        orders = [service.order(service.user())["id"] for _ in range(6)]
        answers = at_once([partial(service.take, executor, order) for order in orders])
        assert statuses(answers) == {200: TAKES, 429: 6 - TAKES}
        took = {order for order, answer in zip(orders, answers, strict=True) if answer.status == 200}
        assert {entry["order_id"] for entry in service.ledger(executor) if entry["type"] == "order_take"} == took
        assert service.balance(executor) == 100 - 2 * TAKES
        # A repeated take succeeds, even with an empty bucket (I19).
        assert statuses([service.take(executor, order) for order in took]) == {200: TAKES}


def test_twelve_probes_at_once_bucket_of_three_tells_three(service: Service) -> None:
    """I26: a user learns as often as the bucket has tokens whether a contact has an active order."""
    for _ in ROUNDS:
        prober = service.user()
        mine, busy = service.order(prober)["id"], service.order(service.user())["contact"]
        body = service.order_body(busy)
        edit = partial(service.call, "PUT /api/orders/{id}", user=prober, id=mine, body={"contact": busy})
        post = partial(service.call, "POST /api/orders", user=prober, body=body)
        answers = at_once([edit, post] * 6)
        assert statuses(answers) == {409: CONTACTS, 429: 12 - CONTACTS}
        assert {answer.json["code"] for answer in answers if answer.status == 409} == {"contact_busy"}
        # Nor does a free contact look different.
        free = service.call("POST /api/orders", user=prober, body=service.order_body())
        assert (free.status, free.json["code"]) == (429, "too_often")


# ---------------------------------------------------------------- operators and a client, concurrently


def test_concurrent_refunds_and_ends_refund_a_take_once(service: Service) -> None:
    """I5, I7, F22: two refunds, a removal and the client's own close. The audit log has exactly the successful ones."""
    body = {"reason": WHY}
    for _ in ROUNDS:
        client, executor = service.user(), service.user()
        service.recharge(executor, 2)
        order = service.order(client)["id"]
        assert service.take(executor, order).status == 200
        assert service.call("POST /api/orders/{id}/respond", user=client, id=order).status == 200
        operate = partial(service.call, user=OPERATOR, id=order)
        refund = partial(operate, "POST /api/admin/orders/{id}/refund", body={"executor_id": executor, **body})
        remove = partial(operate, "POST /api/admin/orders/{id}/remove", body=body)
        close = partial(service.call, "POST /api/orders/{id}/close", user=client, id=order)
        *refunds, removal, closing = at_once([refund, refund, remove, close])
        assert {answer.status for answer in refunds} in ({200, 409}, {409})
        # A removal after the close hides the order; a close after the removal is refused.
        assert (removal.status, closing.status) in ((200, 204), (200, 410))
        assert [entry["amount"] for entry in service.ledger(executor)] == [2, -2, 2]
        actions = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
        done = {"take_refunded": refunds, "order_removed": [removal]}
        expected = [kind for kind, answers in done.items() for answer in answers if answer.status == 200]
        assert sorted(action["kind"] for action in actions if action["order_id"] == order) == sorted(expected)


# ---------------------------------------------------------------- make export, erase, ban, unban, remove


def make(service: Service, *given: str) -> subprocess.CompletedProcess[str]:
    """Run `make -s` with these arguments beside the running service, as an operator does."""
    env = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return subprocess.run(
        ["make", "-s", *given],
        cwd=ROOT,
        env={**env, "LOCAL_DATA_DIR": str(service.data_dir)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", sorted(actions.COMMANDS))
@pytest.mark.parametrize(
    "wrong",
    [
        *({"ID": id} for id in ("", "Анна", "0", "1" * 20)),
        *({"BY": by} for by in ("", "0")),
        *({"WHY": why} for why in ("a", "a" * 501, "a\x07bcd")),
    ],
)
def test_a_command_names_its_missing_argument(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, wrong: dict[str, str]
) -> None:
    for name, value in {
        "ID": "AAAAAAAAAAAA" if command == "remove" else "7",
        "BY": str(OPERATOR),
        "WHY": WHY,
        **wrong,
    }.items():
        monkeypatch.setenv(name, value)
    assert actions.main(command) == 2
    said = capsys.readouterr()
    assert (said.out, f"make {command} ID=" in said.err) == ("", True)


def test_a_command_without_a_running_service_fails(service: Service) -> None:
    done = make(service, "erase", "ID=7", f"BY={OPERATOR}", f"WHY={WHY}", "LOCAL_DATA_DIR=/nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no local service is running" in done.stderr


def test_an_operator_exports_and_erases_a_user(service: Service) -> None:
    """No contact is logged meanwhile (I18)."""
    anna, executor = service.user(), service.user()
    contact = service.contact()
    posted = service.call("POST /api/orders", user=anna, names=NAMES, body=service.order_body(contact)).json
    service.recharge(executor, 2)
    assert service.take(executor, posted["id"]).status == 200
    given = f"ID={anna}", f"BY={OPERATOR}", f"WHY={WHY}"

    shown = make(service, "export", *given)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout) == service.call("GET /api/users/me/export", user=anna, names=NAMES).json
    assert contact in shown.stdout
    assert "Петрова" in shown.stdout

    done = make(service, "erase", *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Erased the personal data of user {anna} of stage local; the ledger stays.\n"
    again = make(service, "erase", *given)
    assert again.returncode == 0
    left = make(service, "export", *given).stdout
    assert not any(trace in left for trace in (contact, "Петрова", "anna_p", "Прорвало"))
    assert service.balance(executor) == 2, "she had not answered: the take was paid back"
    assert service.take(executor, posted["id"]).status == 410
    service.order(service.user(), contact)

    actions = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    actions_on_her = [
        (action["kind"], action["operator_id"], action["reason"]) for action in actions if action["user_id"] == anna
    ]
    kinds = ["data_exported", "data_erased", "data_erased", "data_exported"]
    assert actions_on_her == [(kind, OPERATOR, WHY) for kind in kinds]
    assert not any(contact in line or "Петрова" in line for line in service.log)


def test_an_operator_bans_and_removes_past_the_gateway(service: Service) -> None:
    """The same request over HTTP, without credentials, does nothing: its body does not become the event."""
    client, executor = service.user(), service.user()
    service.recharge(executor, 4)
    orders = [service.order(client)["id"] for _ in range(2)]
    for order in orders:
        assert service.take(executor, order).status == 200
    forged = {"user_id": client, "operator_id": OPERATOR, "reason": WHY}
    assert service.call("POST /api/admin/users/{id}/ban", id=str(client), body=forged).status == 401
    service.order(client)

    by = f"BY={OPERATOR}", f"WHY={WHY}"
    removed = make(service, "remove", f"ID={orders[0]}", *by)
    assert (removed.returncode, removed.stderr) == (0, "")
    assert "Its status: closed_no_response." in removed.stdout
    banned = make(service, "ban", f"ID={client}", *by)
    assert (banned.returncode, banned.stderr) == (0, "")
    assert orders[1] in banned.stdout
    assert service.balance(executor) == 4
    assert service.call("POST /api/orders", user=client, body=service.order_body()).json["code"] == "banned"
    lifted = make(service, "unban", f"ID={client}", *by)
    assert lifted.stdout == f"Lifted the ban of user {client} of stage local. Removed orders stay removed.\n"
    service.order(client)

    unknown = make(service, "remove", "ID=AAAAAAAAAAAA", *by)
    assert unknown.returncode != 0
    assert unknown.stderr.startswith("There is no order AAAAAAAAAAAA of stage local.\n")
    logged = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    on_client = [(each["kind"], each["operator_id"], each["reason"]) for each in logged if each["user_id"] == client]
    assert on_client == [("user_unbanned", OPERATOR, WHY), ("user_banned", OPERATOR, WHY)]
