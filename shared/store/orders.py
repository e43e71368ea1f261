"""Orders, their takes and their contact locks. Each change is one transaction."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from shared.aws import secrets
from shared.domain.contact import Contact
from shared.domain.durations import DAY_MS, ceil_seconds
from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token
from shared.domain.masking import masked_form
from shared.domain.money import BalanceChange, LedgerEntry, take_cause
from shared.domain.order import MAX_TAKES, Order, Status, Take
from shared.domain.user import User
from shared.store import conditions, keys, ledger, table, users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# Personal data is kept this long after the order was created. Then DynamoDB's TTL removes the order.
RETENTION_MS = 30 * DAY_MS


def _item(order: Order) -> table.Item:
    """Return the item of a new order. Later changes add further attributes."""
    return {
        **keys.order(order.id),
        "client_id": order.client_id,
        "category": order.category,
        "city": order.city,
        "description": order.description,
        "masked_description": order.masked_description,
        "contact": order.contact,
        "contact_key": order.contact_key,
        "created_at": order.created_at,
        "expires_at": order.expires_at,
        "edits": order.edits,
        "status": order.status,
        "takes": {},
        # Rounded up: until then, the lists of its executors count the order.
        "ttl": ceil_seconds(order.created_at + RETENTION_MS),
        **keys.order_list_keys(order),
        keys.LIST1.sk: keys.list_sk(order),
        keys.TIMELINE.pk: keys.orders_of(order.client_id),
        keys.TIMELINE.sk: keys.timeline_sk(order),
        **keys.due_keys(order),
    }


# The attributes that `from_item` reads. The index keys are left out: they are half of the data of a page.
ATTRIBUTES = tuple(field.name for field in fields(Order) if field.name != "id")


def from_item(item: table.Item) -> Order:
    """Return the order of an item.

    Texts were masked when they were written. Those from before there were masks are masked here.
    """
    return Order(
        id=keys.order_id_of(item),
        client_id=item["client_id"],
        category=item["category"],
        city=item["city"],
        description=item["description"],
        masked_description=(
            item["masked_description"] if "masked_description" in item else masked_form(item["description"])
        ),
        contact=item["contact"],
        contact_key=item["contact_key"],
        created_at=item["created_at"],
        expires_at=item["expires_at"],
        edits=item["edits"],
        status=Status(item["status"]),
        takes={
            int(executor_id): Take(
                int(executor_id),
                take["taken_at"],
                take["price"],
                take["executor_count"],
                take.get("refunded", False),
            )
            for executor_id, take in item["takes"].items()
        },
        answer_due_at=item.get("answer_due_at"),
        responded_at=item.get("responded_at"),
        ended_at=item.get("ended_at"),
        removed_at=item.get("removed_at"),
        rating=item.get("rating"),
        review_comment=item.get("review_comment"),
        masked_review_comment=(
            item["masked_review_comment"]
            if "masked_review_comment" in item
            else masked_form(item.get("review_comment") or "")
        ),
    )


def get(order_id: str) -> Order | None:
    """Return the order; None if it is not stored. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.order(order_id))
    return from_item(item) if item else None


def get_for(order_id: str, user_id: int) -> Order | None:
    """Return the order of `get_with_client`."""
    order, _ = get_with_client(order_id, user_id)
    return order


def get_with_client(order_id: str, user_id: int) -> tuple[Order | None, User]:
    """Return the order and the user who requests a change of it. The user must not be banned.

    One consistent BatchGetItem of the order and the user. Raises Banned, Unavailable.
    """
    order_item, user_item = table.get_many([keys.order(order_id), keys.user(user_id)], consistent=True)
    user = users.from_item(user_id, user_item)
    user.check_not_banned()
    return from_item(order_item) if order_item else None, user


def taken_by(user_id: int) -> list[str]:
    """Return the ids of all orders that a user took, also of those that TTL removed.

    One Query of the index per megabyte. Raises Unavailable.
    """
    return [keys.order_id_of(entry) for entry in table.query(keys.LIST1, keys.taken_by(user_id))]


def due(now: int) -> list[str]:
    """Return the ids of the orders with a deadline at or before `now` (epoch ms), the longest due first.

    One Query per megabyte of keys. The index lags behind the table, so the command reads the order itself before it
    decides. Raises Unavailable.
    """
    found = table.query(keys.DUE, keys.DUE_PARTITION, high=now, newest_first=False)
    return [keys.order_id_of(entry) for entry in found]


def read_for_take(order_id: str, user_id: int) -> tuple[Order | None, User, LedgerEntry | None]:
    """Return the order, the user, and the user's debit for this order if there is one.

    One consistent BatchGetItem. Raises table.WriteConflict if order and debit disagree, Unavailable.
    """
    order_item, user, debit = table.get_many(
        [keys.order(order_id), keys.user(user_id), keys.ledger_entry(user_id, take_cause(order_id))],
        consistent=True,
    )
    order = from_item(order_item) if order_item else None
    # A BatchGetItem is not a snapshot: a take may have been written between the reads of the order and of the debit.
    if order is not None and (user_id in order.takes) != (debit is not None):
        raise table.WriteConflict
    return order, users.from_item(user_id, user), ledger.from_item(debit) if debit else None


# ---------------------------------------------------------------- contact locks


def contact_key(contact: Contact) -> str:
    """Return the key of a contact in the table: the HMAC of its normal form. Raises Unavailable without the secret."""
    return keys.contact_key(contact.normal, secrets.contact_key())


def contact_holder(contact_key: str, now: int) -> str | None:
    """Return the id of the order whose lock holds the contact at `now`; None if the contact is free.

    One consistent GetItem. Raises Unavailable.
    """
    lock = table.get(keys.contact_lock(contact_key))
    return lock["order_id"] if lock is not None and lock["expires_at"] > now else None


def _lock_write(order: Order, now: int) -> "TransactWriteItemTypeDef":
    return table.put_write(
        {
            **keys.contact_lock(order.contact_key),
            "order_id": order.id,
            "expires_at": order.expires_at,
            # Rounded up, because TTL counts seconds and must not free a contact before the order's hour is over.
            "ttl": ceil_seconds(order.expires_at),
        },
        condition=conditions.LOCK_FREE,
        values={":now": now},
    )


def _unlock_write(order: Order) -> "TransactWriteItemTypeDef":
    return table.delete_write(
        keys.contact_lock(order.contact_key),
        condition=conditions.LOCK_OURS,
        values={":order_id": order.id},
    )


# ---------------------------------------------------------------- changes


def create(order: Order, caller: TelegramUser, token: Token, unspent: Token) -> None:
    """Put the order and its contact lock, and count the order for its client.

    `token` is the client's rate limit token for it; the token `unspent` must be in its bucket and stays there. One
    TransactWriteItems of three writes. Raises table.WriteConflict.
    """
    table.transact(
        [
            table.put_write(_item(order), condition=conditions.NOT_THERE),
            _lock_write(order, order.created_at),
            users.user_write(order.client_id, caller=caller, token=token, unspent=unspent, active_orders=1),
        ]
    )


def edit(before: Order, after: Order, caller: TelegramUser, token: Token | None, now: int) -> None:
    """Write the changed ones of category, description and contact. The lock moves with the contact.

    `token` is the client's rate limit token for a change of the contact; None when it does not change. One
    TransactWriteItems of one write, or of four when the contact changes. Raises table.WriteConflict.
    """
    changed = {
        name: getattr(after, name)
        for name in ("category", "description", "masked_description", "contact", "contact_key", "edits")
        if getattr(after, name) != getattr(before, name)
    }
    if "category" in changed:
        changed |= keys.order_list_keys(after)
    writes = [
        table.update_write(
            keys.order(before.id),
            "SET " + ", ".join(f"{name} = :{name}" for name in changed),
            condition=conditions.all_of(
                conditions.STORED_ACTIVE,
                conditions.HOUR_RUNNING,
                conditions.NOBODY_TOOK_IT,
                conditions.EDITS_AS_READ,
            ),
            values={
                **{f":{name}": value for name, value in changed.items()},
                ":active": Status.ACTIVE,
                ":now": now,
                ":none": 0,
                ":edits_read": before.edits,
            },
        )
    ]
    if token is not None:
        writes += [
            _unlock_write(before),
            _lock_write(after, now),
            users.user_write(caller.id, caller=caller, token=token),
        ]
    table.transact(writes)


def take(before: Order, after: Order, debit: BalanceChange, caller: TelegramUser, token: Token) -> None:
    """Put the caller's take into the order, debit its price, and count it among the caller's active orders.

    `token` is the caller's rate limit token for it. One TransactWriteItems of three writes. Raises table.WriteConflict
    if the order or the balance changed, or if the caller has already taken the order.
    """
    taken = after.takes[caller.id]
    table.transact(
        [
            table.update_write(
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
                    # The deadlines of an order depend on whether it is answered.
                    conditions.answer_as_read(before.responded_at),
                    conditions.EDITS_AS_READ,
                ),
                names={"#caller": str(caller.id)},
                values={
                    ":take": {
                        "taken_at": taken.taken_at,
                        "price": taken.price,
                        "executor_count": taken.executor_count,
                    },
                    ":answer_due_at": after.answer_due_at,
                    ":due_at": keys.due_keys(after)[keys.DUE.sk],
                    ":active": Status.ACTIVE,
                    ":now": taken.taken_at,
                    ":caller": caller.id,
                    ":max_takes": MAX_TAKES,
                    ":takes_read": len(before.takes),
                    # The executor must get the contact that they pay for, so an edit since the read is a conflict.
                    ":edits_read": before.edits,
                },
            ),
            users.user_write(caller.id, caller=caller, token=token, change=debit, active_orders=1),
            *(
                ledger.entry_write(
                    entry,
                    lists={keys.LIST1.pk: keys.taken_by(caller.id), keys.LIST1.sk: keys.list_sk(after)},
                )
                for entry in debit.entries
            ),
        ]
    )


def read_for_end(order: Order, executor_ids: Sequence[int]) -> tuple[bool, list[User]]:
    """Return whether the order's lock still holds its contact, and the executors to refund.

    One consistent BatchGetItem. Raises Unavailable.
    """
    lock, *found = table.get_many(
        [keys.contact_lock(order.contact_key), *(keys.user(executor_id) for executor_id in executor_ids)],
        consistent=True,
    )
    executors = [users.from_item(executor_id, item) for executor_id, item in zip(executor_ids, found, strict=True)]
    return lock is not None and lock["order_id"] == order.id, executors


def move(
    before: Order,
    after: Order,
    *,
    refunds: Sequence[BalanceChange] = (),
    frees_contact: bool = False,
    beside: "Sequence[TransactWriteItemTypeDef]" = (),
) -> None:
    """Write an answer, a refund of a take, an end or a removal of an order, with its consequences, in one transaction.

    An end corrects the counters of the client and the executors. A removal takes the order and its review out of the
    lists that everybody reads. `refunds` are the changes that return the price of a take. `frees_contact` deletes the
    lock, which must still be this order's (I15). `beside` are further writes of the same transaction. One
    TransactWriteItems: one write for an answer, up to four for a refund, up to thirteen for an end, and those of
    `beside`. Raises table.WriteConflict.
    """
    writes = [_move_write(before, after), *beside]
    ends = after.status is not before.status
    if frees_contact:
        writes.append(_unlock_write(before))
    changes = {refund.before.id: refund for refund in refunds}
    no_longer_active = -1 if ends and before.status is Status.ACTIVE else 0
    completed = 1 if ends and after.status is Status.COMPLETED else 0
    writes += [
        users.user_write(
            user_id, change=changes.get(user_id), active_orders=no_longer_active, completed_orders=completed
        )
        for user_id in ((after.client_id, *after.takes) if no_longer_active else changes)
    ]
    writes += [ledger.entry_write(entry) for refund in refunds for entry in refund.entries]
    if _removes(before, after) and before.rating is not None:
        writes.append(_unlist_review_write(before))
    table.transact(writes)


def _removes(before: Order, after: Order) -> bool:
    return before.removed_at is None and after.removed_at is not None


def _unlist_review_write(order: Order) -> "TransactWriteItemTypeDef":
    """Take the order's review out of everybody's lists. It stays in those of its author and of its executor."""
    (every, _), (of_rating, _) = keys.review_list(None), keys.review_list(order.rating)
    return table.update_write(
        keys.review(order.id, order.client_id),
        f"REMOVE {every.pk}, {of_rating.pk}",
        condition=conditions.THERE,
        values={},
    )


def _move_write(before: Order, after: Order) -> "TransactWriteItemTypeDef":
    fields: dict[str, object] = {"status": after.status, **keys.order_list_keys(after), **keys.due_keys(after)}
    for name in ("ended_at", "responded_at", "removed_at"):
        if getattr(after, name) is not None:
            fields[name] = getattr(after, name)
    left = [name for name in (*keys.ORDER_LISTS, keys.DUE.pk, keys.DUE.sk) if name not in fields]
    sets = [f"#{name} = :to_{name}" for name in fields]
    refunded = [take for take in after.takes.values() if take.refunded and take != before.takes[take.executor_id]]
    sets += [f"takes.#take{take.executor_count}.refunded = :refunded" for take in refunded]
    return table.update_write(
        keys.order(before.id),
        f"SET {', '.join(sets)}{' REMOVE ' + ', '.join(left) if left else ''}",
        condition=conditions.all_of(
            conditions.STORED_AS_READ,
            conditions.TAKES_AS_READ,
            conditions.answer_as_read(before.responded_at),
            # The end frees the lock of this contact and leaves the lists of this category, so neither may be edited.
            conditions.EDITS_AS_READ,
            *([conditions.NOT_REMOVED] if before.removed_at is None else []),
            *([conditions.NOT_REVIEWED] if _removes(before, after) and before.rating is None else []),
        ),
        names={
            **{f"#{name}": name for name in fields},
            **{f"#take{take.executor_count}": str(take.executor_id) for take in refunded},
        },
        values={
            **{f":to_{name}": value for name, value in fields.items()},
            **({":refunded": True} if refunded else {}),
            ":status": before.status,
            ":takes_read": len(before.takes),
            ":edits_read": before.edits,
        },
    )
