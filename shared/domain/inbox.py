"""What an executor was told of new orders, and when he may be told more.

The first order that he wants goes out at once and opens a window of the length that he set. What comes while it is open
is collected, and goes out as one digest when it ends, without orders that nobody can take any more; that opens the next
window. No order is told twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.domain import delivery as deliveries
from shared.domain.delivery import Delivery, Outcome
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


def why_not(order: Order | None, user: User, now: int) -> str | None:
    """Why the user is not told of the order at `now`, in a word; None when he is to be told."""
    if order is None or status_at(order, now) is not Status.ACTIVE:
        return "ended"
    if len(order.takes) >= MAX_TAKES:
        return "filled"
    if user.chat_open is False:
        return "unreachable"
    return None if user.wants(order) else "unsubscribed"


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
        window_ends_at=now + frequency * 60_000,
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
        window_ends_at=now + frequency * 60_000,
    )


def after(inbox: Inbox, outcome: Outcome) -> Inbox:
    """The inbox after a try to send; the same where that is settled already."""
    if inbox.delivery is None:
        return inbox
    delivery = deliveries.after(inbox.delivery, outcome)
    if delivery is not None:
        return replace(inbox, delivery=delivery)
    return _with_window(_over(inbox), outcome == "arrived")


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
