"""Crypto Pay: signed updates, and requests without an idempotency key."""

import hashlib
import hmac
import json
from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from shared.aws import secrets
from shared.handlers.background import HandlerFailed
from tests.conftest import CRYPTO_PAY_TOKEN
from tests.in_process import Api
from tests.payments.shops import CREATE, CRYPTO, CryptoShop, balance, check, create, refund, status


def test_failed_invoice_creation_is_not_retried(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """Crypto Pay has no idempotency key, so a second request would create a second invoice."""
    crypto_pay.fail("createInvoice", status=500, applied=True)
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": "crypto_pay"}).status == 503
    assert [method for method, _ in crypto_pay.calls] == ["createInvoice"]


def test_interrupted_refund_transfers_once(service: Api, crypto_pay: FakeCryptoPay) -> None:
    invoice = create(service, "crypto_pay")
    CryptoShop(service, crypto_pay).take_money(invoice)()
    crypto_pay.fail("transfer", status=500, applied=True)
    with pytest.raises(HandlerFailed, match="ProviderUnavailable"):
        refund(invoice["payment_id"])
    assert refund(invoice["payment_id"])["status"] == "refunded"
    [transfer] = crypto_pay.transfers
    assert (transfer["user_id"], transfer["asset"], transfer["amount"]) == (1, "USDT", "1")


def test_refund_whose_transfer_another_call_made_succeeds(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """Both calls found no transfer. Crypto Pay allows one for a `spend_id`, so it refuses that of the second call."""
    invoice = create(service, "crypto_pay")
    CryptoShop(service, crypto_pay).take_money(invoice)()
    crypto_pay.fail("transfer", status=400, applied=True)
    done = refund(invoice["payment_id"])
    assert (done["status"], done["refund"], done["reason"]) == ("refunded", "succeeded", None)
    assert (balance(service), len(crypto_pay.transfers)) == (0, 1)


def test_transfer_below_a_dollar_is_refused_for_good(service: Api, crypto_pay: FakeCryptoPay) -> None:
    invoice = create(service, "crypto_pay", amount=99)
    CryptoShop(service, crypto_pay).take_money(invoice)()
    for _ in range(2):
        done = refund(invoice["payment_id"])
        assert (done["status"], done["refund"], done["reason"]) == ("paid", "refused", "AMOUNT_TOO_SMALL")
    assert (balance(service), crypto_pay.transfers) == (99, [])


def test_payer_without_a_wallet_is_refunded_once_they_have_one(service: Api, crypto_pay: FakeCryptoPay) -> None:
    invoice = create(service, "crypto_pay")
    CryptoShop(service, crypto_pay).take_money(invoice)()
    crypto_pay.without_wallet.add(1)
    assert refund(invoice["payment_id"])["reason"] == "USER_NOT_FOUND"
    assert balance(service) == 100
    crypto_pay.without_wallet.clear()
    assert refund(invoice["payment_id"])["refund"] == "succeeded"
    assert balance(service) == 0


@pytest.mark.parametrize(
    "signature", ["", "0" * 64, "секрет", None], ids=["empty", "wrong", "not ascii", "of another app"]
)
def test_forged_update_credits_nothing(service: Api, crypto_pay: FakeCryptoPay, signature: str | None) -> None:
    """F24: forged."""
    invoice = create(service, "crypto_pay")
    id = int(invoice["pay_url"].rpartition("/")[2])
    body, headers = crypto_pay.webhook(id, token="8:another", status="paid")
    if signature is not None:
        headers = {"crypto-pay-api-signature": signature}
    answer = service.call(CRYPTO, raw=body, headers=headers)
    assert (answer.status, answer.json["code"]) == (401, "unverified_sender")
    assert status(service, invoice["payment_id"]) == ("pending", None)


def test_update_with_a_changed_body_is_refused(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """F24: any byte."""
    invoice = create(service, "crypto_pay")
    id = int(invoice["pay_url"].rpartition("/")[2])
    crypto_pay.pay(id)
    body, headers = crypto_pay.webhook(id)
    for changed in (body.replace(b'"100"', b'"999"'), body + b" ", body[:-1]):
        assert service.call(CRYPTO, raw=changed, headers=headers).status == 401
    assert service.call(CRYPTO, raw=body, headers={}).status == 401
    assert balance(service) == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount": "1"}, "another_amount"),
        ({"amount": "100.001"}, "another_amount"),
        ({"amount": "Infinity"}, "another_amount"),
        ({"fiat": "USD"}, "another_currency"),
        ({"fiat": None}, "another_currency"),
        ({"payload": "1.1"}, "unknown_payment"),
        ({"amount": None}, "another_amount"),
    ],
)
def test_signed_update_with_other_terms_credits_nothing(
    service: Api,
    crypto_pay: FakeCryptoPay,
    changed: dict[str, Any],
    reason: str,
    log: StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """I8, F24: wrong amount or currency, unknown payment. A retry would not help, so the response is a 200."""
    invoice = create(service, "crypto_pay")
    body, headers = crypto_pay.webhook(int(invoice["pay_url"].rpartition("/")[2]), status="paid", **changed)
    capsys.readouterr()
    assert service.call(CRYPTO, raw=body, headers=headers).status == 200
    assert '"ChargesRefused":[1.0]' in capsys.readouterr().out
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["reason"] for line in logged if line["message"] == "charge refused"] == [reason]
    assert status(service, invoice["payment_id"]) == ("pending", None)
    assert balance(service) == 0


def test_other_update_types_are_accepted_and_ignored(service: Api, crypto_pay: FakeCryptoPay) -> None:
    invoice = create(service, "crypto_pay")
    id = int(invoice["pay_url"].rpartition("/")[2])
    crypto_pay.pay(id)
    body, headers = crypto_pay.webhook(id, update_type="invoice_noticed")
    assert service.call(CRYPTO, raw=body, headers=headers).status == 200
    assert balance(service) == 0


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "{",
        "null",
        "[]",
        "1",
        "[" * 60_000,
        '{"update_type": "invoice_paid"}',
        '{"update_type": "invoice_paid", "payload": null}',
        '{"update_type": "invoice_paid", "payload": {}}',
        '{"update_type": "invoice_paid", "payload": {"invoice_id": 1}}',
        '{"update_type": "invoice_paid", "payload": {"invoice_id": null, "amount": "100", "payload": "1.1"}}',
        '{"update_type": "invoice_paid", "payload": "text"}',
    ],
    ids=lambda sent: sent[:60],
)
def test_signed_but_unreadable_update_is_a_400(service: Api, sent: str) -> None:
    """A holder of the token can sign any body."""
    key = hashlib.sha256(CRYPTO_PAY_TOKEN.encode()).digest()
    headers = {"crypto-pay-api-signature": hmac.new(key, sent.encode(), hashlib.sha256).hexdigest()}
    answer = service.call(CRYPTO, raw=sent, headers=headers)
    assert (answer.status, answer.json["code"]) == (400, "unreadable")


@pytest.mark.parametrize("signature", [None, "", "0", "секрет", "0" * 63, "G" * 64])
def test_malformed_signature_reads_no_secret(
    service: Api, monkeypatch: pytest.MonkeyPatch, signature: str | None
) -> None:
    monkeypatch.setattr(secrets, "_provider", lambda: pytest.fail("asked SSM"))
    headers = {} if signature is None else {"crypto-pay-api-signature": signature}
    assert service.call(CRYPTO, raw="{}", headers=headers).status == 401
    assert service.call("POST /api/telegram/webhook", raw="{}").status == 401


@pytest.mark.parametrize("payload", [None, "", "order 17", 5, {}, ["1.1"]], ids=str)
def test_invoice_of_another_seller_wakes_nobody(
    service: Api, crypto_pay: FakeCryptoPay, payload: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app may sell other things than top-ups."""
    invoice = create(service, "crypto_pay")
    id = int(invoice["pay_url"].rpartition("/")[2])
    body, headers = crypto_pay.webhook(id, status="paid", payload=payload)
    assert service.call(CRYPTO, raw=body, headers=headers).status == 200
    crypto_pay.pay(id)
    crypto_pay.invoices[id]["payload"] = payload
    check(service, minutes=1)
    assert "ChargesRefused" not in capsys.readouterr().out
    assert status(service, invoice["payment_id"]) == ("pending", None)
