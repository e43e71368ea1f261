"""Reconciliation: recompute the books from the stored items and report every breach of an invariant."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from shared.domain.money import (
    LedgerEntry,
    is_payment,
    is_test_money,
    payment_cause,
    refund_cause,
    repayment_cause,
    reversal_cause,
    take_cause,
)
from shared.domain.order import Order, Status, is_refunded
from shared.domain.payment import Payment
from shared.domain.review import Review
from shared.domain.user import User


@dataclass(frozen=True, slots=True)
class Lock:
    """A contact lock: the order that holds the contact, and until when (epoch ms)."""

    contact_key: str
    order_id: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that the audit compares: users, ledger entries, orders, locks, reviews, payments."""

    users: dict[int, User] = field(default_factory=dict)
    entries: dict[int, list[LedgerEntry]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[str, Order] = field(default_factory=dict)
    locks: list[Lock] = field(default_factory=list)
    reviews: dict[int, list[Review]] = field(default_factory=lambda: defaultdict(list))
    payments: list[Payment] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """A breach of an invariant: its code, the user or item that it concerns, and what was found."""

    invariant: str
    subject: str
    found: str = field(compare=False)


def breaches(books: Books, now: int) -> list[Breach]:
    """Return every breach of I1 to I8, I15, I21, I27 and of the count of active orders, at `now` (epoch ms)."""
    return sorted(
        chain(
            *(_of_ledger(books.users.get(user, User(user)), books.entries[user]) for user in _with_ledgers(books)),
            _of_the_whole(books),
            _of_debts(books),
            *(_of_order(order, books.entries) for order in books.orders.values()),
            *(_of_debits(entries, books.orders) for entries in books.entries.values()),
            _of_payments(books),
            _of_locks(books, now),
            *(_of_rating(user, books.reviews.get(user.id, [])) for user in books.users.values()),
            _of_counters(books),
        )
    )


def _with_ledgers(books: Books) -> set[int]:
    return {user.id for user in books.users.values() if user.balance or user.last_entry_id} | set(books.entries)


def _of_ledger(user: User, entries: Iterable[LedgerEntry]) -> Iterator[Breach]:
    subject = f"user {user.id}"
    entries = sorted(entries, key=lambda entry: entry.id)
    total = sum(entry.amount for entry in entries)
    if total != user.balance:
        yield Breach("I1", subject, f"the balance is {user.balance}, the ledger adds up to {total}")
    if user.balance < 0 or any(entry.balance_after < 0 for entry in entries):
        yield Breach("I2", subject, "a balance is negative")
    previous, balance = 0, 0
    for entry in entries:
        balance += entry.amount
        if (entry.previous_id, entry.balance_after) != (previous, balance):
            yield Breach("I4", subject, f"entry {entry.id} does not follow from the one before it")
            break
        previous = entry.id
    else:
        if previous != user.last_entry_id:
            yield Breach("I4", subject, f"the ledger ends with {previous}, not with {user.last_entry_id}")
    for entry in entries:
        if entry.order_id is not None:
            key = refund_cause(entry.order_id) if entry.type == "refund" else take_cause(entry.order_id)
            if entry.cause != key:
                yield Breach("I5", subject, f"entry {entry.id} stands under {entry.cause}")
    for cause, count in Counter(entry.cause for entry in entries).items():
        if count > 1:
            yield Breach("I5", subject, f"{cause} happened {count} times")


def _of_the_whole(books: Books) -> Iterator[Breach]:
    entries = list(chain.from_iterable(books.entries.values()))
    balances = sum(user.balance for user in books.users.values())
    debts = sum(user.debt for user in books.users.values())
    revenue = -sum(entry.amount for entry in entries if entry.type in ("order_take", "refund"))
    # From the payments: what the ledger says was paid in follows from I1, and could never differ.
    settled = [payment for payment in books.payments if payment.paid_at is not None]
    paid = sum(payment.amount - payment.refunded for payment in settled)
    paid += sum(entry.amount for entry in entries if is_test_money(entry))
    if balances + revenue - debts != paid:
        found = f"balances {balances} and revenue {revenue} less debts {debts} are not the {paid} that providers hold"
        yield Breach("I3", "everybody", found)


def _of_debts(books: Books) -> Iterator[Breach]:
    owed = Counter[int]()
    for payment in books.payments:
        owed[payment.user_id] += payment.debt
    for user_id, entries in books.entries.items():
        before = {entry.id: entry for entry in entries}
        for entry in entries:
            if entry.type != "debt_repayment":
                continue
            owed[user_id] += entry.amount
            credit = before.get(entry.previous_id)
            is_of_credit = credit is not None and entry.cause == repayment_cause(credit.cause)
            if not is_of_credit or entry.amount >= 0:
                yield Breach("I27", f"user {user_id}", f"entry {entry.id} repays no debt out of a credit")
    for user in books.users.values():
        if user.debt != owed[user.id]:
            yield Breach("I27", f"user {user.id}", f"the debt is {user.debt}, owed and not repaid are {owed[user.id]}")
        if user.debt and user.balance:
            yield Breach("I27", f"user {user.id}", f"a debt of {user.debt} stands beside a balance of {user.balance}")


def _of_order(order: Order, ledgers: dict[int, list[LedgerEntry]]) -> Iterator[Breach]:
    for take in order.takes.values():
        subject = f"take of order {order.id} by user {take.executor_id}"
        entries = ledgers.get(take.executor_id, [])
        paid = [entry.amount for entry in entries if entry.cause == take_cause(order.id)]
        if paid != [-take.price]:
            yield Breach("I6", subject, f"cost {take.price}, debited {paid}")
        back = [entry.amount for entry in entries if entry.cause == refund_cause(order.id)]
        if back != ([take.price] if is_refunded(order, take) else []):
            yield Breach("I7", subject, f"the order is {order.status}, refunded {back}")


def _of_debits(entries: Iterable[LedgerEntry], orders: dict[str, Order]) -> Iterator[Breach]:
    for entry in entries:
        order = orders.get(entry.order_id or "")
        # Orders are removed after their retention; a debit for a removed order cannot be compared.
        if order is not None and entry.user_id not in order.takes:
            invariant = "I7" if entry.type == "refund" else "I6"
            yield Breach(invariant, f"order {order.id}", f"entry {entry.id} of user {entry.user_id} has no take")


def _of_payments(books: Books) -> Iterator[Breach]:
    paid: set[tuple[int, str]] = set()
    for payment in books.payments:
        if payment.charge_id is None:
            continue
        subject = f"payment {payment.id} of user {payment.user_id}"
        entries = books.entries.get(payment.user_id, [])
        credit = payment_cause(payment.provider, payment.charge_id)
        credited = [entry.amount for entry in entries if entry.cause == credit]
        if credited != ([] if payment.paid_at is None else [payment.amount]):
            yield Breach("I8", subject, f"{payment.amount} {payment.status}, credited {credited}")
        reversal = reversal_cause(payment.provider, payment.charge_id, "")
        taken_back = -sum(entry.amount for entry in entries if entry.cause.startswith(reversal))
        if taken_back != payment.taken_back or not 0 <= taken_back <= payment.refunded <= payment.amount:
            found = f"given back {payment.refunded} of {payment.amount}, taken {taken_back}, not {payment.taken_back}"
            yield Breach("I8", subject, found)
        paid.add((payment.user_id, credit))
    for user_id, entries in books.entries.items():
        for entry in entries:
            if is_payment(entry) and (user_id, entry.cause) not in paid:
                yield Breach("I8", f"user {user_id}", f"entry {entry.id} has no payment")


def _of_locks(books: Books, now: int) -> Iterator[Breach]:
    locked = {lock.contact_key: lock for lock in books.locks}
    holders: dict[str, list[str]] = defaultdict(list)
    for order in books.orders.values():
        if order.status is Status.ACTIVE and now < order.expires_at:
            holders[order.contact_key].append(order.id)
    for contact_key, ids in holders.items():
        lock = locked.get(contact_key)
        for order_id in ids:
            if lock is None or lock.order_id != order_id:
                yield Breach("I15", f"order {order_id}", "it is active and does not hold its contact")
        if len(ids) > 1:
            yield Breach("I15", f"order {min(ids)}", f"{len(ids)} active orders have its contact")
    for lock in books.locks:
        held = books.orders.get(lock.order_id)
        if held is None or held.status is not Status.ACTIVE or held.contact_key != lock.contact_key:
            yield Breach("I15", f"order {lock.order_id}", "it holds a contact that is not its own any more")


def _of_rating(user: User, reviews: list[Review]) -> Iterator[Breach]:
    counted = user.rating_sum, user.rating_count
    written = sum(review.rating for review in reviews), len(reviews)
    if counted != written:
        yield Breach("I21", f"user {user.id}", f"counted (sum, number) {counted}, written {written}")


def _of_counters(books: Books) -> Iterator[Breach]:
    active = Counter(
        user_id
        for order in books.orders.values()
        if order.status is Status.ACTIVE
        for user_id in (order.client_id, *order.takes)
    )
    for user in books.users.values():
        if user.active_orders != active[user.id]:
            found = f"counts {user.active_orders} active orders and has {active[user.id]}"
            yield Breach("active_orders", f"user {user.id}", found)
