"""The ledger: an append-only chain of entries whose sum is the balance."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InsufficientBalance
from shared.domain.money import (
    MAX_RECHARGE,
    MIN_RECHARGE,
    TAKE_PRICE,
    BalanceChange,
    LedgerEntry,
    credit_of_payment,
    debit_for_take,
    is_payment,
    is_test_money,
    payment_cause,
    recharge,
    refund_of_take,
    reversal_cause,
    reversal_of_payment,
)
from shared.domain.user import User

NOW = 1_790_000_000_000
RICH = User(7, balance=10, last_entry_id=500)


def paid_in(user: User, amount: int, entry_id: int, now: int = NOW, request: str = "r") -> BalanceChange:
    return recharge(user, request=request, amount=amount, method="telegram_stars", entry_id=entry_id, now=now)


def only(change: BalanceChange) -> LedgerEntry:
    """The only entry of a change that leaves the debt as it was."""
    [entry] = change.entries
    assert change == BalanceChange(change.before, (entry,), change.before.debt)
    assert change.balance == entry.balance_after
    return entry


def after(change: BalanceChange) -> User:
    """The user after the transaction that writes the change."""
    last = change.entries[-1].id if change.entries else change.before.last_entry_id
    return replace(change.before, balance=change.balance, debt=change.debt, last_entry_id=last)


def test_the_amounts_are_the_contracts() -> None:
    """In roubles: the price of a take, and the minimum and maximum of one payment."""
    assert (TAKE_PRICE, MIN_RECHARGE, MAX_RECHARGE) == (2, 1, 100_000)


def test_fields_of_a_ledger_entry() -> None:
    """I5: an entry is stored under its cause, the idempotency key."""
    assert only(debit_for_take(RICH, order_id="order", price=2, entry_id=600, now=NOW)) == LedgerEntry(
        id=600,
        previous_id=500,
        user_id=7,
        type="order_take",
        cause="TAKE#order",
        amount=-2,
        balance_after=8,
        created_at=NOW,
        order_id="order",
    )
    assert only(refund_of_take(RICH, order_id="order", price=5, entry_id=600, now=NOW)) == LedgerEntry(
        id=600,
        previous_id=500,
        user_id=7,
        type="refund",
        cause="REFUND#order",
        amount=5,
        balance_after=15,
        created_at=NOW,
        order_id="order",
    )
    assert only(paid_in(RICH, 100, 600)) == LedgerEntry(
        id=600,
        previous_id=500,
        user_id=7,
        type="recharge",
        cause="RECHARGE#r",
        amount=100,
        balance_after=110,
        created_at=NOW,
        payment_method="telegram_stars",
    )


def test_entries_of_charges_and_refunds() -> None:
    """I5, I8: the cause is the provider's own id of the charge or refund; only a charge is a payment."""
    credit = only(credit_of_payment(RICH, provider="yookassa", charge_id="c", amount=100, entry_id=600, now=NOW))
    assert credit == LedgerEntry(
        id=600,
        previous_id=500,
        user_id=7,
        type="recharge",
        cause="PAYMENT#yookassa#c",
        amount=100,
        balance_after=110,
        created_at=NOW,
        payment_method="yookassa",
    )
    reversal = only(take_back(RICH, 10))
    assert reversal == LedgerEntry(
        id=600,
        previous_id=500,
        user_id=7,
        type="recharge",
        cause="REVERSAL#yookassa#c#30",
        amount=-10,
        balance_after=0,
        created_at=NOW,
        payment_method="yookassa",
    )
    assert (payment_cause("yookassa", "c"), reversal_cause("yookassa", "c", 30)) == (credit.cause, reversal.cause)
    assert reversal_cause("yookassa", "c", "") == "REVERSAL#yookassa#c#"
    debit = only(debit_for_take(RICH, order_id="o", price=2, entry_id=1, now=NOW))
    entries = [credit, reversal, only(paid_in(RICH, 1, 1)), debit]
    assert [is_payment(entry) for entry in entries] == [True, False, False, False]
    assert [is_test_money(entry) for entry in entries] == [False, False, True, False]


def test_a_reversal_beyond_the_balance_becomes_a_debt() -> None:
    """I2, I27: the entry has what was there, and the debt has the rest."""
    change = take_back(RICH, 11)
    assert [(entry.amount, entry.balance_after) for entry in change.entries] == [(-10, 0)]
    assert (change.before, change.balance, change.debt) == (RICH, 0, 1)
    more = take_back(after(change), 3)
    assert more == BalanceChange(after(change), (), 4)
    assert more.balance == 0


CREDITS: list[Callable[[User, int], BalanceChange]] = [
    lambda user, amount: paid_in(user, amount, 600),
    lambda user, amount: refund_of_take(user, order_id="order", price=amount, entry_id=600, now=NOW),
    lambda user, amount: credit_of_payment(
        user, provider="yookassa", charge_id="c", amount=amount, entry_id=600, now=NOW
    ),
]


@pytest.mark.parametrize("credit", CREDITS, ids=["recharge", "refund", "payment"])
@pytest.mark.parametrize(
    ("amount", "repaid", "balance", "debt"), [(1, 1, 0, 3), (3, 3, 0, 1), (4, 4, 0, 0), (5, 4, 1, 0), (100, 4, 96, 0)]
)
def test_a_credit_repays_a_debt_in_a_second_entry(
    credit: Callable[[User, int], BalanceChange], amount: int, repaid: int, balance: int, debt: int
) -> None:
    """I5, I27: the credit keeps its full amount; the repayment's cause is derived from the credit's."""
    user = User(7, debt=4, last_entry_id=500)
    change = credit(user, amount)
    whole, repayment = change.entries
    assert whole == credit(replace(user, debt=0), amount).entries[0]
    assert (whole.amount, whole.balance_after) == (amount, amount)
    assert repayment == LedgerEntry(
        id=601,
        previous_id=600,
        user_id=7,
        type="debt_repayment",
        cause=f"REPAYMENT#{whole.cause}",
        amount=-repaid,
        balance_after=balance,
        created_at=NOW,
    )
    assert (change.before, change.balance, change.debt) == (user, balance, debt)


def test_a_debit_leaves_a_debt_as_it_is() -> None:
    assert debit_for_take(replace(RICH, debt=3), order_id="order", price=2, entry_id=1, now=NOW).debt == 3


def take_back(user: User, amount: int, entry_id: int = 600) -> BalanceChange:
    return reversal_of_payment(
        user, provider="yookassa", charge_id="c", refunded=30, amount=amount, entry_id=entry_id, now=NOW
    )


def test_causes_differ_by_order_and_by_direction() -> None:
    """I5, I6, I7."""
    causes = {
        only(build(RICH, order_id=order, price=2, entry_id=1, now=NOW)).cause
        for build in (debit_for_take, refund_of_take)
        for order in ("a", "b")
    }
    assert len(causes | {only(paid_in(RICH, 1, 1, request=request)).cause for request in ("a", "b")}) == 6


@pytest.mark.parametrize(("balance", "price"), [(2, 2), (3, 2), (7, 7)])
def test_a_balance_may_go_down_to_zero(balance: int, price: int) -> None:
    change = debit_for_take(replace(RICH, balance=balance), order_id="order", price=price, entry_id=1, now=NOW)
    assert only(change).balance_after == balance - price


@pytest.mark.parametrize(("balance", "price"), [(0, 2), (1, 2), (6, 7)])
def test_a_balance_never_goes_below_zero(balance: int, price: int) -> None:
    """I2."""
    with pytest.raises(InsufficientBalance):
        debit_for_take(replace(RICH, balance=balance), order_id="order", price=price, entry_id=1, now=NOW)


def test_a_clock_that_goes_back_does_not_reorder_the_ledger() -> None:
    """F15: an id is greater than the previous one, whatever the clock says."""
    entry = only(paid_in(RICH, 1, entry_id=499))
    assert (entry.id, entry.previous_id) == (501, 500)
    assert only(paid_in(RICH, 1, entry_id=500)).id == 501
    assert only(paid_in(RICH, 1, entry_id=502)).id == 502
    assert [entry.id for entry in paid_in(replace(RICH, balance=0, debt=1), 1, entry_id=499).entries] == [501, 502]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["recharge", "take", "refund", "reversal"]),
            st.integers(1, 50),
            st.integers(0, 2**53 - 1_000_000),  # an id from a clock that may show any time
        )
    )
)
def test_every_ledger_is_a_chain_that_adds_up(changes: list[tuple[str, int, int]]) -> None:
    """I1, I2, I27, F15."""
    user = User(7)
    entries: list[LedgerEntry] = []
    owed = 0
    for number, (kind, amount, entry_id) in enumerate(changes):
        order_id = f"order{number}"
        if kind == "recharge":
            change = paid_in(user, amount, entry_id, request=order_id)
        elif kind == "refund":
            change = refund_of_take(user, order_id=order_id, price=amount, entry_id=entry_id, now=NOW)
        elif kind == "reversal":
            change = take_back(user, amount, entry_id)
            owed += amount - (user.balance - change.balance)
        elif user.balance < amount:
            with pytest.raises(InsufficientBalance):
                debit_for_take(user, order_id=order_id, price=amount, entry_id=entry_id, now=NOW)
            continue
        else:
            change = debit_for_take(user, order_id=order_id, price=amount, entry_id=entry_id, now=NOW)
        entries += change.entries
        user = after(change)
        assert 0 in (user.balance, user.debt)
        assert user.debt >= 0
    assert user.balance == sum(entry.amount for entry in entries) >= 0
    assert user.debt == owed + sum(entry.amount for entry in entries if entry.type == "debt_repayment")
    ids = [0, *(entry.id for entry in entries)]
    assert ids == sorted(set(ids))
    assert [entry.previous_id for entry in entries] == ids[:-1]
    assert all(entry.balance_after >= 0 for entry in entries)
