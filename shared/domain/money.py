"""Money: whole roubles, changed only together with a ledger entry that says why.

An entry's *cause* is what makes it happen once: a take of an order by a user, the refund of that take, money that a
provider took from him or gave back to him.
Whoever writes an entry puts it under its cause, so a second one for the same cause cannot exist.

A user's entries are a chain: each names the one before it, and its id is above that one's whatever the clocks say.
The end of the chain stands in the user beside his balance; a write holds both to what it was computed from.
"""

from dataclasses import dataclass
from typing import Literal

from shared.domain.errors import InsufficientBalance
from shared.domain.user import User

EntryType = Literal["recharge", "order_take", "refund"]

TAKE_PRICE = 2
MIN_RECHARGE = 1
MAX_RECHARGE = 100_000


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of one balance.

    `amount` is signed: what a take costs is negative. `id` grows with time and is what the API shows; `previous_id`
    is the entry before it, 0 for a user's first.
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


def take_cause(order_id: str) -> str:
    """The cause of a debit: this user's take of this order."""
    return f"TAKE#{order_id}"


def refund_cause(order_id: str) -> str:
    """The cause of a refund: the take that it gives back."""
    return f"REFUND#{order_id}"


def recharge_cause(request: str) -> str:
    """The cause of a local recharge: the request that asked for it."""
    return f"RECHARGE#{request}"


def payment_cause(provider: str, charge_id: str) -> str:
    """The cause of a credit: the money that a provider took, by its own name."""
    return f"PAYMENT#{provider}#{charge_id}"


def reversal_cause(provider: str, charge_id: str, refunded: int | Literal[""]) -> str:
    """The cause of taking back: a provider had given back `refunded` roubles of that money by then.

    Without `refunded`, what every such cause begins with.
    """
    return f"REVERSAL#{provider}#{charge_id}#{refunded}"


def is_payment(entry: LedgerEntry) -> bool:
    """Whether the entry credits what a provider took."""
    return entry.cause.startswith("PAYMENT#")


def debit_for_take(user: User, *, order_id: str, price: int, entry_id: int, now: int) -> LedgerEntry:
    """The entry that pays `price` roubles for the user's take of an order. Raises InsufficientBalance."""
    if user.balance < price:
        raise InsufficientBalance
    return _entry(user, "order_take", take_cause(order_id), -price, entry_id, now, order_id=order_id)


def refund_of_take(user: User, *, order_id: str, price: int, entry_id: int, now: int) -> LedgerEntry:
    """The entry that gives the user back the `price` roubles that he paid for an order."""
    return _entry(user, "refund", refund_cause(order_id), price, entry_id, now, order_id=order_id)


def recharge(user: User, *, request: str, amount: int, method: str, entry_id: int, now: int) -> LedgerEntry:
    """The entry that credits the user with `amount` roubles for `request`, any text that names it alone."""
    return _entry(user, "recharge", recharge_cause(request), amount, entry_id, now, payment_method=method)


def credit_of_payment(
    user: User, *, provider: str, charge_id: str, amount: int, entry_id: int, now: int
) -> LedgerEntry:
    """The entry that credits the user with `amount` roubles that a provider took from him."""
    return _entry(user, "recharge", payment_cause(provider, charge_id), amount, entry_id, now, payment_method=provider)


def reversal_of_payment(
    user: User, *, provider: str, charge_id: str, refunded: int, amount: int, entry_id: int, now: int
) -> LedgerEntry:
    """The entry that takes back `amount` roubles of a payment: a recharge below zero.

    `refunded` is what the provider gave back of it so far. Raises InsufficientBalance.
    """
    if user.balance < amount:
        raise InsufficientBalance
    cause = reversal_cause(provider, charge_id, refunded)
    return _entry(user, "recharge", cause, -amount, entry_id, now, payment_method=provider)


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
