"""Pages of the lists that are sorted by an integer id: ledgers, complaints, the audit log."""

from collections.abc import Callable
from typing import TypeVar

from shared.store import keys, table

T = TypeVar("T")


def page(
    partition: str,
    load: Callable[[list[table.Item]], list[T]],
    *,
    limit: int,
    beyond: int | None,
    newest_first: bool,
) -> list[T]:
    """Return the next `limit` items of a partition of TIMELINE: those after the id `beyond`, or the first ones.

    `load` returns the items of index entries. It drops entries whose items are not there, because the index lags behind
    the table. Then later entries are read as well, so that only the last page is shorter than `limit`. One Query and
    the calls of `load`; more of both only after dropped entries. Raises Unavailable.
    """
    found: list[T] = []
    while (missing := limit - len(found)) > 0:
        low = high = None
        if beyond is not None:
            low, high = (None, keys.id_sk(beyond - 1)) if newest_first else (keys.id_sk(beyond + 1), None)
        entries = table.query(keys.TIMELINE, partition, low=low, high=high, newest_first=newest_first, limit=missing)
        found += load(entries)
        if len(entries) < missing:
            break
        beyond = int(entries[-1][keys.TIMELINE.sk])
    return found
