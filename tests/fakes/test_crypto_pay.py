"""The fake Crypto Pay: wrong requests with their error, right ones that pass, and what it does with what it is told."""

from typing import Any

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.schemas import schema
from shared.outbound import http
from shared.settings import payment_settings
from tests.in_process import Api

INVOICE = {
    "currency_type": "fiat",
    "fiat": "RUB",
    "amount": "100.50",
    "description": "Пополнение баланса",
    "payload": "1.5",
    "expires_in": 1800,
}
TRANSFER = {"user_id": 5, "asset": "USDT", "amount": "1.005", "spend_id": "refund-1"}

RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("getMe", {}),
    ("createInvoice", INVOICE),
    ("createInvoice", {**INVOICE, "amount": "100", "payload": "ы" * 2048, "expires_in": 2_678_400}),
    ("createInvoice", {"asset": "TON", "amount": "0.000001"}),
    ("getInvoices", {"invoice_ids": "1,2", "count": 1000}),
    ("getTransfers", {"spend_id": "refund-1"}),
    ("transfer", TRANSFER),
]

WRONG: list[tuple[str, dict[str, Any], str]] = [
    # the method, its parameters, the name of the error
    ("createInvoice", {**INVOICE, "amount": 100}, "AMOUNT_INVALID"),
    ("createInvoice", {**INVOICE, "amount": "100.505"}, "AMOUNT_INVALID"),
    ("createInvoice", {**INVOICE, "amount": "100,50"}, "AMOUNT_INVALID"),
    ("createInvoice", {**INVOICE, "amount": "0.00"}, "AMOUNT_INVALID"),
    ("createInvoice", {**INVOICE, "amount": "-1"}, "AMOUNT_INVALID"),
    ("createInvoice", {**INVOICE, "amount": "1e3"}, "AMOUNT_INVALID"),
    ("createInvoice", {**INVOICE, "expires_in": 0}, "EXPIRES_IN_INVALID"),
    ("createInvoice", {**INVOICE, "expires_in": 2_678_401}, "EXPIRES_IN_INVALID"),
    ("createInvoice", {**INVOICE, "expires_in": 1800.0}, "EXPIRES_IN_INVALID"),
    ("createInvoice", {**INVOICE, "expires_in": "1800"}, "EXPIRES_IN_INVALID"),
    ("createInvoice", {**INVOICE, "fiat": "RUR"}, "FIAT_INVALID"),
    ("createInvoice", {**INVOICE, "currency_type": "roubles"}, "CURRENCY_TYPE_INVALID"),
    ("createInvoice", {"currency_type": "fiat", "amount": "1"}, "FIAT_INVALID"),
    ("createInvoice", {"amount": "1"}, "ASSET_INVALID"),
    ("createInvoice", {**INVOICE, "description": "ы" * 1025}, "DESCRIPTION_INVALID"),
    ("createInvoice", {**INVOICE, "payload": "ы" * 2049}, "PAYLOAD_INVALID"),
    ("createInvoice", {**INVOICE, "paid_btn_name": "openBot"}, "PAID_BTN_URL_INVALID"),
    ("createInvoice", {**INVOICE, "pay_load": "1"}, "PAY_LOAD_INVALID"),
    ("getInvoices", {"invoice_ids": "1, 2"}, "INVOICE_IDS_INVALID"),
    ("getInvoices", {"invoice_ids": [1]}, "INVOICE_IDS_INVALID"),
    ("getInvoices", {"count": 1001}, "COUNT_INVALID"),
    ("getInvoices", {"status": "expired"}, "STATUS_INVALID"),
    ("transfer", {**TRANSFER, "user_id": "5"}, "USER_ID_INVALID"),
    ("transfer", {**TRANSFER, "asset": "RUB"}, "ASSET_INVALID"),
    ("transfer", {**TRANSFER, "amount": 1.005}, "AMOUNT_INVALID"),
    ("transfer", {**TRANSFER, "spend_id": "r" * 65}, "SPEND_ID_INVALID"),
    ("transfer", {"user_id": 5, "asset": "USDT", "amount": "1"}, "SPEND_ID_INVALID"),
]


def call(method: str, given: object, *, token: str | None = None, http_method: str = "POST") -> http.Reply:
    headers = {"crypto-pay-api-token": token} if token else {}
    return http.request(
        http_method, f"{payment_settings().crypto_pay_api_url}/api/{method}", body=given, headers=headers
    )


@pytest.mark.parametrize(("method", "given"), RIGHT)
def test_right_form_is_accepted(method: str, given: dict[str, Any]) -> None:
    assert schema("crypto_pay").mistake(method, given) is None


def test_wrong_form_is_refused_and_recorded(service: Api, crypto_pay: FakeCryptoPay) -> None:
    for method, given, name in WRONG:
        reply = call(method, given, token=crypto_pay.token)
        assert (method, given, reply.status) == (method, given, 400)
        assert reply.body == {"ok": False, "error": {"code": 400, "name": name}}
    assert len(crypto_pay.mistakes) == len(WRONG)
    assert not crypto_pay.invoices
    crypto_pay.mistakes.clear()


def test_wrong_http_is_refused_and_recorded(service: Api, crypto_pay: FakeCryptoPay) -> None:
    assert call("createInvoice", INVOICE).body["error"]["name"] == "UNAUTHORIZED"
    assert call("createInvoice", INVOICE, token="another").status == 401
    assert call("createinvoice", INVOICE, token=crypto_pay.token).body["error"]["name"] == "METHOD_NOT_FOUND"
    assert call("createInvoice", INVOICE, token=crypto_pay.token, http_method="PUT").status == 405
    assert call("createInvoice", [INVOICE], token=crypto_pay.token).body["error"]["name"] == "REQUEST_INVALID"
    assert call("createInvoice/", INVOICE, token=crypto_pay.token).status == 404
    assert len(crypto_pay.mistakes) == 6
    crypto_pay.mistakes.clear()


def test_invoice_expires_when_it_was_told(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """`expires_in` seconds after its creation, by the fake's clock; then nobody can pay it."""
    created = call("createInvoice", {**INVOICE, "expires_in": 60}, token=crypto_pay.token).body["result"]

    def state() -> str:
        found = call("getInvoices", {"invoice_ids": str(created["invoice_id"])}, token=crypto_pay.token).body
        [invoice] = found["result"]["items"]
        shown: str = invoice["status"]
        return shown

    service.later(ms=59_999)
    assert state() == "active"
    service.later(ms=1)
    assert state() == "expired"
    with pytest.raises(ValueError, match="expired"):
        crypto_pay.pay(created["invoice_id"])


def test_paid_coins_are_exact_to_the_kopeck(service: Api, crypto_pay: FakeCryptoPay) -> None:
    created = call("createInvoice", {**INVOICE, "amount": "100000.01"}, token=crypto_pay.token).body["result"]
    crypto_pay.pay(created["invoice_id"])
    assert crypto_pay.invoices[created["invoice_id"]]["paid_amount"] == "1000.0001"
