"""The memory and the time of the audit of many ledger entries: `python -m tests.bench.audited ENTRIES`.

The items of the table are made as the audit reads them. So the time has no call to DynamoDB and no parsing by botocore.
"""

import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields

import tests.conftest  # noqa: F401 - the functions' environment, before anything of ours is imported
from shared.domain.audit import breaches
from shared.domain.money import BalanceChange, LedgerEntry, credit_of_payment, debit_for_take
from shared.domain.order import Order, Status, Take
from shared.domain.payment import Currency, Payment, Provider
from shared.domain.payment import Status as Paid
from shared.domain.user import User
from shared.store import books, keys, orders, payments
from shared.store.table import Item

NOW = 1_800_000_000_000
ENTRIES_OF_USER = 100
_PRICE = 2
_CLIENT = 1
_FIELDS = [field.name for field in fields(LedgerEntry)]


def items(entries: int) -> Iterator[Item]:
    """Yield consistent books of so many ledger entries. Each user topped up once and took 99 orders."""
    users = entries // ENTRIES_OF_USER
    for user_id in range(2, users + 2):
        yield from _user(user_id)
    # A Scan returns an order far from the debit for it.
    for number in range(1, ENTRIES_OF_USER):
        for user_id in range(2, users + 2):
            yield _order(user_id, number)


def _user(user_id: int) -> Iterator[Item]:
    amount = ENTRIES_OF_USER * _PRICE
    charge = f"charge-{user_id}"
    credit = credit_of_payment(
        User(user_id), provider=Provider.YOOKASSA, charge_id=charge, amount=amount, entry_id=1, now=NOW
    )
    user, written = _after(credit)
    yield written
    for number in range(1, ENTRIES_OF_USER):
        order_id = _order_id(user_id, number)
        user, written = _after(debit_for_take(user, order_id=order_id, price=_PRICE, entry_id=number + 1, now=NOW))
        yield written
    yield {**keys.user(user_id), "balance": user.balance, "last_entry_id": user.last_entry_id, "first_name": "Мария"}
    yield payments._item(
        Payment(
            id=user_id,
            user_id=user_id,
            provider=Provider.YOOKASSA,
            amount=amount,
            price=amount * 100,
            currency=Currency.RUB,
            created_at=NOW,
            expires_at=NOW,
            status=Paid.PAID,
            charge_id=charge,
            paid_at=NOW,
        )
    )


def _after(change: BalanceChange) -> tuple[User, Item]:
    [entry] = change.entries
    item = {**keys.ledger_entry(entry.user_id, entry.cause), **{name: getattr(entry, name) for name in _FIELDS}}
    return User(entry.user_id, balance=entry.balance_after, last_entry_id=entry.id), item


def _order(user_id: int, number: int) -> Item:
    order = Order(
        id=_order_id(user_id, number),
        client_id=_CLIENT,
        category="Сантехника",
        city="Казань",
        description="Прорвало трубу на кухне под раковиной, вода на полу, кран на стояке не закрывается. " * 3,
        contact="@pipe",
        contact_key="0" * 64,
        created_at=NOW,
        expires_at=NOW,
        status=Status.COMPLETED,
    )
    take = Take(user_id, taken_at=NOW, price=_PRICE, executor_count=1)
    return {**orders._item(order), "takes": {str(user_id): asdict(take)}, "responded_at": NOW, "ended_at": NOW}


def _order_id(user_id: int, number: int) -> str:
    return f"{user_id:08d}{number:04d}"


def audit(entries: int) -> int:
    """Audit books of so many entries; return the number of breaches."""
    return found(items(entries))


def found(of: Iterable[Item]) -> int:
    """Return the number of breaches in the books of these items."""
    with books.sort(of) as read:
        return sum(1 for _ in breaches(read, NOW))


def main() -> None:
    """Print what an audit of so many entries finds, its time, and the most memory that the process had."""
    entries = int(sys.argv[1])
    began = time.process_time()
    for _ in items(entries):
        pass
    made = time.process_time() - began
    number = audit(entries)
    seconds = time.process_time() - began - 2 * made
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{entries} entries, {number} breaches, {seconds:.0f} s of processor time, at most {memory} MB in all")


if __name__ == "__main__":
    main()
