"""Rules for every payment provider: credit once, refund once, leak nothing, leave nothing half done."""

import json
import logging
from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest

from functions.scheduled import check_payments
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.commands import refunds
from shared.commands.settle import settle
from shared.domain.limits import Token
from shared.domain.payment import Charge, Payment
from shared.handlers.background import HandlerFailed
from shared.service_errors import Unavailable
from shared.store import payments, table, users
from tests import api
from tests.conftest import SECRETS
from tests.in_process import Api, Change
from tests.payments.shops import (
    CREATE,
    CRYPTO,
    YOOKASSA,
    CardShop,
    CryptoShop,
    Shop,
    StarShop,
    balance,
    check,
    create,
    elsewhere,
    ledger,
    refund,
    right_books,
    status,
)


@pytest.fixture(params=["crypto_pay", "telegram_stars", "yookassa"])
def shop(
    request: pytest.FixtureRequest,
    service: Api,
    crypto_pay: FakeCryptoPay,
    telegram: FakeTelegram,
    yookassa: FakeYookassa,
) -> Shop:
    """Each provider in turn."""
    return {
        "crypto_pay": CryptoShop(service, crypto_pay),
        "telegram_stars": StarShop(service, telegram),
        "yookassa": CardShop(service, yookassa),
    }[request.param]


def test_paid_invoice_is_credited_once(service: Api, shop: Shop) -> None:
    """I3, I5, I8, F24: twice."""
    invoice = create(service, shop.name)
    assert 0 < invoice["payment_id"] < 2**53
    assert invoice["pay_url"].startswith("http://127.0.0.1")
    assert invoice["mini_app_invoice_url"] is None  # the fake has no t.me address
    assert status(service, invoice["payment_id"]) == ("pending", None)
    tell = shop.take_money(invoice)
    for _ in range(3):
        assert tell().status == 200
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    assert ledger(service) == [("recharge", 100, shop.name)]
    check(service, minutes=60)
    assert balance(service) == 100
    right_books()


def test_payments_of_one_millisecond_get_distinct_ids(
    service: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The random part of an id has 4096 values. The simulation found a collision (seed 4302 at that time)."""
    dice = iter((5, 5, 5, 6))
    monkeypatch.setattr("shared.ids.secrets.randbits", lambda bits: next(dice))
    first, second = create(service, shop.name), create(service, shop.name, user=2)
    assert second["payment_id"] == first["payment_id"] + 1


def test_payment_whose_webhook_is_lost_is_found_by_polling(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    tell = shop.take_money(invoice)
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    assert tell().status == 200  # the webhook was only late
    assert ledger(service) == [("recharge", 100, shop.name)]
    right_books()


def test_unpaid_invoice_expires(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    for _ in range(62):
        check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("expired", None)
    assert payments.due(service.now) == []
    for _ in range(4):
        check(service, minutes=24 * 60)
    assert payments.due(2**52) == []
    assert status(service, invoice["payment_id"]) == ("expired", None)
    assert balance(service) == 0


@pytest.mark.parametrize("days", [1, 3])
def test_late_payer_is_credited_without_a_webhook(
    service: Api, crypto_pay: FakeCryptoPay, yookassa: FakeYookassa, days: int
) -> None:
    """L7: expired by our clock, while the provider keeps the invoice open; what the provider says decides."""
    invoice = create(service, "yookassa")
    for _ in range(62):
        check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("expired", None)
    asked = len(yookassa.calls)
    check(service, minutes=(days - 1) * 24 * 60)
    CardShop(service, yookassa).take_money(invoice)
    check(service, minutes=24 * 60)
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    assert len(yookassa.calls) <= asked + 2
    assert payments.due(2**52) == []
    right_books()


def test_declined_payment_is_not_polled_late(service: Api, yookassa: FakeYookassa) -> None:
    invoice = create(service, "yookassa")
    CardShop(service, yookassa).decline(invoice)
    check(service, minutes=1)
    assert payments.due(2**52) == []


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"status": 400}], ids=str)
def test_payment_that_cannot_be_polled_stops_no_other(
    service: Api,
    telegram: FakeTelegram,
    yookassa: FakeYookassa,
    fault: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is asked about with backoff for three days, and expires by our clock."""
    bad = create(service, "yookassa")
    yookassa.fail("get", times=None, match={"id": bad["pay_url"].rpartition("/")[2]}, **fault)
    good = [create(service, "yookassa") for _ in range(5)]
    for invoice in good:
        CardShop(service, yookassa).take_money(invoice)
    check(service, minutes=1)
    assert {status(service, invoice["payment_id"])[0] for invoice in good} == {"paid"}
    assert status(service, bad["payment_id"]) == ("pending", None)
    assert '"PaymentCheckFailures":[1.0]' in capsys.readouterr().out
    before = len(yookassa.calls)
    for _ in range(62):
        check(service, minutes=1)
    assert status(service, bad["payment_id"]) == ("expired", None)
    yookassa.script.clear()
    CardShop(service, yookassa).take_money(bad)
    check(service, minutes=62)
    assert status(service, bad["payment_id"]) == ("paid", 600)
    assert len(yookassa.calls) - before <= 6 * (3 if fault["status"] == 500 else 1) + 1
    right_books()


def test_charge_that_cannot_be_settled_stops_no_other(
    service: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = create(service, shop.name), create(service, shop.name)
    for invoice in (bad, good):
        shop.take_money(invoice)

    def settle_good(charge: Charge) -> Payment | None:
        if charge.payment_id == bad["payment_id"]:
            raise Unavailable
        return settle(charge)

    with monkeypatch.context() as patch:
        patch.setattr(check_payments, "settle", settle_good)
        check(service, minutes=1)
    assert status(service, good["payment_id"]) == ("paid", 100)
    assert '"PaymentCheckFailures":[1.0]' in capsys.readouterr().out
    check(service, minutes=1)
    assert status(service, bad["payment_id"]) == ("paid", 200)
    right_books()


def test_slow_provider_leaves_time_for_the_others(
    service: Api, crypto_pay: FakeCryptoPay, yookassa: FakeYookassa, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(9):
        create(service, "yookassa")
    coins = create(service, "crypto_pay")
    CryptoShop(service, crypto_pay).take_money(coins)
    left = iter([60_000, 50_000, 44_000, 43_000, 42_000, 41_000, 40_000, 30_000, 29_000, 28_000])

    class Context(api.Context):
        def get_remaining_time_in_millis(self) -> int:
            return next(left, 0)

    service.later(minutes=1)
    check_payments.handler({}, Context())
    assert [method for method, _ in crypto_pay.calls] == ["createInvoice", "getInvoices"]
    assert len([method for method, _ in yookassa.calls if method == "get"]) == 4


def test_declined_invoice_expires_at_the_next_poll(service: Api, shop: Shop) -> None:
    if shop.name == "telegram_stars":
        pytest.skip("nobody says so of Stars")
    invoice = create(service, shop.name)
    shop.decline(invoice)
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("expired", None)


def test_payment_of_an_expired_invoice_is_credited(service: Api, shop: Shop) -> None:
    """F24: for a payment that has expired."""
    invoice = create(service, shop.name)
    for _ in range(62):
        check(service, minutes=1)
    tell = shop.take_money(invoice, late=True)
    assert tell().status == 200
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    right_books()


def test_payment_before_its_invoice_is_stored_is_credited(
    service: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F24: before our own create request has returned, and also if it crashed and never returns."""
    tells = []

    def crash(payment_id: int, invoice_id: str) -> None:
        url = invoice_id if shop.name == "telegram_stars" else f"x/{invoice_id}"
        tells.append(shop.take_money({"payment_id": payment_id, "pay_url": url}))
        assert elsewhere(tells[0]).status == 200
        raise table.WriteConflict

    monkeypatch.setattr(payments, "set_invoice", crash)
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name}).status == 503
    assert tells[0]().status == 200
    assert ledger(service) == [("recharge", 100, shop.name)]
    right_books()


def test_provider_refund_is_debited_once(service: Api, shop: Shop) -> None:
    """F24: refunded by the provider; twice."""
    if shop.name == "crypto_pay":
        pytest.skip("Crypto Pay gives nothing back by itself")
    invoice = create(service, shop.name)
    shop.take_money(invoice)()
    tell = shop.give_back(invoice)
    for _ in range(2):
        assert tell().status == 200
    assert ledger(service) == [("recharge", -100, shop.name), ("recharge", 100, shop.name)]
    assert status(service, invoice["payment_id"]) == ("paid", 0)
    right_books()


def test_refund_reported_before_the_payment_credits_nothing(service: Api, shop: Shop) -> None:
    """F24: reordered."""
    if shop.name == "crypto_pay":
        pytest.skip("Crypto Pay gives nothing back by itself")
    invoice = create(service, shop.name)
    paid = shop.take_money(invoice)
    assert shop.give_back(invoice)().status == 200
    assert paid().status == 200
    assert ledger(service) == []
    assert status(service, invoice["payment_id"]) == ("expired", None)
    right_books()


def test_operator_refund_is_idempotent(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    shop.take_money(invoice)()
    first = refund(invoice["payment_id"])
    assert (first["status"], first["taken_back"], first["debt"]) == ("refunded", 100, 0)
    assert (first["refund"], first["reason"]) == ("succeeded", None)
    assert refund(invoice["payment_id"]) == first
    assert balance(service) == 0
    right_books()


def test_refund_crashed_before_its_record_is_resumed(service: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """F2: the provider refunded it, and the function crashed before it recorded that."""
    invoice = create(service, shop.name)
    shop.take_money(invoice)()
    with monkeypatch.context() as patch:
        patch.setattr(refunds, "settle", lambda charge: 1 / 0)
        with pytest.raises(HandlerFailed):
            refund(invoice["payment_id"])
    assert balance(service) == 100
    assert refund(invoice["payment_id"])["status"] == "refunded"
    assert balance(service) == 0
    right_books()


def test_refund_of_spent_money_becomes_a_counted_debt(
    service: Api, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """I2."""
    invoice = create(service, shop.name)
    shop.take_money(invoice)()
    order = service.order(2)["id"]
    assert service.call("POST /api/orders/{id}/take", user=1, id=order).status == 200
    capsys.readouterr()
    done = refund(invoice["payment_id"])
    assert (done["taken_back"], done["debt"]) == (98, 2)
    assert balance(service) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["Debts"] for line in said if "Debts" in line] == [[1.0]]
    right_books()


def test_unpaid_payment_is_not_refunded(service: Api, shop: Shop) -> None:
    invoice = create(service, shop.name)
    unpaid = refund(invoice["payment_id"])
    assert (unpaid["status"], unpaid["refund"]) == ("pending", "none")
    with pytest.raises(HandlerFailed, match="PaymentNotFound"):
        refund(1)


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 429}, {"status": 401}, {"status": 403}],
    ids=lambda fault: str(fault["status"]),
)
def test_failing_provider_is_a_503_and_changes_nothing(service: Api, shop: Shop, fault: dict[str, Any]) -> None:
    more = {"retry_after": 1} if shop.name == "telegram_stars" and fault["status"] == 429 else None
    shop.break_down(times=None, more=more, **fault)
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name})
    assert (answer.status, answer.json["code"]) == (503, "provider_unavailable")
    assert balance(service) == 0
    right_books()


def test_invoice_that_the_provider_refuses_is_a_422(
    service: Api, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repeated request would be refused as well, so this is no outage. No token is charged."""
    shop.break_down(status=400, times=None)
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name})
    assert (answer.status, answer.json["code"]) == (422, "payment_refused")
    said = capsys.readouterr().out
    assert '"PaymentsRefused":[1.0]' in said
    assert "ProviderErrors" not in said
    assert balance(service) == 0
    assert payments.due(2**52) == []
    assert users.get(1).full_at["invoices"] <= service.now


def test_refused_invoices_cannot_flood_the_provider(service: Api, yookassa: FakeYookassa, change: Change) -> None:
    change(INVOICES_PER_HOUR="2")
    yookassa.fail("create", status=400, times=None)
    body = {"amount": 100, "provider": "yookassa"}
    codes = [service.call(CREATE, user=1, body=body).json["code"] for _ in range(12)]
    assert codes == ["payment_refused"] * 10 + ["too_often"] * 2
    assert len(yookassa.calls) == 10
    service.later(minutes=60)
    yookassa.script.clear()
    assert [service.call(CREATE, user=1, body=body).status for _ in range(3)] == [200, 200, 429]


def test_refused_invoice_returns_only_its_own_token(
    service: Api, yookassa: FakeYookassa, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another invoice at the same time: the payment expires by the clock, and the refusal is still reported."""
    change(INVOICES_PER_HOUR="10")
    refuse = payments.refuse

    def refuse_later(payment: Payment, tokens: Sequence[Token]) -> None:
        yookassa.script.clear()
        assert elsewhere(lambda: service.call(CREATE, user=1, body={"amount": 7, "provider": "yookassa"})).status == 200
        refuse(payment, tokens)

    monkeypatch.setattr(payments, "refuse", refuse_later)
    yookassa.fail("create", status=400)
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": "yookassa"})
    assert (answer.status, answer.json["code"]) == (422, "payment_refused")
    assert users.get(1).full_at["invoices"] == service.now + 2 * 360_000
    assert len(payments.due(2**52)) == 2


@pytest.mark.parametrize(("amount", "status"), [(99, 422), (100, 200), (500, 200), (501, 422)])
def test_amount_outside_the_limits_is_a_422_without_a_call(
    service: Api, shop: Shop, change: Change, amount: int, status: int
) -> None:
    change(**{f"{shop.name.upper()}_LIMITS": "100-500"})
    shop.break_down(match={"nothing": "matches"})
    answer = service.call(CREATE, user=1, body={"amount": amount, "provider": shop.name})
    assert answer.status == status
    if status == 422:
        assert answer.json == {
            "detail": "Этим способом можно пополнить баланс на сумму от 100 до 500 ₽",
            "code": "amount_out_of_limits",
        }
        assert users.get(1).full_at == {}
        assert payments.due(2**52) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 60_000,
        '{"ok": true}',
        '{"ok": true, "result": null}',
        '{"ok": true, "result": []}',
        '{"ok": true, "result": {"items": null, "transactions": null}}',
        '{"ok": true, "result": {"items": [null, [], {"invoice_id": null}], "invoice_id": "1"}}',
        '{"ok": false, "error": null, "parameters": null, "error_code": "x"}',
        '{"ok": false, "error": "text", "parameters": [], "error_code": null}',
        '{"id": null, "status": null, "confirmation": null}',
        '{"id": 5, "status": ["succeeded"], "confirmation": {"confirmation_url": null}}',
    ],
    ids=lambda text: text[:60],
)
def test_odd_response_of_a_provider_is_a_503(service: Api, shop: Shop, text: str) -> None:
    """Never a 500, and the next poll works."""
    invoice = create(service, shop.name)
    shop.break_down(status=200, more={"text": text}, times=2)
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name})
    assert (answer.status, answer.json["code"]) == (503, "provider_unavailable")
    check(service, minutes=1)
    shop.take_money(invoice)
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    if shop.name != "telegram_stars":  # it answers `true`, which says no more than `ok`
        shop.break_down(status=200, more={"text": text}, times=None)
        with pytest.raises(HandlerFailed, match="ProviderUnavailable"):
            refund(invoice["payment_id"])


@pytest.mark.parametrize("setting", ["CRYPTO_PAY_API_URL", "TELEGRAM_API_URL", "YOOKASSA_API_URL"])
def test_unreachable_provider_is_a_503_and_counted_apart(
    service: Api, setting: str, change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is counted apart from our own dependencies, so that it rolls back no deployment."""
    change(**{setting: "http://127.0.0.1:9"})
    name = {"C": "crypto_pay", "T": "telegram_stars", "Y": "yookassa"}[setting[0]]
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": name})
    assert (answer.status, answer.json["detail"]) == (503, "Платёжная система не отвечает, попробуйте позже")
    said = capsys.readouterr().out
    assert '"ProviderErrors":[1.0]' in said
    assert '"Unavailable"' not in said


def test_failing_provider_stops_no_poll_of_another(
    service: Api,
    crypto_pay: FakeCryptoPay,
    telegram: FakeTelegram,
    yookassa: FakeYookassa,
    capsys: pytest.CaptureFixture[str],
) -> None:
    coins, card = create(service, "crypto_pay"), create(service, "yookassa")
    crypto_pay.fail("getInvoices", status=500, times=None)
    CryptoShop(service, crypto_pay).take_money(coins)
    CardShop(service, yookassa).take_money(card)
    check(service, minutes=1)
    assert status(service, coins["payment_id"])[0] == "pending"
    assert status(service, card["payment_id"]) == ("paid", 100)
    failures = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "PaymentCheckFailures" in line]
    assert failures[-1]["PaymentCheckFailures"] == [1.0]
    crypto_pay.script.clear()
    check(service, minutes=1)
    assert status(service, coins["payment_id"]) == ("paid", 200)


@pytest.mark.parametrize("route", [CRYPTO, YOOKASSA])
def test_webhook_without_our_secrets_credits_nothing(
    service: Api,
    crypto_pay: FakeCryptoPay,
    yookassa: FakeYookassa,
    route: str,
    change: Change,
) -> None:
    """F25."""
    invoice = create(service, "crypto_pay" if route == CRYPTO else "yookassa")
    id = invoice["pay_url"].rpartition("/")[2]
    change(SECRETS_PREFIX="/nowhere")
    if route == CRYPTO:
        crypto_pay.pay(int(id))
        body, headers = crypto_pay.webhook(int(id))
        answer = service.call(CRYPTO, raw=body, headers=headers)
    else:
        yookassa.pay(id)
        answer = service.call(YOOKASSA, raw=yookassa.webhook(id).decode())
    # Without our token no signature is valid; for YooKassa the payment has to be read.
    assert answer.status == (401 if route == CRYPTO else 503)
    change(SECRETS_PREFIX="/urgent-services/test")
    assert balance(service) == 0


def test_log_holds_no_secret_and_no_payload(
    service: Api,
    shop: Shop,
    log: StringIO,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """I18."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    invoice = create(service, shop.name)
    tell = shop.take_money(invoice)
    shop.break_down(status=500, times=None)
    assert tell().status in (200, 503)
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": shop.name}).status == 503
    check(service, minutes=1)
    with pytest.raises(HandlerFailed):
        refund(invoice["payment_id"] if balance(service) else 1)
    captured = capfd.readouterr()
    said = log.getvalue() + caplog.text + captured.out + captured.err
    payment = payments.get(invoice["payment_id"])
    assert payment is not None
    assert "provider_status" in said
    for secret in (*SECRETS.values(), f"{payment.id}.{payment.user_id}", "Пополнение баланса"):
        assert secret not in said
