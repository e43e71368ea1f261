"""Telegram Stars: charges of an invoice, and the list of transactions."""

from infra.local.fakes.telegram import FakeTelegram
from tests.in_process import Api
from tests.payments.shops import StarShop, balance, check, create, right_books, status


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
