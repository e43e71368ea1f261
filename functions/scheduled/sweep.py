"""End every overdue order, once a minute. The schedules give precision; the sweep is the guarantee (L5)."""

from typing import Any

from shared import clock
from shared.commands import end_due
from shared.handlers.background import background_handler
from shared.observability import logger, metrics, where
from shared.store import orders

# Left for the last order to end in, ms: one call to DynamoDB may take that long.
_MARGIN_MS = 10_000


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """End every overdue order, the longest overdue first.

    One Query per megabyte of keys, and the calls of `end_due.end_if_due` for each order. A failing order does not stop
    the others. The next minute's run continues when the time runs out.
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
