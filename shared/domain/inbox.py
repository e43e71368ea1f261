"""An executor's inbox: the new orders that were sent to them, and when the next may be sent.

The first order that an executor subscribes to is sent at once. It opens a window of the length that the executor set.
Orders that arrive during the window are collected and sent as one digest when it ends. The digest leaves out orders
that nobody can take any more, and opens the next window. The inbox remembers each order, so a repeated offer
changes nothing (idempotent).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.domain import delivery as deliveries
from shared.domain.delivery import Delivery, Outcome
from shared.domain.durations import MINUTE_MS
from shared.domain.messages import Digest, Offer
from shared.domain.order import MAX_TAKES, Order, Status, status_at
from shared.domain.user import User

Ends = Mapping[str, int]
"""Ids of orders to the ends of their hours, epoch ms. After its hour an order is neither sent nor remembered."""

Step = Literal["nothing", "somebody_sends", "send_again", "collect", "send"]


@dataclass(frozen=True, slots=True)
class Inbox:
    """One executor's inbox. While there is a `delivery`, the orders in `sending` are being sent.

    `next_turn_at`: when the bot may send to the chat again, epoch ms. Other messages than offers count, too.
    """

    window_ends_at: int = 0
    collected: Ends = field(default_factory=dict)
    sending: Ends = field(default_factory=dict)
    told: Ends = field(default_factory=dict)
    delivery: Delivery | None = None
    version: int = 0
    next_turn_at: int = 0

    def knows(self, order_id: str) -> bool:
        """Whether the order is in the inbox, in whatever state."""
        return order_id in self.collected or order_id in self.sending or order_id in self.told


@dataclass(frozen=True, slots=True)
class Plan:
    """The result of a message: the inbox, the orders to send, the orders to drop, and the digest to queue.

    `inbox` is written if `changed`. `retry_at` (epoch ms) is set alone, when nothing can be done before then. `digest`
    is queued before the inbox is written, so that no collected order is left without a digest. `collects` is true if an
    order was added to the collected ones. `has_turn` is true if the claim took the turn of the chat as well.
    """

    inbox: Inbox
    changed: bool = False
    send: Sequence[Order] = ()
    dropped: Mapping[Outcome, Sequence[str]] = field(default_factory=dict)
    digest: Digest | None = None
    collects: bool = False
    has_turn: bool = False
    retry_at: int | None = None


def needed(read: Inbox, user: User, message: Offer | Digest, order: Order | None, now: int) -> Ends:
    """Return the orders that `plan` needs: those that would be sent at `now`."""
    inbox, _ = _received(read, user, message, order, now)
    if inbox is None:
        return {}
    return {"send": inbox.collected, "send_again": inbox.sending}.get(next_step(inbox, now), {})


def plan(
    read: Inbox, user: User, message: Offer | Digest, order: Order | None, found: Iterable[Order], now: int
) -> Plan:
    """Return the result of the message at `now`.

    `order` is the order of an offer, None if it is no longer stored. `found` are the stored orders among `needed`.
    """
    before = tidy(read, now)
    inbox, reason = _received(read, user, message, order, now)
    if inbox is None:
        assert isinstance(message, Offer) and reason is not None  # noqa: S101, PT018 - a digest is always received
        return Plan(before, dropped={reason: [message.order_id]})
    standing = [order for order in found if drop_reason(order, user, now) is None]
    wanted: Ends = {}
    match next_step(inbox, now):
        case "collect" if isinstance(message, Digest):  # the window may have moved since the digest was queued
            return Plan(before, retry_at=inbox.window_ends_at)
        case "somebody_sends" if inbox == before and inbox.delivery is not None:
            return Plan(before, retry_at=inbox.delivery.held_until)
        case "send":
            wanted = inbox.collected
            inbox = claim(inbox, standing, frequency=user.notification_frequency, now=now)
        case "send_again":
            wanted = inbox.sending
            inbox = reclaim(inbox, standing, frequency=user.notification_frequency, now=now)
        case _:
            standing = []
    dropped = {}
    if gone := sorted(set(wanted) - {order.id for order in standing}):
        dropped[Outcome.ENDED] = gone
    if standing and inbox.delivery is None:
        dropped[Outcome.IN_DOUBT] = [order.id for order in standing]
    collects = len(inbox.collected) > len(before.collected)
    digest = None
    if collects and not before.collected:
        digest = Digest(user.id, inbox.window_ends_at, due_at=max(inbox.window_ends_at, now))
    return Plan(
        inbox,
        changed=inbox != before,
        send=standing if inbox.delivery is not None else [],
        dropped=dropped,
        digest=digest,
        collects=collects,
    )


def _received(
    read: Inbox, user: User, message: Offer | Digest, order: Order | None, now: int
) -> tuple[Inbox | None, Outcome | None]:
    """Return the inbox with the order of the message, or None and the reason if the order is dropped."""
    inbox = tidy(read, now)
    if isinstance(message, Digest):
        return inbox, None
    reason = drop_reason(order, user, now)
    if reason is None and order is not None:
        return with_order(inbox, order), None
    # An order that is being sent is handled to its end, even if it ended meanwhile.
    return (inbox, None) if message.order_id in inbox.sending else (None, reason)


def drop_reason(order: Order | None, user: User, now: int) -> Outcome | None:
    """Return why the order is not sent to the user at `now`; None if it is sent."""
    if order is None or status_at(order, now) is not Status.ACTIVE:
        return Outcome.ENDED
    if len(order.takes) >= MAX_TAKES:
        return Outcome.FILLED
    if user.chat_open is False:
        return Outcome.UNREACHABLE
    return None if user.wants(order, now) else Outcome.UNSUBSCRIBED


def with_order(inbox: Inbox, order: Order) -> Inbox:
    """Return the inbox with one more collected order. Unchanged if the inbox knows the order (idempotent)."""
    if inbox.knows(order.id):
        return inbox
    return replace(inbox, collected={**inbox.collected, order.id: order.expires_at})


def next_step(inbox: Inbox, now: int) -> Step:
    """Return the next step for the inbox at `now`."""
    if deliveries.is_held(inbox.delivery, now):
        return "somebody_sends"
    if inbox.delivery is not None:
        return "send_again"
    if not inbox.collected:
        return "nothing"
    return "collect" if now < inbox.window_ends_at else "send"


def claim(inbox: Inbox, orders: Iterable[Order], *, frequency: int, now: int) -> Inbox:
    """Claim the inbox to send `orders`, the collected orders that can still be taken. Opens a window if there are any.

    `frequency` is in minutes.
    """
    sending = {order.id: order.expires_at for order in orders}
    if not sending:
        return replace(inbox, collected={})
    return replace(
        inbox,
        collected={},
        sending=sending,
        delivery=deliveries.claimed(None, now),
        window_ends_at=now + frequency * MINUTE_MS,
    )


def reclaim(inbox: Inbox, orders: Iterable[Order], *, frequency: int, now: int) -> Inbox:
    """Claim the inbox again for `orders`, the orders in sending that can still be taken. Without any, sending is over.

    The window of `frequency` minutes starts at the new claim, not at the earlier try.
    """
    sending = {order.id: order.expires_at for order in orders}
    if not sending or deliveries.is_spent(inbox.delivery):
        return _with_window(_over(inbox), deliveries.may_have_arrived(inbox.delivery))
    return replace(
        _over(inbox),
        sending=sending,
        delivery=deliveries.claimed(inbox.delivery, now),
        window_ends_at=now + frequency * MINUTE_MS,
    )


def after(inbox: Inbox, outcome: Outcome, now: int) -> Inbox:
    """Return the inbox after a try to send that ended at `now`. Unchanged if the outcome is already settled."""
    if inbox.delivery is None:
        return inbox
    delivery = deliveries.after(inbox.delivery, outcome, now)
    if delivery is not None:
        return replace(inbox, delivery=delivery)
    return _with_window(_over(inbox), outcome is Outcome.ARRIVED)


def tidy(inbox: Inbox, now: int) -> Inbox:
    """Return the inbox without the orders whose hour is over."""
    return replace(
        inbox,
        collected={order: ends for order, ends in inbox.collected.items() if ends > now},
        told={order: ends for order, ends in inbox.told.items() if ends > now},
    )


def _with_window(inbox: Inbox, heard: bool) -> Inbox:
    """Close the window if no message arrived: the next order does not follow a message, so it can be sent at once."""
    return inbox if heard else replace(inbox, window_ends_at=0)


def _over(inbox: Inbox) -> Inbox:
    return replace(inbox, told={**inbox.told, **inbox.sending}, sending={}, delivery=None)
