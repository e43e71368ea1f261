"""POST /api/balance/create-invoice and the status of a payment, as the payer sees them."""

from typing import Any

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from shared import ids
from shared.domain.payment import Status
from shared.store import keys, payments, table
from tests.in_process import Api, Change
from tests.payments.shops import CREATE, STATUS, CryptoShop, create


def test_first_enabled_provider_is_the_default(service: Api, crypto_pay: FakeCryptoPay, change: Change) -> None:
    create(service)
    assert len(crypto_pay.invoices) == 1
    change(PAYMENT_PROVIDERS="yookassa")
    answer = service.call(CREATE, user=1, body={"amount": 100, "provider": "crypto_pay"})
    assert (answer.status, answer.json["code"]) == (503, "provider_not_configured")
    change(PAYMENT_PROVIDERS="")
    assert service.call(CREATE, user=1, body={"amount": 100}).json["code"] == "provider_not_configured"


@pytest.mark.parametrize("amount", [0, -1, 100_001, "100", 1.5, 1.0, True, None])
def test_invoice_of_an_invalid_amount_is_a_422(service: Api, amount: Any) -> None:
    assert service.call(CREATE, user=1, body={"amount": amount}).status == 422


def test_invoice_of_an_unknown_provider_is_a_422(service: Api) -> None:
    assert service.call(CREATE, user=1, body={"amount": 100, "provider": "paypal"}).status == 422


@pytest.mark.parametrize("id", ["1", "0", "-1", "x", "1" * 17, "9" * 400, "٣", "1.0"])
def test_status_of_an_unknown_payment_is_a_404(service: Api, id: str) -> None:
    answer = service.call(STATUS, user=1, id=id)
    assert (answer.status, answer.json["code"]) == (404, "payment_not_found")


def test_payment_of_another_user_is_a_404(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """I17: the response does not even reveal that the payment exists."""
    invoice = create(service, "crypto_pay")
    answer = service.call(STATUS, user=2, id=str(invoice["payment_id"]))
    assert answer.text == service.call(STATUS, user=2, id="1").text
    assert service.call(STATUS, id=str(invoice["payment_id"])).status == 401


def test_only_unpaid_payments_are_removed_by_ttl(service: Api, crypto_pay: FakeCryptoPay) -> None:
    first, second = create(service, "crypto_pay"), create(service, "crypto_pay")
    CryptoShop(service, crypto_pay).take_money(first)()
    kept, removed = (table.get(keys.payment(invoice["payment_id"])) or {} for invoice in (first, second))
    assert "ttl" not in kept
    assert removed["ttl"] > service.now // 1000 + 29 * 24 * 3600


def test_payment_id_in_use_is_not_given_again(
    service: Api, crypto_pay: FakeCryptoPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2."""
    first = create(service, "crypto_pay")
    monkeypatch.setattr(ids, "new_integer_id", lambda now: first["payment_id"])
    assert service.call(CREATE, user=2, body={"amount": 5, "provider": "crypto_pay"}).status == 503
    payment = payments.get(first["payment_id"])
    assert payment is not None
    assert (payment.user_id, payment.amount, payment.status) == (1, 100, Status.PENDING)
