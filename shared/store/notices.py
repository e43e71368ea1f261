"""Notices that were sent or are being sent: one claim (lease) each."""

from collections.abc import Sequence

from shared.domain.delivery import Delivery
from shared.domain.durations import DAY_MS
from shared.domain.notice import Notice
from shared.domain.order import Order
from shared.domain.user import User
from shared.store import conditions, keys, orders, table, users

_RETENTION_MS = 2 * DAY_MS


def read(notice: Notice) -> tuple[Delivery | None, bool, User, Order | None]:
    """Return a notice's claim, whether the notice is over, its recipient and its order.

    One consistent BatchGetItem. Raises Unavailable.
    """
    claim, user, order = table.get_many(
        [keys.notice(notice), keys.user(notice.user_id), keys.order(notice.order_id)], consistent=True
    )
    return (
        Delivery(claim["tries"], claim["held_until"]) if claim else None,
        bool(claim and claim["is_over"]),
        users.from_item(notice.user_id, user),
        orders.from_item(order) if order else None,
    )


def write(notice: Notice, before: Delivery | None, after: Delivery | None, now: int) -> bool:
    """Replace the claim that was read; `after` is None for a notice that is over. Return False if the claim changed.

    One PutItem. Raises Unavailable.
    """
    left = after or before or Delivery(0, 0)
    return table.put_if(
        {
            **keys.notice(notice),
            "tries": left.tries,
            "held_until": left.held_until,
            "is_over": after is None,
            "ttl": (now + _RETENTION_MS) // 1000,
        },
        condition=conditions.NOTICE_AS_READ if before else conditions.NOT_THERE,
        values={":tries_read": before.tries, ":held_read": before.held_until} if before else None,
    )


def stored(wanted: Sequence[Notice]) -> list[tuple[Notice, bool]]:
    """Return those of the notices of which there is a claim, and whether each is over: sent, refused or of no use.

    One BatchGetItem per hundred. Raises Unavailable.
    """
    found = table.get_many([keys.notice(notice) for notice in wanted], consistent=False)
    return [(notice, item["is_over"]) for notice, item in zip(wanted, found, strict=True) if item]


def is_first(order_id: str, now: int) -> bool:
    """Mark that a notification about the order was sent, and return whether it is the first.

    One PutItem. Raises Unavailable.
    """
    mark = {**keys.first_notification(order_id), "ttl": (now + _RETENTION_MS) // 1000}
    return table.put_if(mark, condition=conditions.NOT_THERE)
