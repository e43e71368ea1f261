"""What each provider is asked for: the price in its own unit and currency, for as long as the payment lives."""

from typing import Any

import pytest

from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared.domain.payment import LIFETIME_MS, Provider
from shared.store import payments
from tests.in_process import Api
from tests.payments.shops import CardShop, CryptoShop, create, refund


def roubles(amount: int) -> dict[str, str]:
    return {"value": f"{amount}.00", "currency": "RUB"}


@pytest.mark.parametrize("amount", [100, 12_345])
def test_each_provider_is_asked_for_the_price(
    service: Api, crypto_pay: FakeCryptoPay, yookassa: FakeYookassa, telegram: FakeTelegram, amount: int
) -> None:
    create(service, "crypto_pay", amount=amount)
    create(service, "yookassa", amount=amount)
    stars = payments.get(create(service, "telegram_stars", amount=amount)["payment_id"])
    [coins], [card], [link] = (
        list(fake.values()) for fake in (crypto_pay.invoices, yookassa.payments, telegram.invoices)
    )
    assert (coins["amount"], coins["fiat"]) == (str(amount), "RUB")
    assert card["amount"] == roubles(amount)
    assert stars is not None
    assert (link["prices"][0]["amount"], link["currency"]) == (stars.price, "XTR")


def test_crypto_invoice_ends_with_its_payment(service: Api, crypto_pay: FakeCryptoPay) -> None:
    """To the millisecond: `expires_in` is in seconds."""
    create(service, "crypto_pay")
    [invoice] = crypto_pay.invoices.values()

    def state_after(ms: int) -> Any:
        service.later(ms=ms)
        crypto_pay._expire_due()
        return invoice["status"]

    assert state_after(LIFETIME_MS[Provider.CRYPTO_PAY] - 1) == "active"
    assert state_after(1) == "expired"


def test_refund_is_the_price_in_its_currency(service: Api, crypto_pay: FakeCryptoPay, yookassa: FakeYookassa) -> None:
    """Of Crypto Pay, it is the coins that were paid."""
    for shop in (CryptoShop(service, crypto_pay), CardShop(service, yookassa)):
        invoice = create(service, shop.name, amount=12_345)
        shop.take_money(invoice)()
        assert refund(invoice["payment_id"])["status"] == "refunded"
    [transfer] = crypto_pay.transfers
    assert (transfer["asset"], transfer["amount"]) == ("USDT", "123.45")
    assert [each["amount"] for each in yookassa.refunds] == [roubles(12_345)]
