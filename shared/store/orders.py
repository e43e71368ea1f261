"""Orders, their takes and their contact locks. Each change is one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared import clock
from shared.aws import secrets
from shared.domain.contact import Contact
from shared.domain.durations import DAY_MS, ceil_seconds
from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token
from shared.domain.masking import masked_form
from shared.domain.money import BalanceChange, LedgerEntry, take_cause
from shared.domain.order import MAX_TAKES, ListedOrder, Order, Status, Take, listed
from shared.domain.user import User
from shared.store import conditions, keys, ledger, table, updates, users

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
        "version": order.version,
        keys.LISTED: _listed_map(listed(order)),
        # Rounded up: until then, the lists of its executors count the order.
        "ttl": ceil_seconds(order.created_at + RETENTION_MS),
        **keys.order_list_keys(order),
        keys.LIST1.sk: keys.list_sk(order),
        keys.TIMELINE.pk: keys.orders_of(order.client_id),
        keys.TIMELINE.sk: keys.timeline_sk(order),
        **keys.due_keys(order),
    }


def _listed_map(shown: ListedOrder) -> dict[str, object]:
    """Return the map of what a list shows. Empty values are left out, because an entry of a list costs by its size."""
    fields: dict[str, object] = {
        "category": shown.category,
        "city": shown.city,
        "description": shown.description,
        "is_masked": shown.is_masked,
        "created_at": shown.created_at,
        "expires_at": shown.expires_at,
        "status": shown.status,
        "takes": [[executor_id, taken_at] for executor_id, taken_at in shown.taken_at.items()],
        "closes_at": shown.closes_at,
        "responded_at": shown.responded_at,
        "rating": shown.rating,
        "review_comment": shown.review_comment,
        "is_removed": shown.is_removed,
        "version": shown.version,
    }
    return {name: value for name, value in fields.items() if value}


# A page has a hundred orders, and a look at a dict is quicker than a call of the enumeration.
_STATUSES = {str(status): status for status in Status}


def listed_from_map(order_id: str, shown: table.Item) -> ListedOrder:
    """Return what a list shows of an order, from the map of its item or entry."""
    # By position, which is quicker than by name: a page makes a hundred.
    return ListedOrder(
        order_id,
        shown["category"],
        shown["city"],
        shown["description"],
        shown.get("is_masked", False),
        shown["created_at"],
        shown["expires_at"],
        _STATUSES[shown["status"]],
        dict(shown.get("takes", ())),
        shown.get("closes_at"),
        shown.get("responded_at"),
        shown.get("rating"),
        shown.get("review_comment"),
        shown.get("is_removed", False),
        shown["version"],
    )


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
                take.get("source", "feed"),
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
            else masked_form(item["review_comment"])
            if item.get("review_comment")
            else None
        ),
        hides_review=item.get("hides_review", False),
        version=item["version"],
    )


def get(order_id: str) -> Order | None:
    """Return the order; None if it is not stored. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.order(order_id))
    return from_item(item) if item else None


def get_many(order_ids: Collection[str]) -> dict[str, Order]:
    """Return those of the orders that are stored. One consistent BatchGetItem per hundred. Raises Unavailable."""
    items = table.get_many([keys.order(order_id) for order_id in {*order_ids}], consistent=True)
    return {keys.order_id_of(item): from_item(item) for item in items if item}


def listed_now(order_ids: Collection[str]) -> dict[str, ListedOrder]:
    """Return what lists show of those of the orders that are stored, as they are now.

    One consistent BatchGetItem per hundred. Raises Unavailable.
    """
    wanted = [keys.order(order_id) for order_id in {*order_ids}]
    items = table.get_many(wanted, consistent=True, only=(keys.LISTED,))
    return {
        keys.order_id_of(item): listed_from_map(keys.order_id_of(item), item[keys.LISTED]) for item in items if item
    }


def get_for(order_id: str, user_id: int, update_id: int | None = None) -> Order | None:
    """Return the order of `get_with_client`."""
    order, _ = get_with_client(order_id, user_id, update_id)
    return order


def get_with_client(order_id: str, user_id: int, update_id: int | None = None) -> tuple[Order | None, User]:
    """Return the order and the user who requests a change of it. The user must not be banned.

    `update_id` is that of the request, if it is an update from Telegram. One consistent BatchGetItem of the order, the
    user and the mark of the update. Raises Banned, updates.AlreadyHandled, Unavailable.
    """
    order_item, user_item = updates.get_many([keys.order(order_id), keys.user(user_id)], update_id)
    user = users.from_item(user_id, user_item)
    user.check_not_banned(clock.now_ms())
    return from_item(order_item) if order_item else None, user


def taken_by(user_id: int) -> list[str]:
    """Return the ids of all orders that a user took, also of those that TTL removed.

    One Query of the index per megabyte. Raises Unavailable.
    """
    return [keys.order_id_of(entry) for entry in table.query(keys.LIST1, keys.taken_by(user_id))]


def due(now: int) -> list[str]:
    """Return the ids of the orders with a deadline at or before `now` (epoch ms), the longest due first.

    Two Queries, one more per megabyte of keys. The index lags behind the table, so the command reads the order itself
    before it decides. Raises Unavailable.
    """
    found = [
        entry
        for partition in (keys.DUE_ACTIVE, keys.DUE_EXPIRED)
        for entry in table.query(keys.DUE, partition, high=now, newest_first=False)
    ]
    return [keys.order_id_of(entry) for entry in sorted(found, key=lambda entry: int(entry[keys.DUE.sk]))]


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


def change_write(
    before: Order,
    after: Order,
    sets: Mapping[str, object],
    *,
    removes: Sequence[str] = (),
    conditions_besides: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
) -> "TransactWriteItemTypeDef":
    """Return the write of a change of an order: every one is made here.

    `sets` has the new values by their paths. The version grows by one, and the map of the lists becomes what `after`
    shows. The write needs the order to be as it was read, and `conditions_besides`.
    """
    after = replace(after, version=before.version + 1)
    new = {**sets, "version": after.version, keys.LISTED: _listed_map(listed(after))}
    plain = {f"#to{place}": path for place, path in enumerate(new) if "." not in path}
    paths = {path: name for name, path in plain.items()}
    assignments = ", ".join(f"{paths.get(path, path)} = :to{place}" for place, path in enumerate(new))
    return table.update_write(
        keys.order(before.id),
        f"SET {assignments}{' REMOVE ' + ', '.join(removes) if removes else ''}",
        condition=conditions.all_of(conditions.ORDER_AS_READ, *conditions_besides),
        names={**plain, **(names or {})},
        values={
            **{f":to{place}": value for place, value in enumerate(new.values())},
            ":version_read": before.version,
            **(values or {}),
        },
    )


def create(order: Order, caller: TelegramUser, token: Token, unspent: Token) -> None:
    """Put the order and its contact lock, and count the order for its client.

    `token` is the client's rate limit token for it; the token `unspent` must be in its bucket and stays there. One
    TransactWriteItems of three writes. Raises table.WriteConflict.
    """
    table.transact(
        [
            table.put_write(_item(order), condition=conditions.NOT_THERE),
            _lock_write(order, order.created_at),
            users.user_write(
                order.client_id,
                caller=caller,
                token=token,
                unspent=unspent,
                active_orders=1,
                first={"first_order_at": order.created_at},
            ),
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
        change_write(
            before,
            after,
            changed,
            conditions_besides=[conditions.STORED_ACTIVE, conditions.HOUR_RUNNING, conditions.NOBODY_TOOK_IT],
            values={":active": Status.ACTIVE, ":now": now, ":none": 0},
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
            change_write(
                before,
                after,
                {
                    "takes.#caller": {
                        "taken_at": taken.taken_at,
                        "price": taken.price,
                        "executor_count": taken.executor_count,
                        **({} if taken.source == "feed" else {"source": taken.source}),
                    },
                    "answer_due_at": after.answer_due_at,
                    "due_at": keys.due_keys(after)[keys.DUE.sk],
                },
                conditions_besides=[
                    conditions.STORED_ACTIVE,
                    conditions.HOUR_RUNNING,
                    conditions.NOT_OWNED_BY_CALLER,
                    conditions.NOT_TAKEN_BY_CALLER,
                    conditions.SLOT_FREE,
                    conditions.ANSWERED_OR_IN_TIME,
                ],
                names={"#caller": str(caller.id)},
                values={
                    ":active": Status.ACTIVE,
                    ":now": taken.taken_at,
                    ":caller": caller.id,
                    ":max_takes": MAX_TAKES,
                },
            ),
            users.user_write(
                caller.id,
                caller=caller,
                token=token,
                change=debit,
                active_orders=1,
                first={"first_taken_order_at": after.created_at},
            ),
            *(
                ledger.entry_write(
                    entry,
                    beside={
                        keys.LIST1.pk: keys.taken_by(caller.id),
                        keys.LIST1.sk: keys.list_sk(after),
                        "order_posted_at": after.created_at,
                    },
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
    if _removes(before, after) and (before.rating is not None or before.hides_review):
        writes.append(_unlist_review_write(before))
    table.transact(writes)


def _removes(before: Order, after: Order) -> bool:
    return before.removed_at is None and after.removed_at is not None


def _unlist_review_write(order: Order) -> "TransactWriteItemTypeDef":
    """Take the order's review out of everybody's lists. It stays in those of its author and of its executor.

    A hidden review is in none of everybody's lists, and does not return there when it is restored.
    """
    if order.hides_review:
        return table.update_write(
            keys.review(order.id, order.client_id),
            "SET was_public = :no",
            condition=conditions.REVIEW_HIDDEN,
            values={":no": False},
        )
    (every, _), (of_rating, _) = keys.review_list(None), keys.review_list(order.rating)
    return table.update_write(
        keys.review(order.id, order.client_id),
        f"REMOVE {every.pk}, {of_rating.pk}",
        condition=conditions.REVIEW_SHOWN,
        values={},
    )


def _move_write(before: Order, after: Order) -> "TransactWriteItemTypeDef":
    fields: dict[str, object] = {"status": after.status, **keys.order_list_keys(after), **keys.due_keys(after)}
    for name in ("ended_at", "responded_at", "removed_at"):
        if getattr(after, name) is not None:
            fields[name] = getattr(after, name)
    left = [name for name in (*keys.ORDER_LISTS, keys.DUE.pk, keys.DUE.sk) if name not in fields]
    refunded = [take for take in after.takes.values() if take.refunded and take != before.takes[take.executor_id]]
    return change_write(
        before,
        after,
        {**fields, **{f"takes.#take{take.executor_count}.refunded": True for take in refunded}},
        removes=left,
        names={f"#take{take.executor_count}": str(take.executor_id) for take in refunded},
    )
