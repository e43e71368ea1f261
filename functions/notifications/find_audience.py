"""The queue of new orders: fan out each order to the executors who want to hear of it."""

from typing import Any

from shared import clock
from shared.aws import queues
from shared.aws.queues import Queue
from shared.domain.messages import NewOrder, Offer
from shared.domain.order import MAX_TAKES, Status, status_at
from shared.handlers.background import queue_handler
from shared.observability import best_effort, failed, metrics
from shared.store import orders, stats, subscriptions

# One page is a thousand executors, which takes a hundred calls.
_MARGIN_MS = 25_000


def find_audience(message: NewOrder, context: Any) -> None:
    """Queue an offer for each executor whom the order concerns (fan-out), a page at a time, and count them.

    One consistent GetItem. One Query of each of four lists, and one more per thousand executors in a list. One
    SendMessageBatch per ten executors. One PutItem of their number, whose failure fails no message. When time runs
    short, or when a page fails after others were queued, a message to the same queue says where to continue. A repeated
    message queues some offers twice, which changes nothing: the inboxes are idempotent. Raises Unavailable, NotQueued,
    botocore's errors.
    """
    order = orders.get(message.order_id)
    now = clock.now_ms()
    if order is None or status_at(order, now) is not Status.ACTIVE or len(order.takes) >= MAX_TAKES:
        return
    first_list, place = message.start  # JSON turned the pair into a list
    start = reached = (first_list, place)
    told = message.told
    try:
        for page, following in subscriptions.audience(order, start=start):
            now = clock.now_ms()
            queues.send(Queue.OFFERS, [Offer(user_id, order.id, due_at=now) for user_id in page], now)
            metrics.add_metric("OffersQueued", "Count", len(page))
            told += len(page)
            reached = following
            if context.get_remaining_time_in_millis() < _MARGIN_MS:
                break
        else:
            with best_effort():
                stats.count_told(order, told)
            return
    except Exception as error:
        if reached == start:
            raise
        # Another receive of this message would queue the pages before once more.
        failed(error)
    queues.send(Queue.NEW_ORDERS, [NewOrder(order.id, reached, due_at=now, told=told)], now)


handler = queue_handler(Queue.NEW_ORDERS, NewOrder, find_audience)
