"""An invoice is begun once and in time, and a recharge of the local stage is credited once."""

import json
from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.yookassa import FakeYookassa
from shared.commands import payments as commands
from shared.domain.payment import Status
from shared.store import payments, table, users
from tests.conftest import OPERATOR
from tests.fakes.wire import Call, Fault, Wire, lost, never_arrived, refused
from tests.in_process import Api
from tests.payments.shops import CREATE, create, ledger

WRITE = "TransactWriteItems"
HOUR_MS = 3_600_000


def conflict_after(wire: Wire, seconds: float) -> Fault:
    """The write takes so long, and meets a conflict."""

    def slow(call: Call) -> dict[str, Any]:
        wire.takes(seconds)
        return refused("TransactionCanceledException", "TransactionConflict", "None")(call)

    return slow


def all_payments(wire: Wire) -> list[Any]:
    return [item for key, item in wire.database.items.items() if key[1] == "PAYMENT"]


@pytest.mark.parametrize(
    "faults",
    [[lost, lost], [never_arrived, lost], [refused("TransactionCanceledException", "TransactionConflict", "None")] * 3],
    ids=["response lost", "request, then response lost", "conflict"],
)
def test_invoice_of_unknown_outcome_is_begun_once(wire: Wire, crypto_pay: FakeCryptoPay, faults: list[Fault]) -> None:
    """P3: one payment, one token, one call of the provider."""
    wire.meets(WRITE, *faults)
    invoice = create(wire.service, "crypto_pay")
    [stored] = all_payments(wire)
    assert payments.get(invoice["payment_id"]) is not None
    assert [method for method, _ in crypto_pay.calls] == ["createInvoice"]
    assert users.get(1).full_at["invoices"] - int(stored["created_at"]["N"]) < HOUR_MS / 10 + 1000


@pytest.mark.parametrize(("seconds", "status", "count"), [(1.4, 200, 1), (2.1, 503, 0)])
def test_no_attempt_starts_too_late_to_call_the_provider(
    wire: Wire,
    crypto_pay: FakeCryptoPay,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    status: int,
    count: int,
) -> None:
    """P4: 1.9 s, because a write, the provider and another write follow."""
    monkeypatch.setattr(commands, "time", wire)
    wire.meets(WRITE, *[conflict_after(wire, seconds / 3)] * 3)  # the SDK repeats it twice
    answer = wire.service.call(CREATE, user=1, body={"amount": 100, "provider": "crypto_pay"})
    assert (answer.status, len(all_payments(wire)), len(crypto_pay.calls)) == (status, count, count)
    if status == 503:
        assert answer.json["code"] == "unavailable"


@pytest.mark.parametrize("route", [CREATE, "POST /api/balance/recharge"])
def test_banned_user_gets_neither_invoice_nor_credit(service: Api, crypto_pay: FakeCryptoPay, route: str) -> None:
    service.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id="1", body={"reason": "обман"})
    answer = service.call(route, user=1, body={"amount": 100})
    assert (answer.status, answer.json["code"]) == (403, "banned")
    assert (crypto_pay.calls, payments.due(2**52), ledger(service)) == ([], [], [])


def test_refused_invoice_is_logged_without_its_payer(service: Api, yookassa: FakeYookassa, log: StringIO) -> None:
    yookassa.fail("create", status=400)
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": "yookassa"})
    assert answer.status == 422
    [line] = [line for line in map(json.loads, log.getvalue().splitlines()) if line["message"] == "payment refused"]
    assert (line["provider"], line["amount"]) == ("yookassa", 100)
    assert line["provider_error"]


def test_invoice_that_cannot_be_stored_is_unavailable(
    service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its link was not returned, so it expires unpaid."""

    def conflict(payment_id: int, invoice_id: str) -> None:
        raise table.WriteConflict

    monkeypatch.setattr(payments, "set_invoice", conflict)
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": "crypto_pay"})
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    [pending] = payments.due(2**52)
    assert (pending.status, pending.amount) == (Status.PENDING, 100)


def test_each_recharge_is_a_credit_of_its_own(wire: Wire) -> None:
    """P3: the second meets every fault of an answer, and is credited once."""
    wire.service.recharge(1, 7)
    wire.meets(WRITE, lost, lost)
    wire.service.recharge(1, 7)
    assert [(kind, amount) for kind, amount, _ in ledger(wire.service)] == [("recharge", 7)] * 2
