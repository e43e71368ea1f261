"""Lists of orders, newest first, with exact totals.

The stored status may lag behind the clock. An order whose deadline has passed and whose timer has not run is *late*: it
is still in the partition of its stored status. The due index names the late orders. A list leaves them out of the
partition of their stored status, and adds them to the list of their current status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.order import Order, Status, status_at
from shared.domain.visibility import may_list
from shared.settings import settings
from shared.store import keys, orders, table

# Every visitor reads the same feed, so each instance of a function caches a total for two seconds.
_TOTAL_CACHE_MS = 2000
_MAX_TOTALS = 1000
# Up to this length, a list is counted by its keys, in the Query of the page. A longer list needs a Query of its own.
_MAX_COUNTED_BY_KEYS = 300
_totals: dict[tuple[str, str], tuple[int, int]] = {}


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a list. None matches every order."""

    status: Status | None = None
    city: str | None = None
    category: str | None = None

    def matches(self, order: Order, now: int) -> bool:
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


def by_status(
    status: Status, city: str | None, category: str | None, *, offset: int, limit: int, now: int
) -> tuple[list[Order], int]:
    """Return a page of all clients' orders of a status, and the total.

    AWS calls: see `_first_active_page` for the first page of active orders, `_page` for every other. Raises
    Unavailable.
    """
    narrowed = Filter(status, city, category)
    if status is Status.ACTIVE and offset == 0:
        first = _first_active_page(narrowed, limit, now)
        if first is not None:
            return first
    return _page(narrowed, status, offset, limit, now)


def _first_active_page(narrowed: Filter, limit: int, now: int) -> tuple[list[Order], int] | None:
    """Return the first page of active orders; None if it contains an order that has left the list.

    One Query and one BatchGetItem. If the page does not reach the end of the list, a total is needed, which is cached
    for two seconds. Without a cached total, one Query more for up to 300 active orders, two for more. Raises
    Unavailable.
    """
    index, partition, low = _range(narrowed, Status.ACTIVE, now)
    total = _cached_total(index, partition, now)
    most = limit if total is not None else max(limit, _MAX_COUNTED_BY_KEYS)
    found = table.query(index, partition, low=low, limit=most + 1)
    page = load(found[:limit])
    if not all(_shows(narrowed, order, now) for order in page):
        return None
    if len(found) <= limit:
        return page, len(page)
    if total is None and len(found) <= most:
        # A late order in this range is one whose answer window ended. It leaves the list, and no late order joins it.
        ended = {order.id for order in _late(now)}
        total = sum(keys.order_id_of(entry) not in ended for entry in found)
        _cache_total(index, partition, now, total)
    return page, total if total is not None else _total(narrowed, Status.ACTIVE, now)


def _page(narrowed: Filter, status: Status, offset: int, limit: int, now: int) -> tuple[list[Order], int]:
    """Return any page of a list. Late orders leave the list of their stored status and join that of their current one.

    Two Queries and one BatchGetItem; one BatchGetItem more per hundred late orders. If the page does not reach the end
    of the list, the calls of `_total` in addition. Raises Unavailable.
    """
    index, partition, low = _range(narrowed, status, now)
    late = _late(now)
    leaving = {order.id for order in late if order.status is status}
    wanted = offset + limit + len(leaving)
    found = table.query(index, partition, low=low, limit=wanted + 1)
    # An order may have moved between the two reads. It counts once, wherever it was found.
    joining = {order.id: _entry(order) for order in late if narrowed.matches(order, now)}
    staying = {keys.order_id_of(entry): entry for entry in found if keys.order_id_of(entry) not in leaving}
    entries = sorted({**staying, **joining}.values(), key=lambda entry: str(entry[keys.LIST1.sk]), reverse=True)
    # The index lags behind the table: it may still list an order that has just left.
    page = [order for order in load(entries[offset : offset + limit]) if _shows(narrowed, order, now)]
    return page, len(entries) if len(found) <= wanted else _total(narrowed, status, now)


def _shows(narrowed: Filter, order: Order, now: int) -> bool:
    """Whether the order belongs in everybody's list at `now`."""
    return may_list(order) and narrowed.matches(order, now)


def _range(narrowed: Filter, status: Status, now: int) -> tuple[keys.Index, str, str | None]:
    """Return the index, the partition and the low end of a list. Active orders are those whose hour still runs."""
    index, partition = keys.order_list(status, narrowed.city, narrowed.category)
    return index, partition, keys.hour_ends(now + 1) if status is Status.ACTIVE else None


def of_client(user_id: int, narrowed: Filter, *, offset: int, limit: int, now: int) -> tuple[list[Order], int]:
    """Return a page of a client's own orders, and the total.

    One Query and one BatchGetItem. With a filter, one BatchGetItem per hundred of the client's orders. Without one, a
    COUNT Query in addition if the page does not reach the end. Raises Unavailable.
    """
    return _personal(keys.TIMELINE, keys.orders_of(user_id), None, narrowed, offset, limit, now)


def all_of_client(user_id: int) -> list[Order]:
    """Return all stored orders of a client, as the index has them.

    One Query, one BatchGetItem per hundred orders. Raises Unavailable.
    """
    return load(table.query(keys.TIMELINE, keys.orders_of(user_id)))


def of_executor(user_id: int, narrowed: Filter, *, offset: int, limit: int, now: int) -> tuple[list[Order], int]:
    """Return a page of the stored orders that a user took, and the total.

    As many calls as `of_client`. Raises Unavailable.
    """
    # The list consists of debits, and ledger entries stay after their orders. Orders are removed after their retention.
    kept = keys.hour_ends(now + 1 - orders.RETENTION_MS + settings().order_lifetime_ms)
    return _personal(keys.LIST1, keys.taken_by(user_id), kept, narrowed, offset, limit, now)


def _personal(
    index: keys.Index,
    partition: str,
    low: str | None,
    narrowed: Filter,
    offset: int,
    limit: int,
    now: int,
) -> tuple[list[Order], int]:
    if narrowed.is_open:
        found = table.query(index, partition, low=low, limit=offset + limit + 1)
        is_end = len(found) <= offset + limit
        total = len(found) if is_end else table.count(index, partition, low=low)
        return load(found[offset : offset + limit]), total
    matching = [order for order in load(table.query(index, partition, low=low)) if narrowed.matches(order, now)]
    return matching[offset : offset + limit], len(matching)


def load(entries: Sequence[Mapping[str, Any]]) -> list[Order]:
    """Return the orders of these entries of a list. One BatchGetItem per hundred. Raises Unavailable."""
    wanted = [keys.order(keys.order_id_of(entry)) for entry in entries]
    items = table.get_many(wanted, consistent=False, only=orders.ATTRIBUTES)
    return [orders.from_item(item) for item in items if item]


def _late(now: int) -> list[Order]:
    return load(table.query(keys.DUE, keys.DUE_PARTITION, high=now, newest_first=False))


def _entry(order: Order) -> dict[str, Any]:
    return {**keys.order(order.id), keys.LIST1.sk: keys.list_sk(order)}


def _total(narrowed: Filter, status: Status, now: int) -> int:
    """Return the number of orders in the list.

    Two Queries, one BatchGetItem per hundred late orders; no call with a cached total. Raises Unavailable.
    """
    index, partition, low = _range(narrowed, status, now)
    known = _cached_total(index, partition, now)
    if known is not None:
        return known
    stored = table.count(index, partition, low=low)
    late = _late(now)
    leaving = sum(
        partition in keys.order_list_keys(order).values() and (low is None or keys.list_sk(order) >= low)
        for order in late
    )
    joining = sum(narrowed.matches(order, now) for order in late)
    total = stored - leaving + joining
    _cache_total(index, partition, now, total)
    return total


def _cached_total(index: keys.Index, partition: str, now: int) -> int | None:
    counted_at, total = _totals.get((index.name, partition), (0, 0))
    return total if 0 <= now - counted_at < _TOTAL_CACHE_MS else None


def _cache_total(index: keys.Index, partition: str, now: int, total: int) -> None:
    if len(_totals) >= _MAX_TOTALS:
        _totals.clear()
    _totals[index.name, partition] = now, total
