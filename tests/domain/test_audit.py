"""Reconciliation of books in memory: correct ones have no breach, and each planted defect is reported word by word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.domain.audit import Account, Books, Breach, ContactBooks, OrderBooks, breaches
from shared.domain.money import EntryType, LedgerEntry
from shared.domain.order import Order, Status, Take
from shared.domain.payment import Currency, Payment, Provider
from shared.domain.payment import Status as PaymentStatus
from shared.domain.user import User

NOW = 1_790_000_000_000
CLIENT, EXECUTOR, PAYER, DEBTOR, VISITOR = 1, 2, 4, 5, 6


def chain(user_id: int, *rows: tuple[int, EntryType, str, int]) -> list[LedgerEntry]:
    """A correct ledger: each row is an id, a type, a cause and an amount in roubles."""
    entries: list[LedgerEntry] = []
    previous, balance = 0, 0
    for id, type, cause, amount in rows:
        balance += amount
        order_id = cause.partition("#")[2] if type in ("order_take", "refund") else None
        entries.append(LedgerEntry(id, previous, user_id, type, cause, amount, balance, NOW, order_id=order_id))
        previous = id
    return entries


def account(user_id: int, entries: Sequence[LedgerEntry] = (), **more: Any) -> Account:
    """An account whose user has what the ledger says. The newest entry comes first: a Scan has no order."""
    last = entries[-1] if entries else None
    parts = {"payments": [], "ratings": [], "active_orders": 0, **more}
    user = User(
        user_id,
        balance=last.balance_after if last else 0,
        last_entry_id=last.id if last else 0,
        debt=parts.pop("debt", 0),
        rating_sum=sum(parts["ratings"]),
        rating_count=len(parts["ratings"]),
        active_orders=parts["active_orders"],
    )
    return Account(user=user, entries=list(reversed(entries)), **parts)


def payment(id: int, user_id: int, amount: int, **more: Any) -> Payment:
    payment = Payment(
        id=id,
        user_id=user_id,
        provider=Provider.YOOKASSA,
        amount=amount,
        price=amount * 100,
        currency=Currency.RUB,
        created_at=NOW,
        expires_at=NOW + 1,
        status=PaymentStatus.PAID,
        charge_id=f"c{id}",
        paid_at=NOW,
    )
    return replace(payment, **more)


def order(id: str, status: Status, *takes: Take, **more: Any) -> Order:
    order = Order(
        id=id,
        client_id=CLIENT,
        category="Сантехника",
        city="Москва",
        description="",
        contact="",
        contact_key=f"key of {id}",
        created_at=NOW - 1,
        expires_at=NOW + 1,
        status=status,
        takes={take.executor_id: take for take in takes},
    )
    return replace(order, **more)


def take(executor_id: int, *, price: int = 2, refunded: bool = False) -> Take:
    return Take(executor_id, NOW, price, 1, refunded)


@dataclass(frozen=True)
class World:
    """Accounts by their user, orders and contacts. Every entry that names an order is among the books of that order."""

    accounts: dict[int, Account]
    orders: dict[str, Order]
    contacts: dict[str, ContactBooks]

    def found(self) -> list[Breach]:
        entries = [entry for account in self.accounts.values() for entry in account.entries]
        orders = [
            OrderBooks(order, [entry for entry in entries if entry.order_id == order.id])
            for order in self.orders.values()
        ]
        books = Books(iter(self.accounts.values()), iter(orders), iter(self.contacts.values()))
        return list(breaches(books, NOW))

    def with_user(self, user_id: int, **changes: Any) -> "World":
        account = self.accounts[user_id]
        return self.with_account(user_id, user=replace(account.user, **changes))

    def with_account(self, user_id: int, **changes: Any) -> "World":
        return replace(self, accounts={**self.accounts, user_id: replace(self.accounts[user_id], **changes)})

    def with_entry(self, user_id: int, id: int, **changes: Any) -> "World":
        entries = [replace(each, **changes) if each.id == id else each for each in self.accounts[user_id].entries]
        return self.with_account(user_id, entries=entries)

    def without_entry(self, user_id: int, id: int) -> "World":
        return self.with_account(user_id, entries=[e for e in self.accounts[user_id].entries if e.id != id])

    def with_payment(self, id: int, **changes: Any) -> "World":
        for user_id, account in self.accounts.items():
            if any(each.id == id for each in account.payments):
                payments = [replace(each, **changes) if each.id == id else each for each in account.payments]
                return self.with_account(user_id, payments=payments)
        raise AssertionError(id)

    def with_new(self, account: Account) -> "World":
        return replace(self, accounts={**self.accounts, account.user.id: account})

    def with_order(self, id: str, **changes: Any) -> "World":
        return replace(self, orders={**self.orders, id: replace(self.orders[id], **changes)})

    def with_contact(self, holder: str | None, *orders: Order) -> "World":
        return replace(self, contacts={**self.contacts, "another": ContactBooks(holder, list(orders))})


CORRECT = World(
    accounts={
        CLIENT: account(CLIENT, active_orders=2),
        EXECUTOR: account(
            EXECUTOR,
            chain(
                EXECUTOR,
                (10, "recharge", "PAYMENT#yookassa#c1", 100),
                (11, "recharge", "RECHARGE#r", 5),
                (12, "order_take", "TAKE#closed", -2),
                (13, "order_take", "TAKE#completed", -3),
                (14, "order_take", "TAKE#gone", -2),
                (15, "refund", "REFUND#closed", 2),
                (16, "refund", "REFUND#completed", 3),
                (17, "recharge", "REVERSAL#yookassa#c1#10", -10),
                (18, "recharge", "REVERSAL#yookassa#c1#30", -20),
            ),
            payments=[
                payment(3, EXECUTOR, 7, status=PaymentStatus.PENDING, charge_id=None, paid_at=None),
                payment(1, EXECUTOR, 100, refunded=30, taken_back=30),
                payment(4, EXECUTOR, 9, status=PaymentStatus.REFUNDED, paid_at=None, refunded=9),
            ],
            ratings=[4, 5],
        ),
        PAYER: account(
            PAYER,
            chain(
                PAYER,
                (30, "recharge", "PAYMENT#yookassa#c5", 1),
                (31, "order_take", "TAKE#gone", -1),
                (32, "recharge", "RECHARGE#r", 1),
                (33, "debt_repayment", "REPAYMENT#RECHARGE#r", -1),
            ),
            payments=[payment(5, PAYER, 1, status=PaymentStatus.REFUNDED, refunded=1)],
        ),
        DEBTOR: account(
            DEBTOR,
            chain(
                DEBTOR,
                (20, "recharge", "PAYMENT#yookassa#c2", 4),
                (21, "order_take", "TAKE#closed", -2),
                (22, "order_take", "TAKE#active", -2),
                (23, "refund", "REFUND#closed", 2),
                (24, "debt_repayment", "REPAYMENT#REFUND#closed", -2),
            ),
            payments=[payment(2, DEBTOR, 4, status=PaymentStatus.REFUNDED, refunded=4)],
            debt=2,
            active_orders=1,
        ),
        VISITOR: account(VISITOR),
    },
    orders={
        "closed": order("closed", Status.CLOSED_NO_RESPONSE, take(EXECUTOR), take(DEBTOR)),
        "completed": order("completed", Status.COMPLETED, take(EXECUTOR, price=3, refunded=True), responded_at=NOW),
        "active": order("active", Status.ACTIVE, take(DEBTOR)),
        "new": order("new", Status.ACTIVE),
    },
    contacts={
        "free": ContactBooks(None, []),
        "held": ContactBooks("new", [order("new", Status.ACTIVE)]),
        # An hour is over at its last millisecond. The timer that stores the end is late.
        "late": ContactBooks("active", [order("late", Status.ACTIVE, expires_at=NOW), order("active", Status.ACTIVE)]),
    },
)


def everybody(surplus: str) -> Breach:
    return Breach("I3", "everybody", f"balances and revenue less debts are {surplus} to what providers hold")


def off(user_id: int, difference: str) -> Breach:
    return Breach("I1", f"user {user_id}", f"the balance is off by {difference} from the sum of the ledger")


def debt_off(user_id: int, difference: str) -> Breach:
    return Breach("I27", f"user {user_id}", f"the debt is off by {difference} from what is owed and not repaid")


def rating_off(total: str, number: str) -> Breach:
    found = f"the sum of the ratings is off by {total} from the reviews, their number by {number}"
    return Breach("I21", "user 2", found)


def unlinked(user_id: int, entry: int) -> Breach:
    return Breach("I4", f"user {user_id}", f"entry {entry} does not follow from the one before it")


def counter_off(difference: str) -> Breach:
    return Breach(
        "active_orders", "user 1", f"the counter is off by {difference} from the active orders that are stored"
    )


NEGATIVE = "a balance is negative"
NOT_ITS_OWN = "it holds a contact that is not its own any more"
DOES_NOT_HOLD = "it is active and does not hold its contact"
of_payment = "payment {} of user {}".format
of_take = "take of order {} by user {}".format


def test_correct_books_have_no_breach() -> None:
    assert CORRECT.found() == []


OVERDRAWN = account(7, chain(7, (1, "order_take", "TAKE#x", -1), (2, "recharge", "RECHARGE#r", 1)))
PAID_TWICE = account(7, chain(7, (1, "recharge", "RECHARGE#r", 1), (2, "recharge", "RECHARGE#r", 1)))
REPAID_NOTHING = account(
    7, chain(7, (1, "recharge", "RECHARGE#r", 1), (2, "debt_repayment", "REPAYMENT#RECHARGE#r", 0))
)
REPAID_FIRST = account(
    7,
    chain(7, (1, "debt_repayment", "REPAYMENT#x", -1), (2, "recharge", "PAYMENT#yookassa#c8", 1)),
    payments=[payment(8, 7, 1), payment(9, 7, 1, paid_at=None, charge_id=None)],
)
TAKEN_BACK_LESS_THAN_NOTHING = account(
    7,
    chain(7, (1, "recharge", "PAYMENT#yookassa#c8", 5), (2, "recharge", "REVERSAL#yookassa#c8#0", 1)),
    payments=[payment(8, 7, 5, taken_back=-1)],
    debt=1,
)
GIVEN_BACK_TOO_MUCH = account(
    7,
    chain(7, (1, "recharge", "PAYMENT#yookassa#c8", 5), (2, "recharge", "REVERSAL#yookassa#c8#5", -5)),
    payments=[payment(8, 7, 5, refunded=6, taken_back=5)],
    debt=1,
)
TAKEN_BACK_TOO_MUCH = account(
    7,
    chain(7, (1, "recharge", "PAYMENT#yookassa#c8", 5), (2, "recharge", "REVERSAL#yookassa#c8#4", -4)),
    payments=[payment(8, 7, 5, refunded=3, taken_back=4)],
)

PLANTED: dict[str, tuple[World, list[Breach]]] = {
    "a balance too high": (CORRECT.with_user(EXECUTOR, balance=74), [off(2, "+1"), everybody("+1")]),
    "a balance too low": (CORRECT.with_user(EXECUTOR, balance=72), [off(2, "-1"), everybody("-1")]),
    "a balance below zero": (
        CORRECT.with_user(VISITOR, balance=-1),
        [off(6, "-1"), Breach("I2", "user 6", NEGATIVE), everybody("-1")],
    ),
    "a balance that was below zero": (CORRECT.with_new(OVERDRAWN), [Breach("I2", "user 7", NEGATIVE)]),
    "an entry with another balance": (CORRECT.with_entry(EXECUTOR, 13, balance_after=101), [unlinked(2, 13)]),
    "an entry that names another one before it": (CORRECT.with_entry(EXECUTOR, 13, previous_id=11), [unlinked(2, 13)]),
    "a first entry that names one before it": (CORRECT.with_entry(EXECUTOR, 10, previous_id=9), [unlinked(2, 10)]),
    "an entry gone": (
        CORRECT.without_entry(EXECUTOR, 12),
        [off(2, "-2"), unlinked(2, 13), everybody("-2"), Breach("I6", of_take("closed", 2), "cost 2, debited []")],
    ),
    "the last entry gone": (
        CORRECT.without_entry(DEBTOR, 24),
        [off(5, "-2"), Breach("I4", "user 5", "the ledger ends with 23, not with 24"), debt_off(5, "-2")],
    ),
    "a ledger gone": (
        CORRECT.with_new(replace(account(7), user=User(7, last_entry_id=3))),
        [Breach("I4", "user 7", "the ledger ends with 0, not with 3")],
    ),
    "a debit under another cause": (
        CORRECT.with_entry(EXECUTOR, 14, cause="TAKE#went"),
        [Breach("I5", "user 2", "entry 14 stands under TAKE#went")],
    ),
    "a debit under the cause of a refund": (
        CORRECT.with_entry(EXECUTOR, 14, cause="REFUND#gone"),
        [Breach("I5", "user 2", "entry 14 stands under REFUND#gone")],
    ),
    "a refund under the cause of a debit": (
        CORRECT.with_entry(DEBTOR, 23, cause="TAKE#closed"),
        [
            Breach("I5", "user 5", "entry 23 stands under TAKE#closed"),
            Breach("I5", "user 5", "TAKE#closed happened 2 times"),
            Breach("I27", "user 5", "entry 24 repays no debt out of a credit"),
            Breach("I6", of_take("closed", 5), "cost 2, debited [2, -2]"),
            Breach("I7", of_take("closed", 5), "the order is closed_no_response, refunded []"),
        ],
    ),
    "a cause twice": (
        CORRECT.with_new(PAID_TWICE),
        [Breach("I5", "user 7", "RECHARGE#r happened 2 times")],
    ),
    "a debt too high": (CORRECT.with_user(DEBTOR, debt=3), [debt_off(5, "+1"), everybody("-1")]),
    "a debt too low": (CORRECT.with_user(DEBTOR, debt=1), [debt_off(5, "-1"), everybody("+1")]),
    "a debt beside a balance": (
        CORRECT.with_user(EXECUTOR, debt=1),
        [debt_off(2, "+1"), Breach("I27", "user 2", "a debt stands beside a balance"), everybody("-1")],
    ),
    "a repayment of another credit": (
        CORRECT.with_entry(DEBTOR, 24, cause="REPAYMENT#REFUND#x"),
        [Breach("I27", "user 5", "entry 24 repays no debt out of a credit")],
    ),
    "a repayment without a credit": (
        CORRECT.with_new(REPAID_FIRST),
        [
            Breach("I2", "user 7", NEGATIVE),
            Breach("I27", "user 7", "entry 1 repays no debt out of a credit"),
            debt_off(7, "+1"),
            everybody("-1"),
        ],
    ),
    "a repayment of nothing": (
        CORRECT.with_new(REPAID_NOTHING),
        [Breach("I27", "user 7", "entry 2 repays no debt out of a credit")],
    ),
    "a payment credited with another amount": (
        CORRECT.with_payment(1, amount=101),
        [Breach("I8", of_payment(1, 2), "101 paid, credited [100]"), everybody("-1")],
    ),
    "a payment that is not credited": (
        CORRECT.with_payment(4, paid_at=NOW),
        [
            debt_off(2, "-9"),
            Breach("I8", of_payment(4, 2), "9 refunded, credited []"),
        ],
    ),
    "a credit of a payment that is not paid": (
        CORRECT.with_payment(1, paid_at=None),
        [Breach("I8", of_payment(1, 2), "100 paid, credited [100]"), everybody("+70")],
    ),
    "a credit of a payment without a charge": (
        CORRECT.with_payment(1, charge_id=None),
        [Breach("I8", "user 2", "entry 10 has no payment")],
    ),
    "more taken back than the payment says": (
        CORRECT.with_payment(1, taken_back=29),
        [debt_off(2, "-1"), Breach("I8", of_payment(1, 2), "given back 30 of 100, taken 30, not 29")],
    ),
    "more taken back than given back": (
        CORRECT.with_new(TAKEN_BACK_TOO_MUCH),
        [
            debt_off(7, "+1"),
            Breach("I8", of_payment(8, 7), "given back 3 of 5, taken 4, not 4"),
            everybody("-1"),
        ],
    ),
    "less than nothing taken back": (
        CORRECT.with_new(TAKEN_BACK_LESS_THAN_NOTHING),
        [
            Breach("I27", "user 7", "a debt stands beside a balance"),
            Breach("I8", of_payment(8, 7), "given back 0 of 5, taken -1, not -1"),
        ],
    ),
    "more given back than paid": (
        CORRECT.with_new(GIVEN_BACK_TOO_MUCH),
        [Breach("I8", of_payment(8, 7), "given back 6 of 5, taken 5, not 5")],
    ),
    "a rating too high": (CORRECT.with_user(EXECUTOR, rating_sum=10), [rating_off("+1", "+0")]),
    "a rating too many": (CORRECT.with_user(EXECUTOR, rating_count=3), [rating_off("+0", "+1")]),
    "a rating too few": (CORRECT.with_account(EXECUTOR, ratings=[4, 5, 1]), [rating_off("-1", "-1")]),
    "an order counted twice": (CORRECT.with_user(CLIENT, active_orders=3), [counter_off("+1")]),
    "an order not counted": (CORRECT.with_user(CLIENT, active_orders=1), [counter_off("-1")]),
    "a debit without a take": (
        CORRECT.with_order("active", takes={}),
        [Breach("I6", "order active", "entry 22 of user 5 has no take")],
    ),
    "a debit and a refund without a take": (
        CORRECT.with_order("completed", takes={}),
        [
            Breach("I7", "order completed", "entry 16 of user 2 has no take"),
            Breach("I6", "order completed", "entry 13 of user 2 has no take"),
        ],
    ),
    "a take without a debit": (
        CORRECT.with_order("new", takes={6: take(6)}),
        [Breach("I6", of_take("new", 6), "cost 2, debited []")],
    ),
    "a take that says another price": (
        CORRECT.with_order("active", takes={5: take(5, price=3)}),
        [Breach("I6", of_take("active", 5), "cost 3, debited [-2]")],
    ),
    "a refund that is not owed": (
        CORRECT.with_order("completed", takes={2: take(2, price=3)}),
        [Breach("I7", of_take("completed", 2), "the order is completed, refunded [3]")],
    ),
    "a refund that is owed": (
        CORRECT.with_order("active", status=Status.CLOSED_NO_RESPONSE),
        [Breach("I7", of_take("active", 5), "the order is closed_no_response, refunded []")],
    ),
    "a refund of another price": (
        CORRECT.with_order("completed", takes={2: take(2, price=4, refunded=True)}),
        [
            Breach("I6", of_take("completed", 2), "cost 4, debited [-3]"),
            Breach("I7", of_take("completed", 2), "the order is completed, refunded [3]"),
        ],
    ),
    "an active order without a lock": (
        CORRECT.with_contact(None, order("x", Status.ACTIVE)),
        [Breach("I15", "order x", DOES_NOT_HOLD)],
    ),
    "an active order whose lock names an ended one": (
        CORRECT.with_contact("y", order("x", Status.ACTIVE), order("y", Status.ACTIVE, expires_at=NOW)),
        [Breach("I15", "order x", DOES_NOT_HOLD)],
    ),
    "two active orders with one contact": (
        CORRECT.with_contact("y", order("y", Status.ACTIVE), order("x", Status.ACTIVE)),
        [Breach("I15", "order x", DOES_NOT_HOLD), Breach("I15", "order x", "2 active orders have its contact")],
    ),
    "a lock of no order": (CORRECT.with_contact("x"), [Breach("I15", "order x", NOT_ITS_OWN)]),
    "a lock of an order with another contact": (
        CORRECT.with_contact("y", order("x", Status.ACTIVE, expires_at=NOW)),
        [Breach("I15", "order y", NOT_ITS_OWN)],
    ),
}


@pytest.mark.parametrize(("world", "expected"), PLANTED.values(), ids=PLANTED.keys())
def test_each_planted_breach_is_reported(world: World, expected: list[Breach]) -> None:
    """I1 to I8, I15, I21, I27: by its code, its subject and its difference, and nothing else is reported."""
    assert world.found() == expected


def test_every_entry_counts_in_the_surplus_once() -> None:
    """I3: differences of two users that cancel out are no surplus, and I1 reports both."""
    world = CORRECT.with_user(EXECUTOR, balance=74).with_user(VISITOR, balance=-1)
    assert [breach.invariant for breach in world.found()] == ["I1", "I1", "I2"]


def test_entries_of_an_order_that_is_gone_are_not_compared() -> None:
    entries = CORRECT.accounts[EXECUTOR].entries
    assert list(breaches(Books([], [OrderBooks(None, entries)], []), NOW)) == []


def test_breaches_are_equal_by_all_their_fields_and_sorted() -> None:
    one, other = Breach("I1", "user 1", "a"), Breach("I1", "user 1", "b")
    assert {one, replace(one)} == {one} != {one, other}
    assert sorted([other, one]) == [one, other]
