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
from shared.store.send_rate import BETWEEN_SENDS_TO_A_CHAT_MS

_RETENTION_MS = DAY_MS


def _from_item(item: table.Item | None) -> Inbox:
    if item is None:
        return Inbox()
    delivery = item.get("delivery")
    return Inbox(
        # A chat to which no offer was sent has a turn only.
        window_ends_at=item.get("window_ends_at", 0),
        collected=item.get("collected", {}),
        sending=item.get("sending", {}),
        told=item.get("told", {}),
        delivery=Delivery(**delivery) if delivery else None,
        version=item.get("version", 0),
        next_turn_at=item.get("next_at", 0),
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


def write(user_id: int, before: Inbox, after: Inbox, *, takes_turn: bool = False) -> Inbox:
    """Replace the inbox that was read, and return the stored one. With `takes_turn`, take the turn of the chat as well.

    One UpdateItem. Raises table.WriteConflict if the inbox changed since it was read or the chat has a turn ahead,
    Unavailable.
    """
    now = clock.now_ms()
    next_turn_at = now + BETWEEN_SENDS_TO_A_CHAT_MS if takes_turn else before.next_turn_at
    after = replace(rules.tidy(after, now), version=before.version + 1, next_turn_at=next_turn_at)
    values: dict[str, object] = {
        ":window_ends_at": after.window_ends_at,
        ":collected": after.collected,
        ":sending": after.sending,
        ":told": after.told,
        ":version": after.version,
        ":ttl": (max(now, next_turn_at) + _RETENTION_MS) // 1000,
    }
    fields = ["window_ends_at", "collected", "sending", "told", "version"]
    clauses = [conditions.NO_INBOX_YET]
    if before.version:
        clauses = [conditions.INBOX_AS_READ]
        values[":version_read"] = before.version
    if after.delivery is not None:
        fields.append("delivery")
        values[":delivery"] = {"tries": after.delivery.tries, "held_until": after.delivery.held_until}
    if takes_turn:
        fields.append("next_at")
        clauses.append(conditions.NO_TURN_AHEAD)
        values |= {":next_at": next_turn_at, ":now": now}
    sets = ", ".join(f"{name} = :{name}" for name in fields)
    removes = " REMOVE delivery" if after.delivery is None else ""
    done, _ = table.update_if(
        keys.inbox(user_id),
        f"SET {sets}, #ttl = :ttl{removes}",
        condition=conditions.all_of(*clauses),
        values=values,
    )
    if not done:
        raise table.WriteConflict
    return after
