"""What an executor was told of new orders, and when he may be told more.

The first order that he wants goes out at once and opens a window of the length that he set. What comes while it is open
is collected, and goes out as one digest when it ends, without orders that nobody can take any more; that opens the next
window. No order is told twice.
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
"""Ids of orders to the end of their hours, epoch ms: after that, nobody speaks of the order and it is forgotten."""

Step = Literal["nothing", "somebody_sends", "send_again", "collect", "send"]


@dataclass(frozen=True, slots=True)
class Inbox:
    """One executor's. While there is a `delivery`, `sending` is on its way to him."""

    window_ends_at: int = 0
    collected: Ends = field(default_factory=dict)
    sending: Ends = field(default_factory=dict)
    told: Ends = field(default_factory=dict)
    delivery: Delivery | None = None
    version: int = 0

    def knows(self, order_id: str) -> bool:
        """Whether the order came here before."""
        return order_id in self.collected or order_id in self.sending or order_id in self.told


@dataclass(frozen=True, slots=True)
class Plan:
    """What a message leads to: the inbox to write where `changed`, the orders to send, what is dropped, and what to
    queue first.

    `retry_at` (epoch ms) is set when nothing can be done before then; nothing else is set then. `digest` is queued
    before the inbox is written, so that no collected order is left without a digest. `collects` tells that an order was
    added to those that wait for it.
    """

    inbox: Inbox
    changed: bool = False
    send: Sequence[Order] = ()
    dropped: Mapping[Outcome, Sequence[str]] = field(default_factory=dict)
    digest: Digest | None = None
    collects: bool = False
    retry_at: int | None = None


def needed(read: Inbox, user: User, message: Offer | Digest, order: Order | None, now: int) -> Ends:
    """The orders that `plan` must be given: those that would be sent at `now`."""
    inbox, _ = _received(read, user, message, order, now)
    if inbox is None:
        return {}
    return {"send": inbox.collected, "send_again": inbox.sending}.get(next_step(inbox, now), {})


def plan(
    read: Inbox, user: User, message: Offer | Digest, order: Order | None, found: Iterable[Order], now: int
) -> Plan:
    """What the message leads to at `now`.

    `order` is the one that an offer is about, None when it is not kept any more; `found` are those of `needed` that
    are.
    """
    before = tidy(read, now)
    inbox, reason = _received(read, user, message, order, now)
    if inbox is None:
        assert isinstance(message, Offer) and reason is not None  # noqa: S101, PT018 - a digest is always received
        return Plan(before, dropped={reason: [message.order_id]})
    standing = [order for order in found if drop_reason(order, user, now) is None]
    wanted: Ends = {}
    match next_step(inbox, now):
        case "collect" if isinstance(message, Digest):  # the window may have moved since
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
    """The inbox with the message's order in it; None and why not, where the order is dropped."""
    inbox = tidy(read, now)
    if isinstance(message, Digest):
        return inbox, None
    reason = drop_reason(order, user, now)
    if reason is None and order is not None:
        return with_order(inbox, order), None
    # An order that is being sent is seen to, whatever has become of it.
    return (inbox, None) if message.order_id in inbox.sending else (None, reason)


def drop_reason(order: Order | None, user: User, now: int) -> Outcome | None:
    """Why the user is not told of the order at `now`; None when they are to be told."""
    if order is None or status_at(order, now) is not Status.ACTIVE:
        return Outcome.ENDED
    if len(order.takes) >= MAX_TAKES:
        return Outcome.FILLED
    if user.chat_open is False:
        return Outcome.UNREACHABLE
    return None if user.wants(order) else Outcome.UNSUBSCRIBED


def with_order(inbox: Inbox, order: Order) -> Inbox:
    """The inbox with one more order waiting in it; the same where the order came before."""
    if inbox.knows(order.id):
        return inbox
    return replace(inbox, collected={**inbox.collected, order.id: order.expires_at})


def next_step(inbox: Inbox, now: int) -> Step:
    """What is to be done at `now`."""
    if deliveries.is_held(inbox.delivery, now):
        return "somebody_sends"
    if inbox.delivery is not None:
        return "send_again"
    if not inbox.collected:
        return "nothing"
    return "collect" if now < inbox.window_ends_at else "send"


def claim(inbox: Inbox, orders: Iterable[Order], *, frequency: int, now: int) -> Inbox:
    """The inbox claimed for sending `orders`, those of the collected that still stand; a window opens if there are any.

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
    """The inbox claimed once more for `orders`, those of what was being sent that still stand; over where none does.

    The window, of `frequency` minutes, opens when he hears, not when somebody tried to tell him.
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


def after(inbox: Inbox, outcome: Outcome) -> Inbox:
    """The inbox after a try to send; the same where that is settled already."""
    if inbox.delivery is None:
        return inbox
    delivery = deliveries.after(inbox.delivery, outcome)
    if delivery is not None:
        return replace(inbox, delivery=delivery)
    return _with_window(_over(inbox), outcome is Outcome.ARRIVED)


def tidy(inbox: Inbox, now: int) -> Inbox:
    """The inbox without the orders whose hour is over."""
    return replace(
        inbox,
        collected={order: ends for order, ends in inbox.collected.items() if ends > now},
        told={order: ends for order, ends in inbox.told.items() if ends > now},
    )


def _with_window(inbox: Inbox, heard: bool) -> Inbox:
    """Whom nothing reached is not disturbed by what comes next: no window is open."""
    return inbox if heard else replace(inbox, window_ends_at=0)


def _over(inbox: Inbox) -> Inbox:
    return replace(inbox, told={**inbox.told, **inbox.sending}, sending={}, delivery=None)
