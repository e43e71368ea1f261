"""A debt: money that a provider took back after it was spent. Every later credit repays it first."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.local.fakes.yookassa import FakeYookassa
from shared.store import ledger as entries
from shared.store import orders, payments, users
from tests.conftest import OPERATOR
from tests.in_process import Api
from tests.payments.shops import CardShop, Shop, balance, create, elsewhere, refund, right_books

EXECUTOR, CLIENT = 1, 2


@pytest.fixture
def shop(service: Api, yookassa: FakeYookassa) -> CardShop:
    return CardShop(service, yookassa)


def paid(service: Api, shop: Shop, amount: int) -> dict[str, Any]:
    """A payment of the executor that is credited."""
    invoice = create(service, shop.name, amount=amount)
    assert shop.take_money(invoice)().status == 200
    return invoice


def taken(service: Api, contact: str = "@burst_pipe") -> str:
    """An order of the client that the executor took."""
    order_id: str = service.order(CLIENT, contact)["id"]
    assert service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order_id).status == 200
    return order_id


def owing(service: Api, shop: Shop, amount: int = 4) -> list[str]:
    """The orders for which the executor spent `amount` roubles that the provider then took back."""
    invoice = paid(service, shop, amount)
    taken_orders = [taken(service, f"@burst_pipe_{number}") for number in range(amount // 2)]
    assert shop.give_back(invoice)().status == 200
    return taken_orders


def money(service: Api, user: int = EXECUTOR) -> dict[str, int]:
    found: dict[str, int] = service.call("GET /api/balance", user=user).json
    return found


def close(service: Api, order_id: str) -> None:
    assert service.call("POST /api/orders/{id}/close", user=CLIENT, id=order_id).status == 204


def ledger(service: Api, newest: int) -> list[tuple[str, int, int]]:
    """Type, amount and balance after the newest entries, the oldest of them first."""
    rows = service.call("GET /api/balance/transactions", user=EXECUTOR, query={"limit": newest}).json["transactions"]
    return [(row["type"], row["amount"], row["balance_after"]) for row in reversed(rows)]


def test_a_debt_cannot_be_spent(service: Api, shop: CardShop) -> None:
    """I27: both takes are refunded by time, and the money that the provider took back is not there a second time."""
    invoice = paid(service, shop, 4)
    for contact in ("@burst_pipe", "@cold_radiator"):
        taken(service, contact)
    assert money(service) == {"balance": 0}
    tell = shop.give_back(invoice)
    for _ in range(2):
        assert tell().status == 200
        assert money(service) == {"balance": 0, "debt": 4}
    right_books()
    service.later(minutes=15)
    service.sweep()
    assert money(service) == {"balance": 0}
    repaid = [("refund", 2, 2), ("debt_repayment", -2, 0)]
    assert ledger(service, 4) == repaid * 2
    order = service.order(CLIENT)["id"]
    answer = service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order)
    assert (answer.status, answer.json["code"]) == (402, "insufficient_balance")
    right_books()


def test_a_credit_smaller_than_the_debt_repays_a_part(service: Api, shop: CardShop) -> None:
    orders_taken = owing(service, shop)
    close(service, orders_taken[0])
    assert money(service) == {"balance": 0, "debt": 2}
    assert ledger(service, 2) == [("refund", 2, 2), ("debt_repayment", -2, 0)]
    right_books()


def test_what_the_debt_leaves_of_a_credit_is_the_balance(service: Api, shop: CardShop) -> None:
    owing(service, shop)
    paid(service, shop, 9)
    assert money(service) == {"balance": 5}
    assert ledger(service, 2) == [("recharge", 9, 9), ("debt_repayment", -4, 5)]
    right_books()


def test_a_recharge_tells_the_balance_after_the_repayment(service: Api, shop: CardShop) -> None:
    owing(service, shop)
    answer = service.call("POST /api/balance/recharge", user=EXECUTOR, body={"amount": 6}).json
    rows = service.call("GET /api/balance/transactions", user=EXECUTOR).json["transactions"]
    assert (answer["new_balance"], answer["transaction_id"]) == (2, rows[1]["id"])
    assert [(row["type"], row["order_id"], row["payment_method"]) for row in rows[:2]] == [
        ("debt_repayment", None, None),
        ("recharge", None, "telegram_stars"),
    ]
    assert rows[0]["id"] > rows[1]["id"]
    right_books()


def test_an_operators_refund_repays_a_debt(service: Api, shop: CardShop) -> None:
    first, second = owing(service, shop)
    for order_id in (first, second):
        assert service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order_id).status == 200
    body = {"executor_id": EXECUTOR, "reason": "Контакт не отвечал"}
    for expected in (200, 409):
        answer = service.call("POST /api/admin/orders/{id}/refund", user=OPERATOR, id=first, body=body)
        assert answer.status == expected
        assert money(service) == {"balance": 0, "debt": 2}
    right_books()


def test_debts_add_up_and_are_repaid_together(service: Api, shop: CardShop) -> None:
    invoices = [paid(service, shop, amount) for amount in (3, 5)]
    for number in range(4):
        taken(service, f"@burst_pipe_{number}")
    assert [refund(invoice["payment_id"])["debt"] for invoice in invoices] == [3, 5]
    assert money(service) == {"balance": 0, "debt": 8}
    right_books()
    paid(service, shop, 7)
    assert money(service) == {"balance": 0, "debt": 1}
    paid(service, shop, 7)
    assert money(service) == {"balance": 6}
    right_books()


def test_a_partly_spent_payment_leaves_the_rest_as_a_debt(service: Api, shop: CardShop) -> None:
    invoice = paid(service, shop, 5)
    taken(service)
    done = refund(invoice["payment_id"])
    assert (done["taken_back"], done["debt"]) == (3, 2)
    assert money(service) == {"balance": 0, "debt": 2}
    assert ledger(service, 1) == [("recharge", -3, 0)]
    right_books()


def test_partial_refunds_of_spent_money_add_to_the_debt(service: Api, shop: CardShop) -> None:
    """F24: one charge is given back in two parts, and a credit stands between them."""
    invoice = paid(service, shop, 4)
    order_id = taken(service)
    taken(service, "@cold_radiator")
    payment = invoice["pay_url"].rpartition("/")[2]
    for amount, debt in (("1.00", 1), ("3.00", 4)):
        shop.fake.give_back(payment, amount)
        raw = shop.fake.webhook(payment, "refund.succeeded").decode()
        for _ in range(2):
            assert service.call("POST /api/balance/webhook/yookassa", raw=raw).status == 200
            assert money(service) == {"balance": 0, "debt": debt}
    close(service, order_id)
    assert money(service) == {"balance": 0, "debt": 2}
    right_books()


def test_the_executors_of_one_order_each_repay_their_own_debt(service: Api, shop: CardShop) -> None:
    order_id = owing(service, shop, 2)[0]
    for executor in (3, 4):
        service.recharge(executor, 2)
        assert service.call("POST /api/orders/{id}/take", user=executor, id=order_id).status == 200
    close(service, order_id)
    assert [money(service, user) for user in (EXECUTOR, 3, 4)] == [{"balance": 0}, {"balance": 2}, {"balance": 2}]
    right_books()


def test_operators_and_exports_show_a_debt(service: Api, shop: CardShop) -> None:
    owing(service, shop)
    query = {"reason": "Жалоба на долг"}
    page = service.call("GET /api/admin/users/{id}/ledger", user=OPERATOR, id=str(EXECUTOR), query=query).json
    assert (page["balance"], page["debt"]) == (0, 4)
    exported = service.call("GET /api/users/me/export", user=EXECUTOR).json
    assert (exported["balance"], exported["debt"]) == (0, 4)
    paid(service, shop, 4)
    page = service.call("GET /api/admin/users/{id}/ledger", user=OPERATOR, id=str(EXECUTOR), query=query).json
    assert (page["balance"], page["debt"]) == (0, 0)


def test_an_erased_person_keeps_their_debt(service: Api, shop: CardShop) -> None:
    """It is a record of money, as the balance is."""
    first, _ = owing(service, shop)
    assert service.call("DELETE /api/users/me", user=EXECUTOR).status == 204
    assert money(service) == {"balance": 0, "debt": 4}
    close(service, first)
    assert money(service) == {"balance": 0, "debt": 2}
    right_books()


# ---------------------------------------------------------------- the lock on the debt

CREDITS: dict[str, tuple[Any, str, Callable[[Api, CardShop, str], object]]] = {
    "recharge": (entries, "credit", lambda service, _, __: service.recharge(EXECUTOR, 3)),
    "payment": (payments, "settle", lambda service, shop, _: paid(service, shop, 3)),
    "refund": (orders, "move", lambda service, _, order_id: close(service, order_id)),
}


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("before", [0, 2])
def test_a_debt_between_read_and_write_is_repaid(
    service: Api, shop: CardShop, monkeypatch: pytest.MonkeyPatch, credit: str, before: int
) -> None:
    """I27: a debt that finds the balance empty writes no entry, so only its own condition makes the write conflict."""
    earlier = paid(service, shop, 2)
    invoice = paid(service, shop, 4)
    order_id, *_ = [taken(service, f"@burst_pipe_{number}") for number in range(3)]
    if before:
        assert shop.give_back(earlier)().status == 200
    store, name, begin = CREDITS[credit]
    write, calls = getattr(store, name), []

    def late(*given: Any, **more: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            with monkeypatch.context() as inner:
                inner.setattr(store, name, write)
                assert elsewhere(shop.give_back(invoice)).status == 200
        write(*given, **more)

    assert (users.get(EXECUTOR).balance, users.get(EXECUTOR).debt) == (0, before)
    monkeypatch.setattr(store, name, late)
    begin(service, shop, order_id)
    assert len(calls) == 2
    amount = 2 if credit == "refund" else 3
    assert users.get(EXECUTOR).debt == 4 + before - amount
    assert users.get(EXECUTOR).balance == 0
    right_books()


def test_a_credit_between_read_and_write_of_a_debt_is_taken(
    service: Api, shop: CardShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credit ends the ledger anew, so the debt, though it writes no entry, is computed again."""
    invoice = paid(service, shop, 4)
    order_id = taken(service)
    taken(service, "@cold_radiator")
    settle, calls = payments.settle, []

    def late(*given: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            close(service, order_id)
        settle(*given)

    monkeypatch.setattr(payments, "settle", late)
    done = refund(invoice["payment_id"])
    assert len(calls) == 2
    assert (done["taken_back"], done["debt"], balance(service)) == (2, 2, 0)
    right_books()
