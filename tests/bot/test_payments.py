"""Payments in Stars through the bot's updates: who may pay, and which user is credited."""

from typing import Any

from infra.local.fakes.telegram import FakeTelegram
from shared.bot import texts
from tests.in_process import Api
from tests.payments.shops import StarShop, balance, create


def test_pre_checkout_admits_only_the_payer_at_the_price(service: Api, telegram: FakeTelegram) -> None:
    invoice = create(service, "telegram_stars")
    link = invoice["pay_url"]
    [asked] = telegram.invoices.values()
    assert (asked["currency"], asked["provider_token"], asked["prices"][0]["amount"]) == ("XTR", "", 67)

    def may(payer: int, **changed: Any) -> bool:
        query = telegram.pre_checkout_query(link, payer, **changed)
        assert service.update(int(query["id"]), pre_checkout_query=query).status == 200
        answer: dict[str, Any] = telegram.pre_checkout_answers[query["id"]]
        assert answer.get("error_message") == (None if answer["ok"] else texts.CANNOT_PAY)
        return bool(answer["ok"])

    assert may(1)
    assert not may(2)
    assert not may(1, total_amount=66)
    assert not may(1, total_amount=68)
    assert not may(1, currency="RUB")
    assert not may(1, invoice_payload="1.1")
    assert not may(1, invoice_payload="nonsense")
    StarShop(service, telegram).take_money(invoice)()
    assert not may(1)
    link = create(service, "telegram_stars")["pay_url"]
    service.later(minutes=30, ms=-1)
    assert may(1)
    service.later(ms=1)
    assert not may(1)


def test_stars_paid_by_another_user_are_not_credited(service: Api, telegram: FakeTelegram) -> None:
    """I8: the pre-checkout query should prevent it. If it happens, nobody is credited and an operator is alerted."""
    invoice = create(service, "telegram_stars")
    message = telegram.pay_stars(invoice["pay_url"], 2)
    assert service.update(1, message=message).status == 200
    assert (balance(service, 1), balance(service, 2)) == (0, 0)
