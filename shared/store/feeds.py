"""Lists of orders, newest first, with exact totals. A page is one Query: its entries have what a list shows.

The stored status may lag behind the clock. An order whose deadline has passed and whose timer has not run is *late*: it
is still in the partition of its stored status. Each entry has its order's deadlines, so a list decides by the clock. It
leaves out late orders that have closed. The list of expired orders also reads the end of the active partition, where
the orders are whose hour is over. So a page never looks up which orders are late.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from operator import itemgetter

from shared.domain.order import ListedOrder, Order, Status, status_at
from shared.settings import settings
from shared.store import conditions, keys, orders, table

# Every visitor reads the same feed, so each instance of a function caches a total for two seconds.
_TOTAL_CACHE_MS = 2000
_MAX_TOTALS = 1000
# Late orders that have closed are read and left out. A page ends early, with a cursor, instead of reading more of them
# than the last of its Queries: a megabyte, which is 2 500 orders of ordinary length.
_MOST_QUERIES = 4
_totals: dict[tuple[str, str], tuple[int, int]] = {}


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a list. None matches every order."""

    status: Status | None = None
    city: str | None = None
    category: str | None = None

    def matches(self, order: ListedOrder, now: int) -> bool:
        """Whether the order belongs in the list at `now`."""
        return (
            (self.status is None or status_at(order, now) is self.status)
            and (self.city is None or order.city == self.city)
            and (self.category is None or order.category == self.category)
        )

    @property
    def is_open(self) -> bool:
        """Whether the filter matches every order."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, the number of all orders of the list, and the sort key after which the next page begins.

    `next_after` is None at the end of the list.
    """

    orders: list[ListedOrder]
    total: int
    next_after: str | None


@dataclass(frozen=True, slots=True)
class _Range:
    """A range of sort keys in a partition of an index."""

    index: keys.Index
    partition: str
    low: str | None = None
    high: str | None = None


# An entry of a list with its sort key. Without an order, it says that reading stopped there.
_Entry = tuple[str, ListedOrder | None]


def by_status(
    status: Status, city: str | None, category: str | None, *, after: str | None, offset: int, limit: int, now: int
) -> Page:
    """Return a page of all clients' orders of a status. `after`, a sort key, and then `offset` say where it begins.

    One Query, two for expired orders, and up to three more where late orders stand between those of the page. If the
    page does not reach the end of the list, a total is needed, which is cached for two seconds: see `_total`. A page
    that ends early (`_MOST_QUERIES`) has what it found: its `offset` is used up. Raises Unavailable.
    """
    narrowed = Filter(status, city, category)
    ranges = _ranges(status, city, category, now)
    found, next_after = _read(ranges, narrowed, after=after, wanted=offset + limit, now=now)
    if after is None and next_after is None:
        return Page(found[offset:], len(found), None)
    # A first page shows that the list has at least so many orders, which a cached total may not know yet.
    at_least = len(found) + 1 if after is None and len(found) == offset + limit else 0
    return Page(found[offset:], _total(ranges, status, narrowed, at_least, now), next_after)


def of_client(user_id: int, narrowed: Filter, *, after: str | None, offset: int, limit: int, now: int) -> Page:
    """Return a page of a client's own orders.

    One Query, and up to three more where the filter leaves orders out; then a page may end early. If it does not reach
    the end, a COUNT Query in addition. Raises Unavailable.
    """
    whole = _Range(keys.TIMELINE, keys.orders_of(user_id))
    found, next_after = _read([whole], narrowed, after=after, wanted=offset + limit, now=now)
    if after is None and next_after is None:
        return Page(found[offset:], len(found), None)
    total = _count(whole, conditions.listed_as(narrowed.status, narrowed.city, narrowed.category, now))
    return Page(found[offset:], total, next_after)


def of_executor(user_id: int, narrowed: Filter, *, after: str | None, offset: int, limit: int, now: int) -> Page:
    """Return a page of the stored orders that a user took.

    One Query and one BatchGetItem. With a filter, one BatchGetItem per hundred orders that the user took. Without one,
    a COUNT Query in addition if the page does not reach the end. Raises Unavailable.
    """
    # The list consists of debits, and ledger entries stay after their orders. Orders are removed after their retention.
    kept = keys.hour_ends(now + 1 - orders.RETENTION_MS + settings().order_lifetime_ms)
    partition = keys.taken_by(user_id)
    wanted = offset + limit
    if narrowed.is_open:
        debits = table.query(keys.LIST1, partition, low=kept, high=after, limit=wanted + 2)
        debits = [debit for debit in debits if debit[keys.LIST1.sk] != after]
        is_end = len(debits) <= wanted
        total = len(debits) if is_end and after is None else table.count(keys.LIST1, partition, low=kept)
        return Page(_taken(debits[offset:wanted]), total, None if is_end else debits[wanted - 1][keys.LIST1.sk])
    taken = _taken(table.query(keys.LIST1, partition, low=kept))
    matching = [order for order in taken if narrowed.matches(order, now)]
    rest = [order for order in matching if after is None or keys.list_sk(order) < after]
    next_after = keys.list_sk(rest[wanted - 1]) if len(rest) > wanted else None
    return Page(rest[offset:wanted], len(matching), next_after)


def all_of_client(user_id: int) -> list[Order]:
    """Return all stored orders of a client, as the index has them.

    One Query, one BatchGetItem per hundred orders. Raises Unavailable.
    """
    return load(table.query(keys.TIMELINE, keys.orders_of(user_id)))


def load(entries: Iterable[table.Item]) -> list[Order]:
    """Return the orders of these entries of a list. One BatchGetItem per hundred. Raises Unavailable."""
    wanted = [keys.order(keys.order_id_of(entry)) for entry in entries]
    return [orders.from_item(item) for item in table.get_many(wanted, consistent=False) if item]


def _taken(debits: Iterable[table.Item]) -> list[ListedOrder]:
    wanted = [keys.order(keys.order_id_of(debit)) for debit in debits]
    items = table.get_many(wanted, consistent=False, only=(keys.LISTED,))
    return [orders.listed_from_map(keys.order_id_of(item), item[keys.LISTED]) for item in items if item]


def _ranges(status: Status, city: str | None, category: str | None, now: int) -> list[_Range]:
    """Return where the orders of a status are at `now`."""
    index, partition = keys.order_list(status, city, category)
    match status:
        case Status.ACTIVE:
            return [_Range(index, partition, low=keys.hour_ends(now + 1))]
        case Status.EXPIRED:
            # A timer may move an order between the two Queries. In this order it is seen twice then, never missed.
            _, active = keys.order_list(Status.ACTIVE, city, category)
            return [_Range(index, active, high=keys.hour_ends(now + 1)), _Range(index, partition)]
    return [_Range(index, partition)]


def _read(
    ranges: list[_Range], narrowed: Filter, *, after: str | None, wanted: int, now: int
) -> tuple[list[ListedOrder], str | None]:
    """Return the first `wanted` orders after the sort key `after`, and the key where reading stopped.

    That key is None at the end of the list.
    """
    found: list[ListedOrder] = []
    last = ""
    streams = [_entries(one, after, wanted + 1) for one in ranges]
    entries = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=itemgetter(0), reverse=True)
    for sort_key, order in entries:
        if order is None:
            return found, sort_key
        # An order may move from one range to the other between the two Queries. It counts once.
        if sort_key != last and narrowed.matches(order, now):
            if len(found) == wanted:
                return found, last
            found.append(order)
            last = sort_key
    return found, None


def _entries(one: _Range, after: str | None, first: int) -> Iterator[_Entry]:
    """Yield the entries of a range after the sort key `after`; the first Query reads at most `first` of them."""
    high = one.high if after is None or (one.high is not None and one.high < after) else after
    if after is not None and high == after:
        first += 1  # the key itself is in the range, and is left out
    limits = islice(chain((first, first, 8 * first), repeat(None)), _MOST_QUERIES)
    only = keys.LISTED, one.index.sk
    pages = table.pages(one.index, one.partition, low=one.low, high=high, limits=limits, only=only)
    for number, (page, is_more) in enumerate(pages, start=1):
        for entry in page:
            sort_key = entry[one.index.sk]
            if sort_key != after:
                yield sort_key, orders.listed_from_map(keys.order_id_at(sort_key), entry[keys.LISTED])
        if is_more and number == _MOST_QUERIES:
            yield page[-1][one.index.sk], None


def _total(ranges: list[_Range], status: Status, narrowed: Filter, at_least: int, now: int) -> int:
    """Return the number of orders of a status.

    All active orders: one COUNT Query of the due index, which has keys only. Any other list: one COUNT Query of each
    range, and an order that a timer moves between two counts is counted twice. One more per megabyte. No call with a
    cached total that is `at_least` so many. Raises Unavailable.
    """
    index, partition = keys.order_list(status, narrowed.city, narrowed.category)
    known = index.name, partition
    counted_at, total = _totals.get(known, (0, 0))
    if 0 <= now - counted_at < _TOTAL_CACHE_MS and total >= at_least:
        return total
    if narrowed == Filter(Status.ACTIVE):
        total = table.count(keys.DUE, keys.DUE_ACTIVE, low=now + 1)
    else:
        total = sum(_count(one, conditions.still_open(now)) for one in ranges)
    if len(_totals) >= _MAX_TOTALS:
        _totals.clear()
    _totals[known] = now, total
    return total


def _count(one: _Range, only: conditions.Filter | None) -> int:
    return table.count(one.index, one.partition, low=one.low, high=one.high, only=only)
