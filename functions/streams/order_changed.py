"""The table's stream: schedule the deadlines of a changed order, queue its messages and frames, and count it."""

from typing import Any

from shared import clock
from shared.aws import queues, schedules
from shared.aws.queues import Queue
from shared.domain import business_metrics, live
from shared.domain import notice as rules
from shared.domain.messages import NewOrder
from shared.domain.order import Order, deadlines, is_news
from shared.handlers.background import stream_handler
from shared.observability import best_effort, metrics
from shared.store import stream


def order_changed(record: dict[str, Any]) -> None:
    """Queue a new or recategorised order for its audience, queue the notices of the change, and schedule the deadlines.

    Then queue the frames of the change for open sockets; of a payment, only those. One SendMessageBatch per queue, one
    CreateSchedule per new deadline. A record may be delivered twice: a schedule has a fixed name, senders know what was
    sent, frames may be repeated, and the metrics of the marketplace need not be exact. Only a message of the bot that
    was not queued fails the record, and the audience is queued last of them: a record that fails is delivered again for
    an hour, and each delivery that queues the audience is a fan-out of its own (L9). Raises NotQueued, botocore's
    errors.
    """
    now = clock.now_ms()
    if stream.is_payment(record):
        with best_effort():
            queues.send(Queue.PERSONAL_FRAMES, live.paid_events(*stream.payment_change(record), now), now)
        return
    before, after = stream.order_change(record)
    queues.send(Queue.NOTICES, rules.of_change(before, after, now), now)
    if is_news(before, after):
        queues.send(Queue.NEW_ORDERS, [NewOrder(after.id, start=(0, 0), due_at=now)], now)
    with best_effort():
        schedule_deadlines(before, after, now)
    with best_effort():
        for metric in business_metrics.of_change(before, after):
            metrics.add_metric(metric.name, metric.unit, metric.value)
    with best_effort():
        queue_frames(before, after, now)


def queue_frames(before: Order | None, after: Order, now: int) -> None:
    """Queue what open sockets are told of the change, after everything else: nothing waits for it.

    One SendMessageBatch per queue, in one short attempt; none after one that fails. Raises NotQueued, botocore's
    errors.
    """
    queues.send(Queue.PERSONAL_FRAMES, live.personal_events(before, after, now), now)
    changes = live.list_changes(before, after, now)
    queues.send(Queue.LIST_FRAMES, [change for change in changes if change.of_city], now)
    queues.send(Queue.ALL_CITIES_FRAMES, [change for change in changes if not change.of_city], now)


def schedule_deadlines(before: Order | None, after: Order, now: int) -> None:
    """Schedule the end of a new order's hour, and the end of its response window after the first take.

    One CreateSchedule per new deadline. A deadline that has passed already, or whose schedule cannot be created, is
    left to the sweep (L5).
    """
    known = deadlines(before) if before else {}
    for deadline, at in deadlines(after).items():
        if known.get(deadline) != at and at > now:
            schedules.end_order_at(after.id, deadline, at)


handler = stream_handler(order_changed)
