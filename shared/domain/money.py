"""Money: whole roubles, changed only together with a ledger entry that says why.

An entry's *cause* is what makes it happen once: a take of an order by a user, the refund of that take,
one recharge. Whoever writes an entry puts it under its cause, so a second one for the same cause cannot exist.
"""

from dataclasses import dataclass
from typing import Literal

from shared.domain.errors import InsufficientBalance

EntryType = Literal["recharge", "order_take", "refund"]

TAKE_PRICE = 2
MIN_RECHARGE = 1
MAX_RECHARGE = 100_000


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of one balance.

    `amount` is signed: what a take costs is negative. `id` grows with time and is what the API shows.
    """

    id: int
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


def recharge_cause(entry_id: int) -> str:
    """The cause of a local recharge: itself."""
    return f"RECHARGE#{entry_id}"


def debit_for_take(*, entry_id: int, user_id: int, order_id: str, balance: int, price: int, now: int) -> LedgerEntry:
    """The ledger entry that pays `price` roubles for a take out of `balance`.

    Raises InsufficientBalance.
    """
    if balance < price:
        raise InsufficientBalance
    return LedgerEntry(
        id=entry_id,
        user_id=user_id,
        type="order_take",
        cause=take_cause(order_id),
        amount=-price,
        balance_after=balance - price,
        created_at=now,
        order_id=order_id,
    )


def recharge(*, entry_id: int, user_id: int, amount: int, balance: int, method: str, now: int) -> LedgerEntry:
    """The ledger entry that credits `amount` roubles to `balance`."""
    return LedgerEntry(
        id=entry_id,
        user_id=user_id,
        type="recharge",
        cause=recharge_cause(entry_id),
        amount=amount,
        balance_after=balance + amount,
        created_at=now,
        payment_method=method,
    )
