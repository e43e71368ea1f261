"""The command of timers, the sweep and the stream: end an order whose deadline has passed."""

from shared import clock
from shared.commands import orders
from shared.domain.errors import OrderNotFound
from shared.domain.order import Order, ended_by_time
from shared.observability import logger, metrics
from shared.service_errors import RetryLater


def end_if_due(order_id: str, *, not_before: int = 0) -> None:
    """End the order if one of its deadlines has passed. Idempotent.

    One consistent GetItem; when an end is due, one BatchGetItem and one TransactWriteItems more. Raises RetryLater
    before `not_before` (epoch ms), Busy, Unavailable.
    """
    now = clock.now_ms()
    if now < not_before:
        raise RetryLater((not_before - now) / 1000)  # L6

    def move(before: Order, after: Order, now: int) -> None:
        orders.move(before, after, now)
        logger.info("order ended", extra={"order_id": order_id, "status": after.status})
        metrics.add_metric("OrdersEnded", "Count", 1)

    try:
        orders.change(order_id, ended_by_time, move)
    except OrderNotFound:
        return  # its retention is over, and TTL removed it
