"""Updates from Telegram that were handled: it sends one again until it hears a 200, and sometimes after that."""

from shared.domain.durations import DAY_MS
from shared.store import conditions, keys, table

# Telegram keeps an update for a day.
_REMEMBERED_MS = 2 * DAY_MS


def is_handled(update_id: int) -> bool:
    """Whether this update was handled before. One consistent GetItem. Raises Unavailable."""
    return table.get(keys.update(update_id)) is not None


def mark_handled(update_id: int, now: int) -> None:
    """Remember that the update was handled; `now` in epoch ms. One TransactWriteItems of one write.

    A mark that cannot be put is left out: the update may then be handled once more, which every handler bears.
    """
    mark = {**keys.update(update_id), "ttl": (now + _REMEMBERED_MS) // 1000}
    try:
        table.transact([table.put_write(mark, condition=conditions.NOT_THERE)])
    except table.WriteConflict:
        return
