"""Telegram Stars: charges of an invoice, and the list of transactions."""

from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from tests.in_process import Api
from tests.payments.shops import StarShop, balance, check, create, refund, right_books, status


def test_two_charges_for_one_invoice_are_both_credited(service: Api, telegram: FakeTelegram) -> None:
    """A link can be paid on two devices at once; each charge is refunded separately."""
    shop = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    first, second = shop.take_money(invoice), shop.take_money(invoice)
    for tell in (second, first, second, first):
        assert tell().status == 200
    assert balance(service) == 200
    assert shop.give_back(invoice)().status == 200  # of the later of the two, which is reported first
    assert balance(service) == 100
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    right_books()


def test_star_transactions_are_read_from_the_cursor_on(service: Api, telegram: FakeTelegram) -> None:
    shop = StarShop(service, telegram)
    for _ in range(101):
        telegram.transactions.append({"id": "gift", "amount": 1, "date": 1, "source": {"type": "fragment"}})
    invoice = create(service, "telegram_stars")
    shop.take_money(invoice)
    check(service, minutes=1)
    assert balance(service) == 100
    create(service, "telegram_stars")
    check(service, minutes=1)
    offsets = [call.parameters["offset"] for call in telegram.calls if call.method == "getStarTransactions"]
    assert offsets == [0, 100, 102]
    # A refund without an update, while no payment is pending.
    telegram.refund_stars(shop.charges[invoice["payment_id"]])
    check(service, minutes=60)
    assert balance(service) == 0


@pytest.mark.parametrize("commission", [100, 1, 999])
def test_commission_of_an_affiliate_is_part_of_the_price(
    service: Api, telegram: FakeTelegram, commission: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list shows what is left for the bot: 60.3 of 67 Stars. The payer paid 67."""
    shop = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    message = telegram.pay_stars(invoice["pay_url"], 1, commission=commission)
    assert telegram.transactions[0]["amount"] < message["successful_payment"]["total_amount"]
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    assert shop.tell(message)().status == 200
    assert balance(service) == 100
    telegram.refund_stars(message["successful_payment"]["telegram_payment_charge_id"])
    check(service, minutes=1)
    assert balance(service) == 0
    assert "ChargesRefused" not in capsys.readouterr().out
    right_books()


@pytest.mark.parametrize("payload", [None, "", "order 17", 5, {}, ["1.1"]], ids=str)
def test_stars_for_something_else_wake_nobody(
    service: Api, telegram: FakeTelegram, payload: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bot may sell other things than top-ups. The list goes on after them."""
    shop = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    message = telegram.pay_stars(invoice["pay_url"], 1, invoice_payload=payload)
    telegram.transactions[0]["source"]["invoice_payload"] = payload
    assert shop.tell(message)().status == 200
    query = telegram.pre_checkout_query(invoice["pay_url"], 1, invoice_payload=payload)
    assert service.update(int(query["id"]), pre_checkout_query=query).status == 200
    assert telegram.pre_checkout_answers[query["id"]]["ok"] is False
    shop.take_money(invoice)
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("paid", 100)
    assert "ChargesRefused" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "transaction",
    [None, [], "text", {}, {"source": None}, {"source": []}, {"source": {"type": "user", "user": None}}, {"id": 5}],
    ids=str,
)
def test_odd_transaction_does_not_stop_the_list(service: Api, telegram: FakeTelegram, transaction: Any) -> None:
    telegram.transactions.append(transaction)
    invoice = create(service, "telegram_stars")
    StarShop(service, telegram).take_money(invoice)
    check(service, minutes=1)
    assert status(service, invoice["payment_id"]) == ("paid", 100)


@pytest.mark.parametrize(
    "changed",
    [{"amount": None}, {"amount": "67"}, {"source": {"user": None}}, {"source": {"user": {"id": "1"}}}],
    ids=str,
)
def test_unreadable_transaction_of_ours_alerts_an_operator(
    service: Api, telegram: FakeTelegram, changed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """I8: it credits nobody."""
    invoice = create(service, "telegram_stars")
    StarShop(service, telegram).take_money(invoice)
    [paid] = telegram.transactions
    telegram.transactions[0] = {**paid, **changed, "source": {**paid["source"], **changed.get("source", {})}}
    check(service, minutes=1)
    assert balance(service) == 0
    assert '"ChargesRefused":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize("event", ["successful_payment", "refunded_payment"])
@pytest.mark.parametrize(
    "about",
    [None, [], {}, {"telegram_payment_charge_id": 5, "total_amount": 67}, {"telegram_payment_charge_id": "stx"}],
)
def test_unreadable_payment_update_is_a_400(service: Api, telegram: FakeTelegram, event: str, about: Any) -> None:
    assert service.update(1, message={"from": {"id": 1}, "chat": {"id": 1}, event: about}).status == 400


def test_refund_that_telegram_refuses_has_its_reason(service: Api, telegram: FakeTelegram) -> None:
    shop = StarShop(service, telegram)
    invoice = create(service, "telegram_stars")
    shop.take_money(invoice)()
    telegram.transactions.clear()
    done = refund(invoice["payment_id"])
    assert (done["status"], done["refund"], done["reason"]) == ("paid", "refused", "CHARGE_NOT_FOUND")
    assert balance(service) == 100
