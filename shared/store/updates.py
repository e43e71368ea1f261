"""Handled updates from Telegram. Telegram repeats an update until it gets a 200, and sometimes after that."""

from shared.domain.durations import DAY_MS
from shared.store import conditions, keys, table

# Telegram keeps an update for a day, so it repeats none after that.
_RETENTION_MS = 2 * DAY_MS


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
