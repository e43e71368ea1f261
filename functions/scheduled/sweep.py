"""Every minute: end whatever is due and still stands. The schedules give precision, this is the guarantee (L5)."""

from typing import Any

from shared import clock
from shared.commands import end_due
from shared.handlers.background import background_handler
from shared.observability import logger, metrics, where
from shared.store import orders

# Left for the answer of the last order: a call may take that long.
_MARGIN_MS = 10_000


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """End every due order, the longest due first.

    One Query a megabyte of keys, and what `deadlines.end_if_due` costs an order. One order's failure stops no other;
    what is left when the time runs out is for the next minute.
    """
    failed = 0
    for order_id in orders.due(clock.now_ms()):
        if context.get_remaining_time_in_millis() < _MARGIN_MS:
            break
        try:
            end_due.end_if_due(order_id)
        except Exception as error:
            failed += 1
            logger.error("order not ended", extra={"order_id": order_id, **where(error)})
    metrics.add_metric("SweepFailures", "Count", failed)
