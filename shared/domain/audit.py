"""Reconciliation: recompute the books from the stored items and report every breach of an invariant."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
from shared.domain.order import Order, is_refunded
from shared.domain.payment import Payment
from shared.domain.user import User


@dataclass(frozen=True, slots=True)
class Account:
    """One user's books: the ledger in any order, the payments, the ratings received, and the number of active orders.

    `active_orders` counts the orders that are stored as active, which the user posted or took.
    """

    user: User
    entries: list[LedgerEntry]
    payments: list[Payment]
    ratings: list[int]
    active_orders: int


@dataclass(frozen=True, slots=True)
class OrderBooks:
    """An order, and the entries of all ledgers that name it. `order`: None after its retention.

    `posted_at`: when the order was posted, epoch ms; None where no entry shows it.
    """

    order: Order | None
    entries: list[LedgerEntry]
    posted_at: int | None = None


@dataclass(frozen=True, slots=True)
class ContactBooks:
    """A contact: the id of the order that its lock names, and the orders that are stored as active and have it."""

    holder: str | None
    orders: list[Order]


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that the audit compares. Each part can be read once, and holds one of its elements at a time."""

    accounts: Iterable[Account]
    orders: Iterable[OrderBooks]
    contacts: Iterable[ContactBooks]


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """A breach of an invariant: its code, the user or item that it concerns, and what was found.

    Two breaches are the same if all three are equal. So `found` has the difference of two figures and not the figures,
    which an active user moves all the time.
    """

    invariant: str
    subject: str
    found: str


def breaches(books: Books, now: int) -> Iterator[Breach]:
    """Yield every breach of I1 to I8, I15, I21, I27 and of the count of active orders, at `now` (epoch ms)."""
    surplus = 0
    for account in books.accounts:
        surplus += _surplus(account)
        yield from _of_ledger(account)
        yield from _of_debt(account)
        yield from _of_payments(account)
        yield from _of_rating(account)
        yield from _of_counter(account)
    if surplus:
        # The difference alone: its parts are totals, which every payment moves.
        yield Breach("I3", "everybody", f"balances and revenue less debts are {surplus:+} to what providers hold")
    for order in books.orders:
        yield from _of_order(order)
    for contact in books.contacts:
        yield from _of_contact(contact, now)


def _surplus(account: Account) -> int:
    """Return by how much the balance and the revenue less the debt exceed what the providers hold, in roubles."""
    revenue = -sum(entry.amount for entry in account.entries if entry.type in ("order_take", "refund"))
    # From the payments: what the ledger says was paid in follows from I1, and could never differ.
    paid = sum(payment.amount - payment.refunded for payment in account.payments if payment.paid_at is not None)
    paid += sum(entry.amount for entry in account.entries if is_test_money(entry))
    return account.user.balance + revenue - account.user.debt - paid


def _of_ledger(account: Account) -> Iterator[Breach]:
    user, subject = account.user, _subject(account)
    entries = sorted(account.entries, key=lambda entry: entry.id)
    if off := user.balance - sum(entry.amount for entry in entries):
        yield Breach("I1", subject, f"the balance is off by {off:+} from the sum of the ledger")
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


def _of_debt(account: Account) -> Iterator[Breach]:
    user, subject = account.user, _subject(account)
    owed = sum(payment.debt for payment in account.payments)
    before = {entry.id: entry for entry in account.entries}
    for entry in account.entries:
        if entry.type != "debt_repayment":
            continue
        owed += entry.amount
        credit = before.get(entry.previous_id)
        is_of_credit = credit is not None and entry.cause == repayment_cause(credit.cause)
        if not is_of_credit or entry.amount >= 0:
            yield Breach("I27", subject, f"entry {entry.id} repays no debt out of a credit")
    if off := user.debt - owed:
        yield Breach("I27", subject, f"the debt is off by {off:+} from what is owed and not repaid")
    if user.debt and user.balance:
        yield Breach("I27", subject, "a debt stands beside a balance")


def _of_payments(account: Account) -> Iterator[Breach]:
    credits: dict[str, list[int]] = defaultdict(list)
    reversals = Counter[str]()
    for entry in account.entries:
        credits[entry.cause].append(entry.amount)
        reversals[entry.cause.rpartition("#")[0] + "#"] += entry.amount
    paid: set[str] = set()
    for payment in account.payments:
        if payment.charge_id is None:
            continue
        subject = f"payment {payment.id} of user {payment.user_id}"
        credit = payment_cause(payment.provider, payment.charge_id)
        credited = credits.get(credit, [])
        if credited != ([] if payment.paid_at is None else [payment.amount]):
            yield Breach("I8", subject, f"{payment.amount} {payment.status}, credited {credited}")
        taken_back = -reversals[reversal_cause(payment.provider, payment.charge_id, "")]
        if taken_back != payment.taken_back or not 0 <= taken_back <= payment.refunded <= payment.amount:
            found = f"given back {payment.refunded} of {payment.amount}, taken {taken_back}, not {payment.taken_back}"
            yield Breach("I8", subject, found)
        paid.add(credit)
    for entry in account.entries:
        if is_payment(entry) and entry.cause not in paid:
            yield Breach("I8", _subject(account), f"entry {entry.id} has no payment")


def _of_rating(account: Account) -> Iterator[Breach]:
    total = account.user.rating_sum - sum(account.ratings)
    number = account.user.rating_count - len(account.ratings)
    if total or number:
        found = f"the sum of the ratings is off by {total:+} from the reviews, their number by {number:+}"
        yield Breach("I21", _subject(account), found)


def _of_counter(account: Account) -> Iterator[Breach]:
    if off := account.user.active_orders - account.active_orders:
        found = f"the counter is off by {off:+} from the active orders that are stored"
        yield Breach("active_orders", _subject(account), found)


def _of_order(books: OrderBooks) -> Iterator[Breach]:
    order = books.order
    if order is None:
        return  # entries are kept for ever, and cannot be compared with an order that is not
    moved: dict[tuple[int, str], list[int]] = defaultdict(list)
    for entry in books.entries:
        moved[entry.user_id, entry.cause].append(entry.amount)
        if entry.user_id not in order.takes:
            invariant = "I7" if entry.type == "refund" else "I6"
            yield Breach(invariant, f"order {order.id}", f"entry {entry.id} of user {entry.user_id} has no take")
    for take in order.takes.values():
        subject = f"take of order {order.id} by user {take.executor_id}"
        paid = moved[take.executor_id, take_cause(order.id)]
        if paid != [-take.price]:
            yield Breach("I6", subject, f"cost {take.price}, debited {paid}")
        back = moved[take.executor_id, refund_cause(order.id)]
        if back != ([take.price] if is_refunded(order, take) else []):
            yield Breach("I7", subject, f"the order is {order.status}, refunded {back}")


def _of_contact(contact: ContactBooks, now: int) -> Iterator[Breach]:
    running = [order.id for order in contact.orders if now < order.expires_at]
    for order_id in running:
        if order_id != contact.holder:
            yield Breach("I15", f"order {order_id}", "it is active and does not hold its contact")
    if len(running) > 1:
        yield Breach("I15", f"order {min(running)}", f"{len(running)} active orders have its contact")
    if contact.holder is not None and contact.holder not in {order.id for order in contact.orders}:
        yield Breach("I15", f"order {contact.holder}", "it holds a contact that is not its own any more")


def _subject(account: Account) -> str:
    return f"user {account.user.id}"
