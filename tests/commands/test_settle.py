"""A payment is settled once, also with concurrent settlements or a lost response of the table."""

from typing import Any

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.domain.money import BalanceChange
from shared.store import keys, payments, table, users
from tests.in_process import Api
from tests.payments.shops import CardShop, CryptoShop, StarShop, create, elsewhere, ledger, refund, right_books


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
