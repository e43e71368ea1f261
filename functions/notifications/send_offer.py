"""The queue of offers: tell an executor of a new order, or of the orders collected since."""

from collections.abc import Sequence
from typing import Any

from shared import clock
from shared.aws.queues import Queue
from shared.bot import texts
from shared.bot.sending import BotMessage, app_button, dropped, send
from shared.commands import inboxes as commands
from shared.domain import delivery as deliveries
from shared.domain.delivery import Outcome
from shared.domain.messages import Digest, Offer, offer_or_digest
from shared.domain.order import Order
from shared.handlers.background import queue_handler
from shared.observability import best_effort, metrics
from shared.service_errors import RetryLater
from shared.store import notices

# Orders of which this process knows that at least one executor was told.
_told: set[str] = set()
_MOST_KNOWN = 10_000


def send_offer(message: Offer | Digest, context: Any) -> None:
    """Send a new order or a digest, collect the order, or drop it, as `inbox.plan` decides.

    The calls of `commands.claim` before sending, of `sending.send`, and of `commands.record` after it. One PutItem for
    an order that no executor was told of before; its failure fails no message. Raises RetryLater, Busy, Unavailable,
    NotQueued.
    """
    plan = commands.claim(message)
    for reason, order_ids in plan.dropped.items():
        dropped(reason, message.user_id, order_ids)
    if plan.send:
        outcome, seconds = send(message.user_id, lambda now: _compose(plan.send, now), has_turn=plan.has_turn)
        useful_until = max(order.expires_at for order in plan.send)
        now = clock.now_ms()
        outcome = deliveries.in_time(outcome, now + seconds * 1000, useful_until)
        inbox = commands.record(message.user_id, plan.inbox, outcome, now)
        if outcome is Outcome.ARRIVED:
            with best_effort():
                _note_first(plan.send)
        elif outcome in (Outcome.MISSED, Outcome.IN_DOUBT):
            raise RetryLater(max(seconds, deliveries.rest_ms(inbox.delivery, now) / 1000))
        else:
            dropped(outcome, message.user_id, list(plan.inbox.sending))
    # This digest finished an earlier send: no other message comes for the orders collected since.
    if isinstance(message, Digest) and plan.inbox.collected:
        raise RetryLater(0)


def _compose(orders: Sequence[Order], now: int) -> BotMessage | None:
    orders = [order for order in orders if now < order.expires_at]
    if not orders:
        return None
    if len(orders) == 1:
        return BotMessage(texts.offer(orders[0], now), [[app_button(texts.OPEN_ORDER, orders[0])]])
    buttons = [
        [app_button(f"{number}. {order.category}, {order.city}", order)]
        for number, order in enumerate(texts.listed(orders), start=1)
    ]
    return BotMessage(texts.digest(orders, now), buttons)


def _note_first(orders: Sequence[Order]) -> None:
    now = clock.now_ms()
    for order in orders:
        if order.id in _told:
            continue
        if len(_told) >= _MOST_KNOWN:
            _told.clear()
        if notices.is_first(order.id, now):
            metrics.add_metric("FirstNotificationAge", "Milliseconds", now - order.created_at)
        _told.add(order.id)


handler = queue_handler(Queue.OFFERS, offer_or_digest, send_offer)
