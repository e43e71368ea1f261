"""The table's stream: an order changed. Its deadlines get timers, people hear of it, it is counted."""

from typing import Any

from shared import clock
from shared.aws import queues, schedules
from shared.aws.queues import Queue
from shared.domain import business_metrics
from shared.domain import notice as rules
from shared.domain.messages import NewOrder
from shared.domain.order import Order, deadlines, is_news
from shared.handlers.background import stream_handler
from shared.observability import metrics
from shared.store import stream


def order_changed(record: dict[str, Any]) -> None:
    """Queue the order for those who want such, queue the notices of its change, schedule its deadlines.

    One SendMessageBatch a queue, one CreateSchedule a deadline that is new. All of it may be done twice: a schedule has
    a name, who sends knows what was sent, and of the figures of the trade nobody asks that they be exact. Schedules
    come after queues: where none can be made, people still hear of the order, and the sweep ends it (L5).
    """
    before, after = stream.order_change(record)
    now = clock.now_ms()
    if is_news(before, after):
        queues.send(Queue.NEW_ORDERS, [NewOrder(after.id, start=(0, 0), due_at=now)], now)
    queues.send(Queue.NOTICES, rules.of_change(before, after, now), now)
    schedule_deadlines(before, after, now)
    for metric in business_metrics.of_change(before, after):
        metrics.add_metric(metric.name, metric.unit, metric.value)


def schedule_deadlines(before: Order | None, after: Order, now: int) -> None:
    """Schedule the end of a new order's hour, and the end of its answer window once the first take started it.

    A deadline that passed already is left to the sweep.
    """
    known = deadlines(before) if before else {}
    for deadline, at in deadlines(after).items():
        if known.get(deadline) != at and at > now:
            schedules.end_order_at(after.id, deadline, at)


handler = stream_handler(order_changed)
