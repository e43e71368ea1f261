"""The queue of offers: an executor hears of a new order, or of those that were collected for him."""

from collections.abc import Sequence
from typing import Any

from shared import clock
from shared.aws import queues
from shared.aws.queues import Message, Queue
from shared.bot import texts
from shared.bot.sending import Said, app_button, dropped, send
from shared.domain import inbox as rules
from shared.domain.inbox import Inbox
from shared.domain.order import Order
from shared.domain.user import User
from shared.handlers.background import queue_handler
from shared.observability import metrics
from shared.service_errors import RetryLater
from shared.store import inboxes, notices, table

# Orders of which this process knows that somebody was told.
_told: set[str] = set()
_MOST_KNOWN = 10_000


def send_offer(message: Message, context: Any) -> None:
    """Send, or collect, or do neither, by the rules of `domain.inbox`.

    The message is `{"user_id", "order_id"}` for a new order, `{"user_id", "window_ends_at"}` for a digest. One
    BatchGetItem, one more for a digest; a claim before sending and its end after it, a PutItem each; `sending.send`; a
    PutItem for an order of which nobody was told yet. What is collected is one PutItem, the first of a digest one
    SendMessageBatch besides.
    """
    user_id = message["user_id"]
    inbox, orders = table.retry(lambda: _claim(message))
    if orders:
        outcome, seconds = send(user_id, lambda now: _say(orders, now))
        inboxes.change(user_id, inbox, lambda inbox: rules.after(inbox, outcome))
        if outcome == "arrived":
            _note_first(orders)
        elif outcome in ("missed", "in_doubt"):
            raise RetryLater(seconds)
        else:
            dropped("ended" if outcome == "too_late" else outcome, user_id, list(inbox.sending))
    # A digest that saw to what was on its way before: nobody else comes for what is collected.
    if "window_ends_at" in message and inbox.collected:
        raise RetryLater(0)


def _claim(message: Message) -> tuple[Inbox, Sequence[Order]]:
    """The inbox claimed for sending these orders now, none where nothing is to be sent now."""
    user_id, order_id = message["user_id"], message.get("order_id")
    read, user, order = inboxes.read(user_id, order_id)
    now = clock.now_ms()
    before = inbox = rules.tidy(read, now)
    if order_id is not None:
        reason = rules.why_not(order, user, now)
        if reason is None and order is not None:
            inbox = rules.with_order(before, order)
        elif order_id not in before.sending:
            dropped(str(reason), user_id, [order_id])
            return before, []

    step = rules.next_step(inbox, now)
    if step == "collect" and "window_ends_at" in message:  # the window may have moved since
        raise RetryLater((inbox.window_ends_at - now) / 1000)
    if step == "somebody_sends" and inbox == before and inbox.delivery is not None:
        raise RetryLater((inbox.delivery.held_until - now) / 1000)
    if step == "send":
        wanted = inbox.collected
        standing = _standing(wanted, order, user, now)
        inbox = rules.claim(inbox, standing, frequency=user.notification_frequency, now=now)
    elif step == "send_again":
        wanted = inbox.sending
        standing = _standing(wanted, order, user, now)
        inbox = rules.reclaim(inbox, standing, frequency=user.notification_frequency, now=now)
    else:
        wanted, standing = {}, []

    if len(inbox.collected) > len(before.collected):
        _see_to_the_digest(user_id, before, inbox, now)
    if inbox != before:
        inbox = inboxes.write(user_id, read, inbox)
    if gone := set(wanted) - {it.id for it in standing}:
        dropped("ended", user_id, sorted(gone))
    if standing and inbox.delivery is None:
        dropped("in_doubt", user_id, [it.id for it in standing])
    return inbox, standing if inbox.delivery is not None else []


def _standing(wanted: rules.Ends, known: Order | None, user: User, now: int) -> list[Order]:
    found = [known] if known is not None and set(wanted) == {known.id} else inboxes.load(wanted)
    return [order for order in found if rules.why_not(order, user, now) is None]


def _see_to_the_digest(user_id: int, before: Inbox, after: Inbox, now: int) -> None:
    """Have somebody come when the window ends. Before the order is put into the inbox: so none waits there for ever."""
    metrics.add_metric("Collected", "Count", 1)
    if not before.collected:
        due_at = max(after.window_ends_at, now)
        digest = {"user_id": user_id, "window_ends_at": after.window_ends_at, "due_at": due_at}
        queues.send(Queue.OFFERS, [digest], now)


def _say(orders: Sequence[Order], now: int) -> Said | None:
    orders = [order for order in orders if now < order.expires_at]
    if not orders:
        return None
    if len(orders) == 1:
        return Said(texts.offer(orders[0], now), [[app_button(texts.OPEN_ORDER, orders[0])]])
    buttons = [
        [app_button(f"{number}. {order.category}, {order.city}", order)]
        for number, order in enumerate(texts.listed(orders), start=1)
    ]
    return Said(texts.digest(orders, now), buttons)


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


handler = queue_handler(Queue.OFFERS, send_offer)
