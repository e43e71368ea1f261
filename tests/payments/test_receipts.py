"""Fiscal receipts (54-FZ): a shop of YooKassa that refuses a payment without a receipt."""

from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.payments import yookassa as module
from shared.store import users
from tests import api
from tests.in_process import Api, Change
from tests.payments.shops import CREATE, CardShop, balance, refund, right_books

EMAIL, PHONE = "payer@example.ru", "+79161234567"


@pytest.fixture(autouse=True)
def fiscal(yookassa: FakeYookassa, change: Change) -> FakeYookassa:
    """The shop sends receipts: no VAT, simplified tax system."""
    yookassa.needs_receipts = True
    change(YOOKASSA_VAT_CODE="1", YOOKASSA_TAX_SYSTEM_CODE="2")
    return yookassa


def ask(service: Api, contact: str | None = None, *, provider: str = "yookassa", user: int = 1) -> api.Answer:
    """The response to an invoice of 4 roubles."""
    given = {} if contact is None else {"receipt_contact": contact}
    return service.call(CREATE, user=user, body={"amount": 4, "provider": provider, **given})


def receipts(fiscal: FakeYookassa, method: str = "create") -> list[Any]:
    """The receipts that YooKassa was sent; None for a request without one."""
    return [given.get("receipt") for called, given in fiscal.calls if called == method]


def test_payment_without_a_receipt_is_refused_by_the_shop(service: Api, fiscal: FakeYookassa, change: Change) -> None:
    """The stage is not configured for receipts: what an operator sees is a provider that refuses."""
    change(YOOKASSA_VAT_CODE="")
    answer = ask(service)
    assert (answer.status, answer.json["code"]) == (422, "payment_refused")
    assert (receipts(fiscal), fiscal.payments) == ([None], {})


def test_payer_without_a_contact_is_asked_for_one(service: Api, fiscal: FakeYookassa) -> None:
    answer = ask(service)
    assert (answer.status, answer.json["code"]) == (409, "receipt_contact_needed")
    assert "электронная почта или телефон" in answer.json["detail"]
    assert fiscal.calls == []
    assert users.get(1).full_at == {}


def test_receipt_has_what_the_law_asks_for(service: Api, fiscal: FakeYookassa) -> None:
    assert ask(service, EMAIL).status == 200
    assert receipts(fiscal) == [
        {
            "customer": {"email": EMAIL},
            "items": [
                {
                    "description": "Пополнение баланса в «Срочных услугах»",
                    "quantity": "1.00",
                    "amount": {"value": "4.00", "currency": "RUB"},
                    "vat_code": 1,
                    "payment_subject": "payment",
                    "payment_mode": "advance",
                    "measure": "piece",
                }
            ],
            "tax_system_code": 2,
        }
    ]


def test_payment_with_a_receipt_is_credited(service: Api, fiscal: FakeYookassa) -> None:
    invoice = ask(service, EMAIL).json
    CardShop(service, fiscal).take_money(invoice)()
    assert balance(service) == 4
    right_books()


def test_shop_with_one_tax_system_sends_no_code(service: Api, fiscal: FakeYookassa, change: Change) -> None:
    change(YOOKASSA_TAX_SYSTEM_CODE="", YOOKASSA_VAT_CODE="12")
    assert ask(service, EMAIL).status == 200
    [receipt] = receipts(fiscal)
    assert "tax_system_code" not in receipt
    assert receipt["items"][0]["vat_code"] == 12


def test_contact_is_asked_for_once(service: Api, fiscal: FakeYookassa) -> None:
    assert ask(service, "8 (916) 123-45-67").status == 200
    began = service.now
    service.later(minutes=5)
    assert ask(service).status == 200
    assert [receipt["customer"] for receipt in receipts(fiscal)] == [{"phone": PHONE[1:]}] * 2
    user = users.get(1)
    assert (user.receipt_contact, user.receipt_contact_consent_at) == (PHONE, began)
    assert ask(service, user=2).status == 409


def test_another_contact_replaces_the_stored_one(service: Api, fiscal: FakeYookassa) -> None:
    assert ask(service, PHONE).status == 200
    service.later(minutes=5)
    assert ask(service, f" {EMAIL}\u200b ").status == 200
    assert ask(service).status == 200
    assert [receipt["customer"] for receipt in receipts(fiscal)] == [
        {"phone": PHONE[1:]},
        {"email": EMAIL},
        {"email": EMAIL},
    ]
    assert users.get(1).receipt_contact_consent_at == service.now


@pytest.mark.parametrize("contact", ["", "payer", "@payer_name", "payer@", "+7 701 123 45 67", 79161234567, ["a@b.ru"]])
def test_invalid_contact_is_a_422(service: Api, fiscal: FakeYookassa, contact: Any) -> None:
    answer = ask(service, contact)
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert answer.json["detail"][0]["loc"] == ["body", "receipt_contact"]
    assert fiscal.calls == []


def test_order_contact_is_never_the_receipts(service: Api, fiscal: FakeYookassa) -> None:
    """I28: the client gave the phone for executors, not for receipts."""
    service.order(1, contact=PHONE)
    assert ask(service).status == 409


@pytest.mark.parametrize("provider", ["crypto_pay", "telegram_stars"])
def test_other_providers_never_ask_and_store_nothing(
    service: Api, crypto_pay: FakeCryptoPay, telegram: FakeTelegram, provider: str
) -> None:
    assert ask(service, provider=provider).status == 200
    assert ask(service, EMAIL, provider=provider).status == 200
    assert users.get(1).receipt_contact is None
    assert EMAIL not in str([*crypto_pay.calls, *telegram.calls])


def test_shop_without_receipts_never_asks(service: Api, fiscal: FakeYookassa, change: Change) -> None:
    fiscal.needs_receipts = False
    change(YOOKASSA_VAT_CODE="")
    assert ask(service).status == 200
    assert ask(service, EMAIL).status == 200
    assert receipts(fiscal) == [None, None]
    assert users.get(1).receipt_contact is None


def test_banned_payers_contact_is_not_stored(service: Api) -> None:
    reason = {"reason": "не открывает дверь"}
    service.call("POST /api/admin/users/{id}/ban", user=900, id="1", body=reason)
    assert ask(service, EMAIL).json["code"] == "banned"
    assert users.get(1).receipt_contact is None


def test_contact_is_in_no_log_line(service: Api, fiscal: FakeYookassa, log: StringIO) -> None:
    """I28: also when the shop refuses the receipt, or cannot be reached."""
    for fault in ({"status": 400}, {"status": 500, "times": 3}, {}):
        if fault:
            fiscal.fail("create", **fault)
        ask(service, EMAIL)
        ask(service, PHONE)
    ask(service, f"{EMAIL}.")
    assert log.getvalue()
    assert not any(trace in log.getvalue() for trace in (EMAIL, PHONE, PHONE[1:]))


# ---------------------------------------------------------------- refunds


def paid(service: Api, fiscal: FakeYookassa, contact: str = EMAIL) -> tuple[int, str]:
    """A paid invoice: our id and YooKassa's."""
    invoice = ask(service, contact).json
    CardShop(service, fiscal).take_money(invoice)()
    return invoice["payment_id"], invoice["pay_url"].rpartition("/")[2]


def test_refund_has_a_receipt(service: Api, fiscal: FakeYookassa) -> None:
    payment_id, _ = paid(service, fiscal)
    assert refund(payment_id)["status"] == "refunded"
    assert receipts(fiscal, "refund") == receipts(fiscal)
    right_books()


def test_refund_of_the_rest_has_a_receipt_of_the_rest(service: Api, fiscal: FakeYookassa) -> None:
    """And it goes to the contact that the payer has given last."""
    payment_id, id = paid(service, fiscal)
    fiscal.give_back(id, "1.50")
    assert ask(service, PHONE).status == 200
    assert refund(payment_id)["status"] == "refunded"
    [receipt] = receipts(fiscal, "refund")
    assert receipt["items"][0]["amount"] == {"value": "2.50", "currency": "RUB"}
    assert receipt["customer"] == {"phone": PHONE[1:]}


def test_full_refund_after_an_erasure_has_the_payments_receipt(service: Api, fiscal: FakeYookassa) -> None:
    payment_id, _ = paid(service, fiscal)
    assert service.call("DELETE /api/users/me", user=1).status == 204
    assert refund(payment_id)["status"] == "refunded"
    assert receipts(fiscal, "refund") == [None]
    right_books()


def test_partial_refund_after_an_erasure_is_the_shops_to_make(
    service: Api, fiscal: FakeYookassa, log: StringIO
) -> None:
    """YooKassa refuses it without a contact: nothing is debited, and the operator and the log are told why."""
    payment_id, id = paid(service, fiscal)
    fiscal.give_back(id, "1.50")
    assert service.call("DELETE /api/users/me", user=1).status == 204
    done = refund(payment_id)
    assert (done["refund"], done["reason"]) == ("refused", "invalid_request")
    assert balance(service) == 4
    assert '"provider_error":"invalid_request"' in log.getvalue()
    right_books()


def test_refund_of_a_shop_without_receipts_reads_no_contact(service: Api, fiscal: FakeYookassa, change: Change) -> None:
    payment_id, _ = paid(service, fiscal)
    change(YOOKASSA_VAT_CODE="")
    assert not module.needs_receipt_contact()
    assert refund(payment_id)["status"] == "refunded"
    assert receipts(fiscal, "refund") == [None]


def test_default_provider_is_asked_about_as_well(service: Api, change: Change) -> None:
    change(PAYMENT_PROVIDERS="yookassa")
    answer = service.call(CREATE, user=1, body={"amount": 4})
    assert (answer.status, answer.json["code"]) == (409, "receipt_contact_needed")
