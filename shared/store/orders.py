"""Orders, the contact locks that belong to them, and the takes inside them. Each change is one transaction."""

from typing import TYPE_CHECKING

from shared.domain.init_data import TelegramUser
from shared.domain.money import LedgerEntry, take_cause
from shared.domain.order import MAX_TAKES, Order, Status, Take, due_at
from shared.domain.user import User
from shared.store import conditions, keys, ledger, table, users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# Personal data is kept this long after the order was made; then DynamoDB's TTL removes the order.
RETENTION = 30 * 24 * 60 * 60 * 1000


def _item(order: Order) -> table.Item:
    """The item of a new order; what comes later is set by the change that brings it."""
    return {
        **keys.order(order.id),
        "owner_id": order.owner_id,
        "category": order.category,
        "city": order.city,
        "description": order.description,
        "contact": order.contact,
        "contact_key": order.contact_key,
        "created_at": order.created_at,
        "expires_at": order.expires_at,
        "status": order.status,
        "takes": {},
        "ttl": (order.created_at + RETENTION) // 1000,
        **keys.order_list_keys(order),
        keys.ORDERS.sk: keys.list_sk(order),
        keys.TIMELINE.pk: keys.orders_of(order.owner_id),
        keys.TIMELINE.sk: keys.timeline_sk(order),
        **keys.due_keys(order),
    }


def from_item(item: table.Item) -> Order:
    """The order of an item."""
    return Order(
        id=keys.order_id_of(item),
        owner_id=item["owner_id"],
        category=item["category"],
        city=item["city"],
        description=item["description"],
        contact=item["contact"],
        contact_key=item["contact_key"],
        created_at=item["created_at"],
        expires_at=item["expires_at"],
        status=Status(item["status"]),
        takes={
            int(executor_id): Take(int(executor_id), take["taken_at"], take["price"], take["executor_count"])
            for executor_id, take in item["takes"].items()
        },
        answer_due_at=item.get("answer_due_at"),
        responded_at=item.get("responded_at"),
        ended_at=item.get("ended_at"),
        rating=item.get("rating"),
        review_comment=item.get("review_comment"),
    )


def get(order_id: str) -> Order | None:
    """The order as it is now. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.order(order_id))
    return from_item(item) if item else None


# ---------------------------------------------------------------- contact locks


def _put_lock(order: Order, contact_key: str, now: int) -> "TransactWriteItemTypeDef":
    return table.put(
        {
            **keys.contact_lock(contact_key),
            "order_id": order.id,
            "expires_at": order.expires_at,
            # Rounded up: TTL has seconds, and must not free a contact before its hour is over.
            "ttl": -(-order.expires_at // 1000),
        },
        condition=conditions.LOCK_FREE,
        values={":now": now},
    )


def _remove_lock(order: Order) -> "TransactWriteItemTypeDef":
    return table.remove(
        keys.contact_lock(order.contact_key),
        condition=conditions.LOCK_OURS,
        values={":order_id": order.id},
    )


def _holds_lock(order: Order) -> bool:
    lock = table.get(keys.contact_lock(order.contact_key))
    return lock is not None and lock["order_id"] == order.id


def lock_holder(contact_key: str, now: int) -> str | None:
    """The id of the order that holds the contact at `now`. One consistent GetItem. Raises Unavailable."""
    lock = table.get(keys.contact_lock(contact_key))
    return lock["order_id"] if lock and lock["expires_at"] > now else None


# ---------------------------------------------------------------- changes


def create(order: Order, caller: TelegramUser) -> None:
    """Put the order, the lock on its contact, and one more on its owner's counter.

    One TransactWriteItems of three writes. Raises table.Stale: the contact is busy, or the order is there already.
    """
    table.transact(
        [
            table.put(_item(order), condition=conditions.NOT_THERE),
            _put_lock(order, order.contact_key, order.created_at),
            users.change(order.owner_id, caller=caller, active_orders=1),
        ]
    )


def edit(before: Order, after: Order, now: int) -> None:
    """Write what `after` has of category, description and contact that `before` had not; the lock follows the contact.

    One TransactWriteItems of one write, three where the contact moves. Raises table.Stale.
    """
    changed = {
        name: getattr(after, name)
        for name in ("category", "description", "contact", "contact_key")
        if getattr(after, name) != getattr(before, name)
    }
    if not changed:
        return
    if "category" in changed:
        changed |= keys.order_list_keys(after)
    writes = [
        table.change(
            keys.order(before.id),
            "SET " + ", ".join(f"{name} = :{name}" for name in changed),
            condition=conditions.all_of(
                conditions.OWNED_BY_CALLER,
                conditions.STORED_ACTIVE,
                conditions.HOUR_RUNNING,
                conditions.NOBODY_TOOK_IT,
                conditions.CONTACT_AS_READ,
            ),
            values={
                **{f":{name}": value for name, value in changed.items()},
                ":caller": before.owner_id,
                ":active": Status.ACTIVE,
                ":now": now,
                ":none": 0,
                ":contact_read": before.contact_key,
            },
        )
    ]
    if after.contact_key != before.contact_key:
        writes += [_remove_lock(before), _put_lock(after, after.contact_key, now)]
    table.transact(writes)


def take(before: Order, after: Order, debit: LedgerEntry, caller: TelegramUser) -> None:
    """Put the caller's take into the order, pay for it, and count it among his active orders.

    One TransactWriteItems of three writes. Raises table.Stale: the order or the balance moved, or he took it already.
    """
    taken = after.takes[caller.id]
    table.transact(
        [
            table.change(
                keys.order(before.id),
                "SET takes.#caller = :take, answer_due_at = :answer_due_at, due_at = :due_at",
                condition=conditions.all_of(
                    conditions.STORED_ACTIVE,
                    conditions.HOUR_RUNNING,
                    conditions.NOT_OWNED_BY_CALLER,
                    conditions.NOT_TAKEN_BY_CALLER,
                    conditions.SLOT_FREE,
                    conditions.TAKES_AS_READ,
                    conditions.ANSWERED_OR_IN_TIME,
                ),
                names={"#caller": str(caller.id)},
                values={
                    ":take": {
                        "taken_at": taken.taken_at,
                        "price": taken.price,
                        "executor_count": taken.executor_count,
                    },
                    ":answer_due_at": after.answer_due_at,
                    ":due_at": due_at(after),
                    ":active": Status.ACTIVE,
                    ":now": taken.taken_at,
                    ":caller": caller.id,
                    ":max_takes": MAX_TAKES,
                    ":takes_read": len(before.takes),
                },
            ),
            users.change(caller.id, caller=caller, entry=debit, active_orders=1),
            ledger.put(
                debit,
                lists={keys.ORDERS.pk: keys.taken_by(caller.id), keys.ORDERS.sk: keys.list_sk(after)},
            ),
        ]
    )


def end(before: Order, after: Order, now: int) -> None:
    """Write an order's end: the order, its owner's counter, and its lock where it still holds it.

    One TransactWriteItems of up to three writes; before it one consistent GetItem where the hour is over, for the
    lock may be a newer order's by then (I15). Raises table.Stale, Unavailable.
    """
    ended: dict[str, object] = {
        "status": after.status,
        "ended_at": after.ended_at,
        **keys.order_list_keys(after),
        **keys.due_keys(after),
    }
    nothing_due = "" if keys.due_keys(after) else f" REMOVE {keys.DUE.pk}, {keys.DUE.sk}"
    writes = [
        table.change(
            keys.order(before.id),
            f"SET {', '.join(f'#{name} = :to_{name}' for name in ended)}{nothing_due}",
            condition=conditions.all_of(conditions.STORED_AS_READ, conditions.TAKES_AS_READ),
            names={f"#{name}": name for name in ended},
            values={
                **{f":to_{name}": value for name, value in ended.items()},
                ":status": before.status,
                ":takes_read": len(before.takes),
            },
        )
    ]
    if before.status is Status.ACTIVE:
        writes.append(users.change(before.owner_id, active_orders=-1))
        if now < before.expires_at or _holds_lock(before):
            writes.append(_remove_lock(before))
    table.transact(writes)


def read_for_take(order_id: str, user_id: int) -> tuple[Order | None, User, LedgerEntry | None]:
    """The order, the user, and the debit that he paid for the order with if he did, as they are now.

    One consistent BatchGetItem. Raises Unavailable.
    """
    order, user, debit = table.get_many(
        [keys.order(order_id), keys.user(user_id), keys.ledger_entry(user_id, take_cause(order_id))],
        consistent=True,
    )
    return (
        from_item(order) if order else None,
        users.from_item(user_id, user),
        ledger.from_item(debit) if debit else None,
    )
