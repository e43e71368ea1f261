"""Handled updates from Telegram. Telegram repeats an update until it gets a 200, and sometimes after that."""

from collections.abc import Sequence

from shared.domain.durations import DAY_MS
from shared.store import conditions, keys, table

# Telegram keeps an update for a day, so it repeats none after that.
_RETENTION_MS = 2 * DAY_MS


class AlreadyHandled(Exception):
    """The update was handled before: Telegram delivered it again."""


def get_many(wanted: Sequence[keys.Key], update_id: int | None) -> list[table.Item | None]:
    """Return the items at the keys, unless the update was already handled. None: they are for no update.

    One consistent BatchGetItem, with the mark of the update. Raises AlreadyHandled, Unavailable.
    """
    if update_id is None:
        return table.get_many(wanted, consistent=True)
    mark, *found = table.get_many([keys.update(update_id), *wanted], consistent=True)
    if mark is not None:
        raise AlreadyHandled
    return found


def is_handled(update_id: int) -> bool:
    """Whether this update was already handled. One consistent GetItem. Raises Unavailable."""
    return table.get(keys.update(update_id)) is not None


def mark_handled(update_id: int, now: int) -> None:
    """Mark the update as handled; `now` in epoch ms. One TransactWriteItems of one write.

    A failed write is ignored: the update may then be handled again, and every handler is idempotent.
    """
    mark = {**keys.update(update_id), "ttl": (now + _RETENTION_MS) // 1000}
    try:
        table.transact([table.put_write(mark, condition=conditions.NOT_THERE)])
    except table.WriteConflict:
        return
