"""The queue of new orders: everybody who wants to hear of one gets a message of his own."""

from typing import Any

from shared import clock
from shared.aws import queues
from shared.aws.queues import Message, Queue
from shared.domain.order import MAX_TAKES, Status, status_at
from shared.handlers.background import queue_handler
from shared.observability import metrics
from shared.store import orders, subscriptions

# A page of a thousand is a hundred calls.
_MARGIN_MS = 25_000


def find_audience(message: Message, context: Any) -> None:
    """Queue an offer for each of those whom the order of `{"order_id", "start"}` concerns, a page at a time.

    One GetItem; a Query of each of four lists, another for each thousand in it, and a SendMessageBatch for ten people.
    Where the time is short, a message says from where to go on. Coming again it queues some twice: their inboxes know.
    """
    order = orders.get(message["order_id"])
    now = clock.now_ms()
    if order is None or status_at(order, now) is not Status.ACTIVE or len(order.takes) >= MAX_TAKES:
        return
    for page, following in subscriptions.audience(order, start=tuple(message["start"])):
        now = clock.now_ms()
        offers = [{"user_id": user_id, "order_id": order.id, "due_at": now} for user_id in page]
        queues.send(Queue.OFFERS, offers, now)
        metrics.add_metric("OffersQueued", "Count", len(offers))
        if context.get_remaining_time_in_millis() < _MARGIN_MS:
            queues.send(Queue.NEW_ORDERS, [{**message, "start": following, "due_at": now}], now)
            return


handler = queue_handler(Queue.NEW_ORDERS, find_audience)
