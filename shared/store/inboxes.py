"""The inboxes of executors: one item each, written under optimistic concurrency."""

from collections.abc import Iterable
from dataclasses import replace

from shared import clock
from shared.domain import inbox as rules
from shared.domain.delivery import Delivery
from shared.domain.durations import DAY_MS
from shared.domain.inbox import Inbox
from shared.domain.order import Order
from shared.domain.user import User
from shared.store import conditions, keys, orders, table, users

_RETENTION_MS = DAY_MS


def _from_item(item: table.Item | None) -> Inbox:
    if item is None:
        return Inbox()
    delivery = item.get("delivery")
    return Inbox(
        window_ends_at=item["window_ends_at"],
        collected=item["collected"],
        sending=item["sending"],
        told=item["told"],
        delivery=Delivery(**delivery) if delivery else None,
        version=item["version"],
    )


def read(user_id: int, order_id: str | None) -> tuple[Inbox, User, Order | None]:
    """Return an executor's inbox, the executor, and the order. One consistent BatchGetItem. Raises Unavailable."""
    wanted = [keys.inbox(user_id), keys.user(user_id), *([keys.order(order_id)] if order_id else [])]
    inbox, user, *order = table.get_many(wanted, consistent=True)
    [order_item] = order or [None]
    return _from_item(inbox), users.from_item(user_id, user), orders.from_item(order_item) if order_item else None


def orders_in(user_id: int) -> list[str]:
    """Return the ids of all orders in an executor's inbox, sent or collected.

    One consistent GetItem. Raises Unavailable.
    """
    inbox = _from_item(table.get(keys.inbox(user_id)))
    return sorted({**inbox.told, **inbox.sending, **inbox.collected})


def load(order_ids: Iterable[str]) -> list[Order]:
    """Return those of the orders that are stored, the newest first.

    One consistent BatchGetItem per hundred. Raises Unavailable.
    """
    found = table.get_many([keys.order(order_id) for order_id in order_ids], consistent=True)
    return sorted((orders.from_item(item) for item in found if item), key=lambda order: -order.created_at)


def write(user_id: int, before: Inbox, after: Inbox) -> Inbox:
    """Replace the inbox that was read, and return the stored one.

    One PutItem. Raises table.WriteConflict if the inbox changed since it was read, Unavailable.
    """
    now = clock.now_ms()
    after = replace(rules.tidy(after, now), version=before.version + 1)
    item: dict[str, object] = {
        **keys.inbox(user_id),
        "window_ends_at": after.window_ends_at,
        "collected": after.collected,
        "sending": after.sending,
        "told": after.told,
        "version": after.version,
        "ttl": (now + _RETENTION_MS) // 1000,
    }
    if after.delivery is not None:
        item["delivery"] = {"tries": after.delivery.tries, "held_until": after.delivery.held_until}
    as_read = conditions.INBOX_AS_READ if before.version else conditions.NO_INBOX_YET
    values = {":version_read": before.version} if before.version else None
    if not table.put_if(item, condition=as_read, values=values):
        raise table.WriteConflict
    return after
