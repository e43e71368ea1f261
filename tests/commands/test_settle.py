"""A payment is settled once, also with concurrent settlements or a lost response of the table."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any, NamedTuple

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.commands.settle import settle
from shared.domain.money import BalanceChange
from shared.domain.payment import Payment, Provider
from shared.store import keys, payments, table, users
from tests.fakes.wire import Fault, Wire, lost
from tests.in_process import Api, read_metrics
from tests.payments.shops import (
    CardShop,
    CryptoShop,
    StarShop,
    asked_for_stars,
    create,
    elsewhere,
    ledger,
    refund,
    right_books,
)


def test_concurrent_webhooks_credit_once(
    service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I5, F4: another instance settles it between our read and our write."""
    shop = CryptoShop(service, crypto_pay)
    invoice = create(service, "crypto_pay")
    tell = shop.take_money(invoice)
    settle, calls = payments.settle, []

    def late(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            assert elsewhere(tell).status == 200
        settle(*args)

    monkeypatch.setattr(payments, "settle", late)
    assert tell().status == 200
    assert len(calls) == 2  # the first write was refused; after reading again there was nothing to do
    assert ledger(service) == [("recharge", 100, "crypto_pay")]


def test_concurrent_charges_stay_two_payments(
    service: Api, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I5, F4: the other charge for the same invoice is settled between our read and our write."""
    shop = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    first, second = shop.take_money(invoice), shop.take_money(invoice)
    settle, calls = payments.settle, []

    def late(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            assert elsewhere(second).status == 200
        settle(*args)

    monkeypatch.setattr(payments, "settle", late)
    # A new ledger's condition would be enough to prevent it, so it is removed.
    monkeypatch.setattr(users, "user_write", change_unguarded)
    assert first().status == 200
    right = [payment for payment in (payments.get(invoice["payment_id"]),) if payment is not None]
    assert [payment.charge_id for payment in right] == [shop.charges[invoice["payment_id"]]]


def change_unguarded(user_id: int, *, change: BalanceChange) -> Any:
    """`users.user_write` without its own condition on the ledger's end."""
    return table.update_write(
        keys.user(user_id),
        "SET balance = :balance, last_entry_id = :id",
        condition=None,
        values={":balance": change.balance, ":id": change.entries[-1].id},
    )


def test_write_with_a_lost_response_credits_and_counts_once(
    service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """P3, F3."""
    shop = CryptoShop(service, crypto_pay)
    invoice = create(service, "crypto_pay")
    tell = shop.take_money(invoice)
    settle, calls = payments.settle, []

    def lost(*args: Any) -> None:
        settle(*args)
        calls.append(1)
        raise table.WriteConflict

    monkeypatch.setattr(payments, "settle", lost)
    capsys.readouterr()
    assert tell().status == 200
    assert len(calls) == 1
    assert ledger(service) == [("recharge", 100, "crypto_pay")]
    assert '"PaymentsCredited":[1.0]' in capsys.readouterr().out


def test_debt_is_counted_per_payment(service: Api, yookassa: FakeYookassa) -> None:
    shop = CardShop(service, yookassa)
    first, second = create(service, "yookassa", amount=10), create(service, "yookassa", amount=10)
    for invoice in (first, second):
        shop.take_money(invoice)()
    order = service.order(2)["id"]
    service.call("POST /api/orders/{id}/take", user=1, id=order)
    assert refund(first["payment_id"])["debt"] == 0
    assert refund(second["payment_id"])["debt"] == 2
    right_books()


# ---------------------------------------------------------------- what a settlement reports, and what it costs

READ, WRITE = "BatchGetItem", "TransactWriteItems"


class Settled(NamedTuple):
    """What `settle` returned, the values of each metric, and the calls to DynamoDB."""

    payment: Payment | None
    metrics: dict[str, list[float]]
    calls: dict[str, int]


@pytest.fixture
def settled(wire: Wire, log: StringIO) -> Callable[..., Settled]:
    """Settle a charge for 100 roubles in Stars, with these changes. The payer has one rouble before."""
    wire.service.recharge(1, 1)
    charge = asked_for_stars(1, 100, wire.service.now)

    def settle_it(**changes: Any) -> Settled:
        read_metrics()
        before = wire.counts()
        payment = settle(replace(charge, **changes))
        return Settled(payment, read_metrics(), dict(wire.counts() - before))

    return settle_it


def amounts(wire: Wire) -> list[int]:
    return [amount for _, amount, _ in ledger(wire.service)]


def logged(log: StringIO, message: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["message"] == message]


def test_credit_is_counted_and_logged_and_repeated_for_free(settled: Callable[..., Settled], log: StringIO) -> None:
    first = settled()
    assert first[1:] == ({"PaymentsCredited": [1], "RoublesIn": [100]}, {READ: 1, WRITE: 1})
    assert first.payment is not None
    assert first.payment.status == "paid"
    assert settled() == (None, {}, {READ: 1})
    [line] = logged(log, "payment settled")
    about = {"payment_id": 1, "user_id": 1, "provider": "telegram_stars", "payment_status": "paid"}
    assert about.items() <= line.items()


def test_refund_is_counted_apart_from_the_credit(settled: Callable[..., Settled]) -> None:
    settled()
    assert settled(refunded=30)[1:] == ({"RoublesOut": [30]}, {READ: 2, WRITE: 1})
    whole = settled(refunded=100)
    assert whole[1:] == ({"RoublesOut": [70]}, {READ: 1, WRITE: 1})
    assert whole.payment is not None
    assert whole.payment.status == "refunded"


@pytest.mark.parametrize("faults", [[], [lost, lost]], ids=["no fault", "credit's response lost"])
def test_partly_refunded_charge_is_credited_then_debited(
    wire: Wire, settled: Callable[..., Settled], faults: list[Fault]
) -> None:
    """As two entries of the ledger, each reported once (P3)."""
    wire.meets(WRITE, *faults)
    done = settled(refunded=30)
    assert done.metrics == {"PaymentsCredited": [1], "RoublesIn": [100], "RoublesOut": [30]}
    assert done.payment is not None
    assert (done.payment.refunded, amounts(wire)) == (30, [-30, 100, 1])
    if not faults:
        assert done.calls == {READ: 3, WRITE: 2}


def test_charge_refunded_before_its_credit_moves_nothing(settled: Callable[..., Settled]) -> None:
    assert settled(refunded=100)[1:] == ({}, {READ: 1, WRITE: 1})


def test_debt_is_counted_and_logged_in_roubles(wire: Wire, settled: Callable[..., Settled], log: StringIO) -> None:
    """Each refund reports what it adds to the debt, not the whole."""
    settled()
    for number in range(50):
        order = wire.service.order(2, f"@burst_pipe_{number}")["id"]
        assert wire.service.call("POST /api/orders/{id}/take", user=1, id=order).status == 200
    assert settled(refunded=40).metrics == {"RoublesOut": [1], "Debts": [1]}
    assert settled(refunded=60).metrics == {"Debts": [1]}
    debts = [(line["payment_id"], line["user_id"], line["roubles"]) for line in logged(log, "debt")]
    assert debts == [(1, 1, 39), (1, 1, 20)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payment_id": 77}, "unknown_payment"),
        ({"provider": Provider.YOOKASSA}, "another_provider"),
        ({"user_id": 2}, "another_user"),
        ({"payer_id": 2}, "another_payer"),
        ({"currency": "RUB"}, "another_currency"),
        ({"price": 99}, "another_amount"),
    ],
)
def test_refused_charge_is_counted_and_logged_with_its_reason(
    wire: Wire, settled: Callable[..., Settled], log: StringIO, changes: dict[str, Any], reason: str
) -> None:
    assert settled(**changes) == (None, {"ChargesRefused": [1]}, {READ: 1})
    [line] = logged(log, "charge refused")
    assert (line["charge_id"], line["reason"]) == ("stx", reason)
    assert amounts(wire) == [1]
