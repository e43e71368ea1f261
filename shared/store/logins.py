"""Operators' login codes: one item for each, stored under the hash of the code and removed when it is used."""

import hashlib

from shared.domain.durations import ceil_seconds
from shared.domain.operators import Action
from shared.store import audit_log, conditions, keys, table


def _key(code: str) -> keys.Key:
    # A copy of the table lets nobody log in.
    return keys.login(hashlib.sha256(code.encode()).hexdigest())


def put(code: str, operator_id: int, *, ends_at: int) -> None:
    """Put a new code that ends at `ends_at`, epoch ms. One TransactWriteItems of one write.

    Raises table.WriteConflict.
    """
    item = {**_key(code), "operator_id": operator_id, "ends_at": ends_at, "ttl": ceil_seconds(ends_at)}
    table.transact([table.put_write(item, condition=conditions.NOT_THERE)])


def get(code: str, now: int) -> int | None:
    """Return the operator of an unused code that has not ended at `now` (epoch ms); None for any other.

    One consistent GetItem. Raises Unavailable.
    """
    item = table.get(_key(code))
    return item["operator_id"] if item is not None and now < item["ends_at"] else None


def use(code: str, action: Action) -> None:
    """Remove the code, and put the action. One TransactWriteItems of two writes. Raises table.WriteConflict if used."""
    table.transact([table.delete_write(_key(code), condition=conditions.THERE), audit_log.action_write(action)])
