"""Money: whole roubles. A balance changes only together with a ledger entry.

An entry's *cause* makes it idempotent. A cause is a take of an order by a user, the refund of that take, or money that
a provider took from the user or gave back. The cause is part of the entry's key, so no cause has a second entry.

A *debt* is money that a provider took back after the user had spent it. It stands beside the balance, so that a balance
is never negative. Every credit repays as much of it as it covers, in an entry of its own. So a debt and a balance are
never above 0 together.

A user's entries form a chain. Each entry names the previous one and has a greater id, even if clocks differ. The user
item holds the id of the last entry beside the balance. A write requires that the last entry and the debt are still
those from which it was computed (optimistic concurrency).
"""

from dataclasses import dataclass, replace
from typing import Literal

from shared.domain.errors import InsufficientBalance
from shared.domain.user import User

EntryType = Literal["recharge", "order_take", "refund", "debt_repayment"]

TAKE_PRICE = 2
MIN_RECHARGE = 1
MAX_RECHARGE = 100_000


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of one balance.

    `amount` is signed: the debit for a take is negative. `id` grows with time and is shown by the API. `previous_id`
    is the id of the previous entry, 0 for a user's first.
    """

    id: int
    previous_id: int
    user_id: int
    type: EntryType
    cause: str
    amount: int
    balance_after: int
    created_at: int
    order_id: str | None = None
    payment_method: str | None = None


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """A change of the balance and the debt of `before`, the user as read.

    `entries` are written with it in one transaction, the oldest first. None of them is written when only the debt
    grows. `debt`: the debt after the change, in roubles.
    """

    before: User
    entries: tuple[LedgerEntry, ...]
    debt: int

    @property
    def balance(self) -> int:
        """The balance after the change, in roubles."""
        return self.entries[-1].balance_after if self.entries else self.before.balance


def take_cause(order_id: str) -> str:
    """Return the cause of a debit: the user's take of this order."""
    return f"TAKE#{order_id}"


def refund_cause(order_id: str) -> str:
    """Return the cause of a refund: the user's take of this order, whose price is returned."""
    return f"REFUND#{order_id}"


def recharge_cause(request: str) -> str:
    """Return the cause of a recharge on a local stage: the request."""
    return f"RECHARGE#{request}"


def payment_cause(provider: str, charge_id: str) -> str:
    """Return the cause of a credit: the charge, by the provider's id."""
    return f"PAYMENT#{provider}#{charge_id}"


def reversal_cause(provider: str, charge_id: str, refunded: int | Literal[""]) -> str:
    """Return the cause of a reversal: the provider has given back `refunded` roubles of the charge in total.

    With `refunded=""`, return the common prefix of these causes.
    """
    return f"REVERSAL#{provider}#{charge_id}#{refunded}"


def repayment_cause(credit: str) -> str:
    """Return the cause of a debt's repayment: the cause of the credit that it follows, which it is idempotent with."""
    return f"REPAYMENT#{credit}"


def is_payment(entry: LedgerEntry) -> bool:
    """Whether the entry credits a charge of a provider."""
    return entry.cause.startswith("PAYMENT#")


def is_test_money(entry: LedgerEntry) -> bool:
    """Whether the entry is a recharge on a local stage, for which nobody paid."""
    return entry.cause.startswith("RECHARGE#")


def debit_for_take(user: User, *, order_id: str, price: int, entry_id: int, now: int) -> BalanceChange:
    """Return the change that debits `price` roubles for the user's take of an order. Raises InsufficientBalance."""
    if user.balance < price:
        raise InsufficientBalance
    debit = _entry(user, "order_take", take_cause(order_id), -price, entry_id, now, order_id=order_id)
    return BalanceChange(user, (debit,), user.debt)


def refund_of_take(user: User, *, order_id: str, price: int, entry_id: int, now: int) -> BalanceChange:
    """Return the change that refunds the `price` roubles that the user paid for an order."""
    return _credited(_entry(user, "refund", refund_cause(order_id), price, entry_id, now, order_id=order_id), user)


def recharge(user: User, *, request: str, amount: int, method: str, entry_id: int, now: int) -> BalanceChange:
    """Return the change that credits `amount` roubles for `request`, a text that is unique for each request."""
    cause = recharge_cause(request)
    return _credited(_entry(user, "recharge", cause, amount, entry_id, now, payment_method=method), user)


def credit_of_payment(
    user: User, *, provider: str, charge_id: str, amount: int, entry_id: int, now: int
) -> BalanceChange:
    """Return the change that credits the user with the `amount` roubles that a provider took."""
    cause = payment_cause(provider, charge_id)
    return _credited(_entry(user, "recharge", cause, amount, entry_id, now, payment_method=provider), user)


def reversal_of_payment(
    user: User, *, provider: str, charge_id: str, refunded: int, amount: int, entry_id: int, now: int
) -> BalanceChange:
    """Return the change that takes back `amount` roubles of a payment: a recharge with a negative amount.

    `refunded` is the total that the provider has given back so far, in roubles. What the balance does not cover
    becomes a debt. An empty balance gives no entry.
    """
    taken = min(amount, user.balance)
    debt = user.debt + amount - taken
    if not taken:
        return BalanceChange(user, (), debt)
    cause = reversal_cause(provider, charge_id, refunded)
    reversal = _entry(user, "recharge", cause, -taken, entry_id, now, payment_method=provider)
    return BalanceChange(user, (reversal,), debt)


def _credited(credit: LedgerEntry, user: User) -> BalanceChange:
    """Return the change of a credit, which repays as much of the user's debt as the balance then covers."""
    repaid = min(user.debt, credit.balance_after)
    if not repaid:
        return BalanceChange(user, (credit,), user.debt)
    debtor = replace(user, balance=credit.balance_after, last_entry_id=credit.id)
    cause = repayment_cause(credit.cause)
    repayment = _entry(debtor, "debt_repayment", cause, -repaid, credit.id, credit.created_at)
    return BalanceChange(user, (credit, repayment), user.debt - repaid)


def _entry(
    user: User,
    type: EntryType,
    cause: str,
    amount: int,
    entry_id: int,
    now: int,
    *,
    order_id: str | None = None,
    payment_method: str | None = None,
) -> LedgerEntry:
    return LedgerEntry(
        id=max(entry_id, user.last_entry_id + 1),
        previous_id=user.last_entry_id,
        user_id=user.id,
        type=type,
        cause=cause,
        amount=amount,
        balance_after=user.balance + amount,
        created_at=now,
        order_id=order_id,
        payment_method=payment_method,
    )
