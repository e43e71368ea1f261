"""The ledger: an append-only chain of entries whose sum is the balance."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InsufficientBalance
from shared.domain.money import (
    MAX_RECHARGE,
    MIN_RECHARGE,
    TAKE_PRICE,
    LedgerEntry,
    credit_of_payment,
    debit_for_take,
    is_payment,
    payment_cause,
    recharge,
    refund_of_take,
    reversal_cause,
    reversal_of_payment,
)
from shared.domain.user import User

NOW = 1_790_000_000_000
RICH = User(7, balance=10, last_entry_id=500)


def paid_in(user: User, amount: int, entry_id: int, now: int = NOW, request: str = "r") -> LedgerEntry:
    return recharge(user, request=request, amount=amount, method="telegram_stars", entry_id=entry_id, now=now)


def after(user: User, entry: LedgerEntry) -> User:
    """The user after the transaction that writes the entry."""
    return replace(user, balance=entry.balance_after, last_entry_id=entry.id)


def test_the_amounts_are_the_contracts() -> None:
    """In roubles: the price of a take, and the minimum and maximum of one payment."""
    assert (TAKE_PRICE, MIN_RECHARGE, MAX_RECHARGE) == (2, 1, 100_000)


def test_fields_of_a_ledger_entry() -> None:
    """I5: an entry is stored under its cause, the idempotency key."""
    assert debit_for_take(RICH, order_id="order", price=2, entry_id=600, now=NOW) == LedgerEntry(
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
    assert refund_of_take(RICH, order_id="order", price=5, entry_id=600, now=NOW) == LedgerEntry(
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
    assert paid_in(RICH, 100, 600) == LedgerEntry(
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
    credit = credit_of_payment(RICH, provider="yookassa", charge_id="c", amount=100, entry_id=600, now=NOW)
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
    reversal = take_back(RICH, 10)
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
    entries = [credit, reversal, paid_in(RICH, 1, 1), debit_for_take(RICH, order_id="o", price=2, entry_id=1, now=NOW)]
    assert [is_payment(entry) for entry in entries] == [True, False, False, False]


def test_a_refund_never_takes_more_than_the_balance() -> None:
    """I2."""
    with pytest.raises(InsufficientBalance):
        take_back(RICH, 11)


def take_back(user: User, amount: int) -> LedgerEntry:
    return reversal_of_payment(
        user, provider="yookassa", charge_id="c", refunded=30, amount=amount, entry_id=600, now=NOW
    )


def test_causes_differ_by_order_and_by_direction() -> None:
    """I5, I6, I7."""
    causes = {
        build(RICH, order_id=order, price=2, entry_id=1, now=NOW).cause
        for build in (debit_for_take, refund_of_take)
        for order in ("a", "b")
    }
    assert len(causes | {paid_in(RICH, 1, 1, request="a").cause, paid_in(RICH, 1, 1, request="b").cause}) == 6


@pytest.mark.parametrize(("balance", "price"), [(2, 2), (3, 2), (7, 7)])
def test_a_balance_may_go_down_to_zero(balance: int, price: int) -> None:
    entry = debit_for_take(replace(RICH, balance=balance), order_id="order", price=price, entry_id=1, now=NOW)
    assert entry.balance_after == balance - price


@pytest.mark.parametrize(("balance", "price"), [(0, 2), (1, 2), (6, 7)])
def test_a_balance_never_goes_below_zero(balance: int, price: int) -> None:
    """I2."""
    with pytest.raises(InsufficientBalance):
        debit_for_take(replace(RICH, balance=balance), order_id="order", price=price, entry_id=1, now=NOW)


def test_a_clock_that_goes_back_does_not_reorder_the_ledger() -> None:
    """F15: an id is greater than the previous one, whatever the clock says."""
    entry = paid_in(RICH, 1, entry_id=499)
    assert (entry.id, entry.previous_id) == (501, 500)
    assert paid_in(RICH, 1, entry_id=500).id == 501
    assert paid_in(RICH, 1, entry_id=502).id == 502


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["recharge", "take", "refund"]),
            st.integers(1, 50),
            st.integers(0, 2**53 - 1_000_000),  # an id from a clock that may show any time
        )
    )
)
def test_every_ledger_is_a_chain_that_adds_up(changes: list[tuple[str, int, int]]) -> None:
    """I1, I2, F15."""
    user = User(7)
    entries: list[LedgerEntry] = []
    for number, (kind, amount, entry_id) in enumerate(changes):
        order_id = f"order{number}"
        if kind == "recharge":
            entry = paid_in(user, amount, entry_id, request=order_id)
        elif kind == "refund":
            entry = refund_of_take(user, order_id=order_id, price=amount, entry_id=entry_id, now=NOW)
        elif user.balance < amount:
            with pytest.raises(InsufficientBalance):
                debit_for_take(user, order_id=order_id, price=amount, entry_id=entry_id, now=NOW)
            continue
        else:
            entry = debit_for_take(user, order_id=order_id, price=amount, entry_id=entry_id, now=NOW)
        entries.append(entry)
        user = after(user, entry)
    assert user.balance == sum(entry.amount for entry in entries) >= 0
    ids = [0, *(entry.id for entry in entries)]
    assert ids == sorted(set(ids))
    assert [entry.previous_id for entry in entries] == ids[:-1]
    assert all(entry.balance_after >= 0 for entry in entries)
