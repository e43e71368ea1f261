"""The operator's refund of a payment: what `make refund` prints, for each outcome."""

import json
from io import StringIO
from typing import Any

import pytest

from functions.balance import refund_payment
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.handlers.background import HandlerFailed
from shared.store import payments
from tests import api
from tests.in_process import Api
from tests.payments.shops import CardShop, StarShop, create


def refund(payment_id: int) -> Any:
    return refund_payment.handler({"payment_id": payment_id}, api.Context())


@pytest.fixture
def shop(service: Api, yookassa: FakeYookassa) -> CardShop:
    return CardShop(service, yookassa)


def printed(payment_id: int, **changed: Any) -> dict[str, Any]:
    """What is printed of a paid payment of user 1 that was refunded, with these changes."""
    return {
        "refund": "succeeded",
        "reason": None,
        "payment_id": payment_id,
        "user_id": 1,
        "provider": "yookassa",
        "status": "refunded",
        "amount": 100,
        "refunded": 100,
        "taken_back": 100,
        "debt": 0,
        **changed,
    }


NOTHING = {"refunded": 0, "taken_back": 0}


def test_refund_prints_the_payment_after_it_and_repeats_it(service: Api, shop: CardShop) -> None:
    invoice = create(service, "yookassa")
    unpaid = printed(invoice["payment_id"], refund="none", status="pending", **NOTHING)
    assert refund(invoice["payment_id"]) == unpaid
    shop.take_money(invoice)()
    for _ in range(2):
        assert refund(invoice["payment_id"]) == printed(invoice["payment_id"])
    assert len([method for method, _ in shop.fake.calls if method == "refund"]) == 1


def test_refund_that_the_provider_refuses_says_why(service: Api, shop: CardShop, log: StringIO) -> None:
    """Nothing is debited, and the log line has the provider's word."""
    invoice = create(service, "yookassa")
    shop.take_money(invoice)()
    shop.fake.fail("refund", status=400)
    done = refund(invoice["payment_id"])
    assert done["reason"]
    assert done == printed(invoice["payment_id"], refund="refused", reason=done["reason"], status="paid", **NOTHING)
    line = json.loads(log.getvalue().splitlines()[-1])
    assert (line["message"], line["provider_error"]) == ("done", done["reason"])


def test_refund_of_spent_money_prints_the_debt(service: Api, telegram: FakeTelegram) -> None:
    stars = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    stars.take_money(invoice)()
    order = service.order(2)["id"]
    assert service.call("POST /api/orders/{id}/take", user=1, id=order).status == 200
    expected = printed(invoice["payment_id"], provider="telegram_stars", taken_back=98, debt=2)
    assert refund(invoice["payment_id"]) == expected


def test_refund_of_a_payment_that_is_not_there_fails(service: Api, log: StringIO) -> None:
    with pytest.raises(HandlerFailed, match="PaymentNotFound"):
        refund(1)
    assert json.loads(log.getvalue())["error"] == "shared.domain.errors.PaymentNotFound"
    assert payments.due(2**52) == []
