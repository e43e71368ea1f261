"""The marketplace's metrics of a day: figures of cells, without any id of a person.

A day is a calendar day of Europe/Moscow and a cohort: an order, its takes and their money count on the day on which the
order was posted, whenever they happen. Top-ups and debts belong to no order: they count on the day of the top-up.
Every figure is a count or a sum, so figures of several days merge (`add`). Distinct people do not: over several days,
a person counts once for each day. `docs/operations.md` has the formulas.

A *cell* is a city and a category, None for any. An order is in four cells.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import NamedTuple

from shared.domain.audit import Account, Books, Breach, OrderBooks
from shared.domain.days import begins_at, day_at, hour_at
from shared.domain.durations import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ceil_div
from shared.domain.order import Order, Status, ended_by_time, is_refunded, owes_refunds

Cell = tuple[str | None, str | None]

# A day is computed anew while its orders are kept, with a margin: they are kept for 30 days. The first audit after
# these days computes it for the last time, so that every return within 28 days is in it.
OPEN_DAYS = 28
RETURNS_AFTER_DAYS = (7, 28)
# A figure of money is compared with ledger entries of before this time, because a write of an entry may land late.
SETTLED_AFTER_MS = 15 * MINUTE_MS

# The counts of an hour of the day, in this order.
OF_HOUR = ("posted", "taken", "responded", "completed", "expired_untaken")
_FROM_LEDGER = ("spent", "refunded")


def is_open(day: date, now: int) -> bool:
    """Whether the figures of the day may still change at `now` (epoch ms)."""
    return age_of(day, now) <= OPEN_DAYS


def is_computable(day: date, now: int) -> bool:
    """Whether the day is over at `now` (epoch ms), and every order of it is still kept, an hour later as well."""
    return age_of(day, now) >= 1 and now < begins_at(day) + (OPEN_DAYS + 2) * DAY_MS - HOUR_MS


def age_of(day: date, now: int) -> int:
    """Return how many days the day is ago; below 0 for one to come."""
    return day_at(now).toordinal() - day.toordinal()


# ---------------------------------------------------------------- durations in buckets

# Values below 64 have a bucket each, larger ones 32 buckets for each power of two (log-linear, as in HdrHistogram). So
# the middle of a bucket is within 1.6 % of every value in it.
_BITS = 6


def bucket_of(seconds: int) -> int:
    """Return the bucket of a duration in seconds."""
    shift = max(seconds.bit_length() - _BITS, 0)
    return (shift << (_BITS - 1)) + (seconds >> shift)


def middle_of(bucket: int) -> int:
    """Return the duration in the middle of a bucket, in seconds."""
    shift = max((bucket >> (_BITS - 1)) - 1, 0)
    low = (bucket - (shift << (_BITS - 1))) << shift
    return low + (1 << shift) // 2


def percentile(buckets: Mapping[int, int], percent: int) -> int | None:
    """Return the percentile of the durations in the buckets, in seconds (nearest rank); None without any."""
    rank = ceil_div(sum(buckets.values()) * percent, 100)
    for bucket in sorted(buckets):
        rank -= buckets[bucket]
        if rank <= 0:
            return middle_of(bucket)
    return None


# ---------------------------------------------------------------- figures


@dataclass(slots=True)
class Figures:
    """The figures of a cell on one day, or the sum of several days. Money is in roubles.

    `topped_up`: by provider. `debts`: what providers took back of the day's top-ups after it was spent.
    `takes_from`: takes by their source. `listening`: how many executors were subscribed to orders of the cell when the
    day was computed first; None if it was not known. Over several days, that of the last day.
    `hours`: by hour of posting, the counts of `OF_HOUR`. `first_take`, `respond`: durations by bucket.
    """

    posted: int = 0
    taken: int = 0
    slots: int = 0
    responded: int = 0
    completed: int = 0
    expired_untaken: int = 0
    closed: int = 0
    complaints: int = 0
    reviews: int = 0
    rating_sum: int = 0
    told: int = 0
    spent: int = 0
    refunded: int = 0
    debts: int = 0
    clients: int = 0
    executors: int = 0
    new_clients: int = 0
    new_executors: int = 0
    returning_7: int = 0
    returning_28: int = 0
    listening: int | None = None
    topped_up: Counter[str] = field(default_factory=Counter)
    takes_from: Counter[str] = field(default_factory=Counter)
    first_take: Counter[int] = field(default_factory=Counter)
    respond: Counter[int] = field(default_factory=Counter)
    hours: dict[int, list[int]] = field(default_factory=dict)

    def add(self, other: "Figures") -> None:
        """Add the figures of other orders, or of a later day."""
        for name in _COUNTS:
            if count := getattr(other, name):
                setattr(self, name, getattr(self, name) + count)
        if other.listening is not None:
            self.listening = other.listening
        for name in _COUNTERS:
            if counter := getattr(other, name):
                getattr(self, name).update(counter)
        for hour, counts in other.hours.items():
            mine = self.hours.get(hour, [0] * len(OF_HOUR))
            self.hours[hour] = [one + another for one, another in zip(mine, counts, strict=True)]


_COUNTERS = tuple(each.name for each in fields(Figures) if each.default_factory is Counter)
_COUNTS = tuple(each.name for each in fields(Figures) if each.type is int)


def total_of(figures: Iterable[Figures]) -> Figures:
    """Return the sum of the figures of days, the oldest first."""
    total = Figures()
    for each in figures:
        total.add(each)
    return total


def with_money(figures: Figures, money: Figures) -> Figures:
    """Return the figures with the money of others."""
    return replace(figures, **{name: getattr(money, name) for name in ("spent", "refunded", "topped_up", "debts")})


# ---------------------------------------------------------------- the figures of a day


class Posted(NamedTuple):
    """An order, how many executors were told of it, and the number of complaints about it."""

    order: Order
    told: int
    complaints: int


class Activity(NamedTuple):
    """When a person was active, by the days on which orders were posted.

    `first_order`: the day of their first order. `first_taken`: the day of the first order that they took. Both are the
    last day of the calendar where there is none.
    `again_after`: in how many days after the day in question they posted an order or took one; None if not yet.
    """

    first_order: date
    first_taken: date
    again_after: int | None


@dataclass(slots=True)
class _People:
    clients: set[int] = field(default_factory=set)
    executors: set[int] = field(default_factory=set)


def cells_of(order: Order) -> list[Cell]:
    """Return the cells of an order: everything, its city, its category, both."""
    return [(city, category) for city in (None, order.city) for category in (None, order.category)]


def figures_of(
    day: date, orders: Iterable[Posted], activity: Callable[[Iterable[int]], Mapping[int, Activity]], now: int
) -> dict[Cell, Figures]:
    """Return the figures of the cells that had orders on the day, as they are at `now` (epoch ms).

    `activity` returns the activity of people by their ids. Money is what the orders say.
    """
    found: dict[Cell, Figures] = defaultdict(Figures)
    people: dict[Cell, _People] = defaultdict(_People)
    for posted in orders:
        of_order = _of_order(posted, now)
        for cell in cells_of(posted.order):
            found[cell].add(of_order)
            people[cell].clients.add(posted.order.client_id)
            people[cell].executors.update(posted.order.takes)
    everybody = people[None, None].clients | people[None, None].executors
    known = activity(everybody)
    new_clients = {person for person in everybody if known[person].first_order == day}
    new_executors = {person for person in everybody if known[person].first_taken == day}
    returned = [
        {person for person in everybody if (after := known[person].again_after) is not None and after <= window}
        for window in RETURNS_AFTER_DAYS
    ]
    for cell, figures in found.items():
        clients, executors = people[cell].clients, people[cell].executors
        figures.clients, figures.executors = len(clients), len(executors)
        figures.new_clients, figures.new_executors = len(clients & new_clients), len(executors & new_executors)
        figures.returning_7, figures.returning_28 = (len((clients | executors) & again) for again in returned)
    return dict(found)


def _of_order(posted: Posted, now: int) -> Figures:
    order = posted.order
    ended = ended_by_time(order, now)
    taken_at = min((take.taken_at for take in order.takes.values()), default=None)
    figures = Figures(
        posted=1,
        taken=int(taken_at is not None),
        slots=len(order.takes),
        responded=int(order.responded_at is not None),
        completed=int(order.status is Status.COMPLETED),
        expired_untaken=int(ended.status is Status.EXPIRED and taken_at is None),
        closed=int(owes_refunds(ended)),
        complaints=posted.complaints,
        reviews=int(order.rating is not None),
        rating_sum=order.rating or 0,
        told=posted.told,
        spent=_spent(order),
        refunded=_refunded(order),
        takes_from=Counter(take.source for take in order.takes.values()),
    )
    if taken_at is not None:
        figures.first_take[_bucket_between(order.created_at, taken_at)] += 1
        if order.responded_at is not None:
            figures.respond[_bucket_between(taken_at, order.responded_at)] += 1
    figures.hours[hour_at(order.created_at)] = [getattr(figures, name) for name in OF_HOUR]
    return figures


def _bucket_between(start: int, end: int) -> int:
    return bucket_of(max(end - start, 0) // SECOND_MS)


def _spent(order: Order) -> int:
    return sum(take.price for take in order.takes.values())


def _refunded(order: Order) -> int:
    # As stored: the refund of an order whose deadline no timer has recorded is not in the ledger yet.
    return sum(take.price for take in order.takes.values() if is_refunded(order, take))


# ---------------------------------------------------------------- money of days, from the ledger


class SavedDay(NamedTuple):
    """The figures of everything on a day, as stored. `settled_until`: the ledger entries of before, epoch ms, count."""

    figures: Figures
    settled_until: int
    is_final: bool


class MoneyOfDays:
    """The money of each day, from the ledger and the payments, which are kept for ever.

    `saved`: the days that are stored, which are compared with the ledger. `now`: when the books were read, epoch ms.
    """

    def __init__(self, saved: Mapping[date, SavedDay], now: int) -> None:
        self._saved = saved
        self._now = now
        self.settled_until = now - SETTLED_AFTER_MS
        self._settled: dict[date, Figures] = defaultdict(Figures)
        self._as_saved: dict[date, Figures] = defaultdict(Figures)
        self._ledger: dict[date, Figures] = defaultdict(Figures)
        self._orders: dict[date, Figures] = defaultdict(Figures)

    def watch(self, books: Books) -> Books:
        """Return the books, whose accounts and orders are added here as they are read."""
        return replace(books, accounts=self._accounts(books.accounts), orders=self._of_orders(books.orders))

    def of(self, day: date) -> Figures:
        """Return the money of a day: every figure but that is 0."""
        return self._settled[day]

    def days(self) -> set[date]:
        """Return the days that have money."""
        return {day for day, money in self._settled.items() if money != Figures()}

    def _accounts(self, accounts: Iterable[Account]) -> Iterator[Account]:
        for account in accounts:
            for entry in account.entries:
                if entry.type == "recharge" and entry.amount > 0:
                    paid = Figures(topped_up=Counter({entry.payment_method or "": entry.amount}))
                    self._add(day_at(entry.created_at), entry.created_at, paid)
            for payment in account.payments:
                if payment.debt and payment.paid_at is not None:
                    self._settled[day_at(payment.paid_at)].debts += payment.debt
            yield account

    def _of_orders(self, orders: Iterable[OrderBooks]) -> Iterator[OrderBooks]:
        for books in orders:
            if books.posted_at is not None:
                day = day_at(books.posted_at)
                for entry in books.entries:
                    moved = Figures(refunded=entry.amount) if entry.type == "refund" else Figures(spent=-entry.amount)
                    self._add(day, entry.created_at, moved)
                    self._ledger[day].add(moved)
                if books.order is not None:
                    self._orders[day].add(Figures(spent=_spent(books.order), refunded=_refunded(books.order)))
            yield books

    def _add(self, day: date, created_at: int, moved: Figures) -> None:
        if created_at < self.settled_until:
            self._settled[day].add(moved)
        if day in self._saved and created_at < self._saved[day].settled_until:
            self._as_saved[day].add(moved)

    def differences(self) -> dict[date, list[Breach]]:
        """Return the days whose money differs, with the breaches (I32), once all books were read.

        The orders of a past day that are all kept must say what the ledger says, and so must each day that is stored.
        """
        found: dict[date, list[Breach]] = defaultdict(list)
        for day in self._ledger.keys() | self._orders.keys():
            if is_computable(day, self._now):
                found[day] += _differences(day, "the orders", self._orders[day], self._ledger[day])
        for day, saved in self._saved.items():
            found[day] += _differences(day, "the metrics", saved.figures, self._as_saved[day])
        return {day: of_day for day, of_day in sorted(found.items()) if of_day}


def _differences(day: date, whose: str, found: Figures, ledger: Figures) -> list[Breach]:
    off = {name: getattr(found, name) - getattr(ledger, name) for name in _FROM_LEDGER}
    if whose == "the metrics":
        providers = sorted(found.topped_up.keys() | ledger.topped_up.keys())
        off |= {f"topped_up by {name}": found.topped_up[name] - ledger.topped_up[name] for name in providers}
    return [
        Breach("I32", f"metrics of {day}", f"{name} in {whose} is off by {difference:+} from the ledger")
        for name, difference in off.items()
        if difference
    ]
