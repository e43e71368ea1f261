"""The table's stream: end the order whose contact lock TTL removed. A backstop for lost timers."""

from typing import Any

from shared.commands import end_due
from shared.handlers.background import stream_handler
from shared.store import stream


def end_order(record: dict[str, Any]) -> None:
    """End the order that held the lock, if it is not ended yet. As many calls as `end_due.end_if_due`."""
    order_id, expires_at = stream.removed_lock(record)
    end_due.end_if_due(order_id, not_before=expires_at)


handler = stream_handler(end_order)
