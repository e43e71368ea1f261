"""The fake YooKassa: wrong requests with their error, right ones that pass, and what it does with what it is told."""

import base64
import os
import uuid
from typing import Any

import pytest

from infra.local.fakes.yookassa import FakeYookassa
from shared.outbound import http
from shared.settings import payment_settings
from tests.conftest import YOOKASSA_KEY
from tests.in_process import Api

AMOUNT = {"value": "100.50", "currency": "RUB"}
PAYMENT = {
    "amount": AMOUNT,
    "capture": True,
    "confirmation": {"type": "redirect", "return_url": "https://t.me/a_bot"},
    "description": "Пополнение баланса",
    "metadata": {"payment": "1.5"},
}
ITEM = {
    "description": "Пополнение баланса",
    "quantity": "1.00",
    "amount": AMOUNT,
    "vat_code": 1,
    "payment_subject": "payment",
    "payment_mode": "advance",
    "measure": "piece",
}
RECEIPT = {"customer": {"email": "a@example.ru"}, "items": [ITEM]}
NOBODY = str(uuid.UUID(int=0))
REFUND = {"payment_id": NOBODY, "amount": AMOUNT}


def amount(value: object, currency: str = "RUB") -> dict[str, Any]:
    return {"amount": {"value": value, "currency": currency}}


def receipt(**changed: Any) -> dict[str, Any]:
    return {"receipt": {**RECEIPT, "items": [{**ITEM, **changed}]}}


RIGHT: list[dict[str, Any]] = [
    PAYMENT,
    {**PAYMENT, **amount("0.01"), "description": "ы" * 128},
    {**PAYMENT, "metadata": {f"{n}{'k' * 30}": "v" * 512 for n in range(10)}},
    {**PAYMENT, "receipt": RECEIPT},
    {**PAYMENT, "receipt": {**RECEIPT, "customer": {"phone": "79001234567"}, "tax_system_code": 6}},
    {**PAYMENT, **amount("201.00"), **receipt(quantity="2.000")},
]

WRONG: list[tuple[str, dict[str, Any], str]] = [
    # the path, the body, `parameter` of the error
    ("/payments", {**PAYMENT, **amount(100.5)}, "amount.value"),
    ("/payments", {**PAYMENT, **amount("100.5")}, "amount.value"),
    ("/payments", {**PAYMENT, **amount("100,50")}, "amount.value"),
    ("/payments", {**PAYMENT, **amount("10050")}, "amount.value"),
    ("/payments", {**PAYMENT, **amount("0.00")}, "amount.value"),
    ("/payments", {**PAYMENT, **amount("-1.00")}, "amount.value"),
    ("/payments", {**PAYMENT, **amount("1.00", "USD")}, "amount.currency"),
    ("/payments", {"amount": AMOUNT}, "confirmation"),
    ("/payments", {**PAYMENT, "capture": "true"}, "capture"),
    ("/payments", {**PAYMENT, "description": "ы" * 129}, "description"),
    ("/payments", {**PAYMENT, "confirmation": {"type": "redirect"}}, "confirmation.return_url"),
    (
        "/payments",
        {**PAYMENT, "confirmation": {"type": "redirect", "return_url": "t.me/a_bot"}},
        "confirmation.return_url",
    ),
    ("/payments", {**PAYMENT, "metadata": {"payment": 1}}, "metadata.payment"),
    ("/payments", {**PAYMENT, "metadata": {str(n): "" for n in range(17)}}, "metadata"),
    ("/payments", {**PAYMENT, "metadata": {"k" * 33: ""}}, "metadata"),
    ("/payments", {**PAYMENT, "recipt": RECEIPT}, "recipt"),
    ("/payments", {**PAYMENT, "receipt": {"items": [ITEM]}}, "receipt.customer"),
    ("/payments", {**PAYMENT, "receipt": {**RECEIPT, "customer": {}}}, "receipt.customer"),
    ("/payments", {**PAYMENT, "receipt": {**RECEIPT, "customer": {"phone": "+79001234567"}}}, "receipt.customer.phone"),
    ("/payments", {**PAYMENT, "receipt": {**RECEIPT, "tax_system_code": 7}}, "receipt.tax_system_code"),
    ("/payments", {**PAYMENT, **receipt(vat_code="1")}, "receipt.items.0.vat_code"),
    ("/payments", {**PAYMENT, **receipt(vat_code=13)}, "receipt.items.0.vat_code"),
    ("/payments", {**PAYMENT, **receipt(quantity=1)}, "receipt.items.0.quantity"),
    ("/payments", {**PAYMENT, **receipt(description="ы" * 129)}, "receipt.items.0.description"),
    ("/payments", {**PAYMENT, **receipt(payment_mode="prepayment")}, "receipt.items.0.payment_mode"),
    ("/payments", {**PAYMENT, **receipt(payment_subject="top-up")}, "receipt.items.0.payment_subject"),
    ("/payments", {**PAYMENT, **receipt(measure="pieces")}, "receipt.items.0.measure"),
    ("/payments", {**PAYMENT, **receipt(**amount("100.49"))}, "receipt.items"),
    ("/refunds", {"amount": AMOUNT}, "payment_id"),
    ("/refunds", {**REFUND, "payment_id": "1"}, "payment_id"),
    ("/refunds", {**REFUND, **amount("100.50", "XTR")}, "amount.currency"),
    ("/refunds", {**REFUND, **amount(10050)}, "amount.value"),
    ("/refunds", {**REFUND, "reason": "!"}, "reason"),
]


def send(method: str, path: str, given: object = None, *, key: str | None = None, **headers: str) -> http.Reply:
    shop = base64.b64encode(f"{os.environ['YOOKASSA_SHOP_ID']}:{YOOKASSA_KEY}".encode()).decode()
    with_key = {"idempotence-key": key} if key is not None else {}
    sent = {"authorization": f"Basic {shop}", **with_key, **headers}
    return http.request(method, f"{payment_settings().yookassa_api_url}{path}", body=given, headers=sent)


def test_right_form_is_accepted(service: Api, yookassa: FakeYookassa) -> None:
    for number, given in enumerate(RIGHT):
        reply = send("POST", "/payments", given, key=str(number))
        assert (reply.status, reply.body.get("amount")) == (200, given["amount"]), reply.body


def test_wrong_form_is_refused_and_recorded(service: Api, yookassa: FakeYookassa) -> None:
    for number, (path, given, parameter) in enumerate(WRONG):
        reply = send("POST", path, given, key=str(number))
        assert (reply.status, reply.body.get("code"), reply.body.get("parameter")) == (
            400,
            "invalid_request",
            parameter,
        )
    assert len(yookassa.mistakes) == len(WRONG)
    assert not yookassa.payments
    yookassa.mistakes.clear()


def test_wrong_http_is_refused_and_recorded(service: Api, yookassa: FakeYookassa) -> None:
    refusals = [
        send("POST", "/payments", PAYMENT, key="1", authorization="Basic OjE="),
        send("POST", "/payments", PAYMENT, key="1", authorization=""),
        send("GET", "/payments"),
        send("PUT", "/refunds", REFUND, key="1"),
        send("POST", "/payments", [PAYMENT], key="1"),
        send("POST", "/payments", PAYMENT),
        send("POST", "/payments", PAYMENT, key="k" * 65),
        send("GET", "/payments/1"),
        send("GET", "/refunds?payment_id=1"),
        send("GET", f"/refunds?payment_id={NOBODY}&limit=101"),
        send("GET", f"/payments/{NOBODY}?expand=1"),
        send("POST", "/payment", PAYMENT, key="1"),
    ]
    statuses = [401, 401, 405, 405, 415, 400, 400, 400, 400, 400, 400, 404]
    assert [reply.status for reply in refusals] == statuses
    assert len(yookassa.mistakes) == len(statuses)
    yookassa.mistakes.clear()


def test_state_is_no_mistake_of_form(service: Api, yookassa: FakeYookassa) -> None:
    assert send("GET", f"/payments/{NOBODY}").body["code"] == "not_found"
    assert send("POST", "/refunds", REFUND, key="1").body["code"] == "invalid_request"


def test_key_repeats_its_answer_for_a_day(service: Api, yookassa: FakeYookassa) -> None:
    """A refusal too. Another request with the key is refused, to any path."""
    paid, refused = send("POST", "/payments", PAYMENT, key="1"), send("POST", "/refunds", REFUND, key="2")
    for minutes in (0, 24 * 60 - 1):
        service.later(minutes=minutes)
        assert send("POST", "/payments", PAYMENT, key="1") == paid
        assert send("POST", "/refunds", REFUND, key="2") == refused
        for path, given in (("/payments", {**PAYMENT, **amount("100.51")}), ("/refunds", REFUND)):
            reply = send("POST", path, given, key="1")
            assert (reply.status, reply.body["parameter"]) == (400, "Idempotence-Key")
    service.later(minutes=1)
    assert send("POST", "/payments", PAYMENT, key="1").body["id"] != paid.body["id"]
    assert len(yookassa.payments) == 2
    yookassa.mistakes.clear()


@pytest.mark.parametrize(("capture", "status"), [(True, "succeeded"), (False, "waiting_for_capture"), (None, "")])
def test_payment_is_taken_only_with_capture(
    service: Api, yookassa: FakeYookassa, capture: bool | None, status: str
) -> None:
    """https://yookassa.ru/developers/api#create_payment_capture: false by default."""
    given = {name: value for name, value in {**PAYMENT, "capture": capture}.items() if value is not None}
    id = send("POST", "/payments", given, key="1").body["id"]
    yookassa.pay(id)
    found = send("GET", f"/payments/{id}").body
    assert (found["status"], found["paid"]) == (status or "waiting_for_capture", True)


def test_refund_is_at_most_what_is_left_to_the_kopeck(service: Api, yookassa: FakeYookassa) -> None:
    id = send("POST", "/payments", PAYMENT, key="1").body["id"]
    yookassa.pay(id)
    part = {"payment_id": id, **amount("0.01")}
    assert send("POST", "/refunds", part, key="2").body["status"] == "succeeded"
    assert send("POST", "/refunds", {"payment_id": id, "amount": AMOUNT}, key="3").status == 400
    assert send("POST", "/refunds", {"payment_id": id, **amount("100.49")}, key="4").body["status"] == "succeeded"
