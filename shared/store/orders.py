"""Orders, the contact locks that belong to them, and the takes inside them. Each change is one transaction."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING

from shared import clock, ids
from shared.domain.errors import Banned, ContactBusy, OrderNotFound, TooOften
from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token, take_token
from shared.domain.money import LedgerEntry, refund_of_take, take_cause
from shared.domain.operators import Action
from shared.domain.order import MAX_TAKES, Order, Status, Take, ended_by_time, refunds
from shared.domain.user import User
from shared.store import audit_log, conditions, keys, ledger, table, users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# Personal data is kept this long after the order was made; then DynamoDB's TTL removes the order.
RETENTION = 30 * 24 * 60 * 60 * 1000


def _item(order: Order) -> table.Item:
    """The item of a new order; what comes later is set by the change that brings it."""
    return {
        **keys.order(order.id),
        "client_id": order.client_id,
        "category": order.category,
        "city": order.city,
        "description": order.description,
        "contact": order.contact,
        "contact_key": order.contact_key,
        "created_at": order.created_at,
        "expires_at": order.expires_at,
        "edits": order.edits,
        "status": order.status,
        "takes": {},
        "ttl": (order.created_at + RETENTION) // 1000,
        **keys.order_list_keys(order),
        keys.LIST1.sk: keys.list_sk(order),
        keys.TIMELINE.pk: keys.orders_of(order.client_id),
        keys.TIMELINE.sk: keys.timeline_sk(order),
        **keys.due_keys(order),
    }


# What `from_item` reads. The rest of an order's item is keys of indexes: on a page, half of what came and was parsed.
ATTRIBUTES = tuple(field.name for field in fields(Order) if field.name != "id")


def from_item(item: table.Item) -> Order:
    """The order of an item."""
    return Order(
        id=keys.order_id_of(item),
        client_id=item["client_id"],
        category=item["category"],
        city=item["city"],
        description=item["description"],
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
        removed=item.get("removed", False),
        rating=item.get("rating"),
        review_comment=item.get("review_comment"),
    )


def get(order_id: str) -> Order | None:
    """The order as it is now. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.order(order_id))
    return from_item(item) if item else None


def get_for(order_id: str, user_id: int) -> Order | None:
    """The order as it is now, for a user who wants to change something about it.

    One consistent BatchGetItem, of the user as well. Raises Banned, Unavailable.
    """
    order, user = table.get_many([keys.order(order_id), keys.user(user_id)], consistent=True)
    users.from_item(user_id, user).check_not_banned()
    return from_item(order) if order else None


def taken_by(user_id: int) -> list[str]:
    """The ids of the orders that a user took, the kept and the removed. One Query of the index. Raises Unavailable."""
    return [keys.order_id_of(entry) for entry in table.query(keys.LIST1, keys.taken_by(user_id))]


def due(now: int) -> list[str]:
    """The ids of the orders with a deadline at or before `now`, the longest due first.

    One Query a megabyte of keys. The index lags behind the table: `change` decides on the order itself.
    """
    found = table.query(keys.DUE, keys.DUE_PARTITION, high=now, newest_first=False)
    return [keys.order_id_of(entry) for entry in found]


# ---------------------------------------------------------------- contact locks


def _put_lock(order: Order, now: int) -> "TransactWriteItemTypeDef":
    return table.put(
        {
            **keys.contact_lock(order.contact_key),
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


def _check_contact(order: Order, now: int) -> bool:
    """Whether the order holds its contact; False where nobody does any more. Raises ContactBusy.

    An answer window may end before the hour, and its timer late: who needs the contact then writes that end down. One
    consistent GetItem of the lock, one of the order that holds it, and what `move` costs where that has ended.
    """
    lock = table.get(keys.contact_lock(order.contact_key))
    if lock is None or lock["expires_at"] <= now:
        return False
    if lock["order_id"] == order.id:
        return True
    holder = get(lock["order_id"])
    if holder is None:
        raise ContactBusy
    ended = ended_by_time(holder, now)
    if ended.status is Status.ACTIVE:
        raise ContactBusy
    if ended != holder:
        move(holder, ended, now)
    return False


# ---------------------------------------------------------------- changes


def create(order: Order, caller: TelegramUser, *, per_hour: int) -> None:
    """Put the order, the lock on its contact, and one more on its owner's counter; he may post `per_hour` of them.

    One TransactWriteItems of three writes, which at first believes that the owner's bucket is full; where it is
    refused, what `_check_contact` costs and a consistent GetItem of the owner. Raises Banned, TooOften, ContactBusy,
    Busy, Unavailable.
    """
    tried = False

    def create_once() -> None:
        nonlocal tried
        try:
            client = users.get(caller.id) if tried else User(caller.id)
            client.check_not_banned()
            token = take_token(client.full_at, "orders", per_hour=per_hour, now=clock.now_ms())
        except (Banned, TooOften):
            # A try of ours may have landed before, late: then the order is there.
            if tried and _check_contact(order, clock.now_ms()):
                return
            raise
        tried = True
        try:
            table.transact(
                [
                    table.put(_item(order), condition=conditions.NOT_THERE),
                    _put_lock(order, order.created_at),
                    users.change(order.client_id, caller=caller, token=token, active_orders=1),
                ]
            )
        except table.WriteConflict:
            # Our own try may have landed without an answer; only then is the holder this order.
            try:
                # As it was when the write asked: the contact may have become free since, and the write would not know.
                landed = _check_contact(order, order.created_at)
            except ContactBusy:
                users.get(caller.id).check_not_banned()  # that is what a banned user hears, whatever else is wrong
                raise
            if not landed:
                raise

    table.retry(create_once)


def change(
    order_id: str,
    decide: Callable[[Order, int], Order],
    write: Callable[[Order, Order, int], None],
    *,
    caller_id: int | None = None,
    action: Action | None = None,
) -> Order:
    """Read the order, let `decide` say what becomes of it now, `write` that; again where the write came too late.

    Both get the time in epoch ms; an order that `decide` leaves as it is is not written. A user whom it is done for is
    read along: he must not be banned. An `action` that `write` puts beside it tells what we wrote from the same by
    somebody else. One consistent GetItem, or BatchGetItem for a user, and what `write` costs, a try. Raises Banned,
    OrderNotFound, what `decide` and `write` raise, Busy, Unavailable.
    """
    tries: list[tuple[Order, Order]] = []

    def change_once() -> Order:
        now = clock.now_ms()
        before = get(order_id) if caller_id is None else get_for(order_id, caller_id)
        if before is None:
            raise OrderNotFound
        if any(_landed(before, *tried) for tried in tries) and (action is None or audit_log.is_done(action)):
            return before  # a try had landed, at once or late; only its answer was lost (P3)
        after = decide(before, now)
        if after != before:
            tries.append((before, after))
            write(before, after, now)
        return after

    return table.retry(change_once)


def operate(order_id: str, decide: Callable[[Order, int], Order], action: Action) -> Order:
    """What `change` does, by an operator: where the order goes and his action are one transaction, of `move`.

    A GetItem more where a try may have landed. Raises OrderNotFound, what `decide` raises, Busy, Unavailable.
    """

    def write(before: Order, after: Order, now: int) -> None:
        move(before, after, now, audit_log.put(action))

    return change(order_id, decide, write, action=action)


def _landed(order: Order, before: Order, after: Order) -> bool:
    """Whether the order shows what changed from `before` to `after`, whatever else came to it since."""
    changed = {field.name for field in fields(Order) if getattr(after, field.name) != getattr(before, field.name)}
    takes = [take for executor, take in after.takes.items() if before.takes.get(executor) != take]
    return all(getattr(order, name) == getattr(after, name) for name in changed - {"takes"}) and all(
        order.takes.get(take.executor_id) == take for take in takes
    )


def edit(before: Order, after: Order, now: int) -> None:
    """Write what `after` has of category, description and contact that `before` had not; the lock follows the contact.

    One TransactWriteItems of one write, three where the contact moves; where it is refused, what `_check_contact`
    costs. Raises ContactBusy, table.WriteConflict, Unavailable.
    """
    changed = {
        name: getattr(after, name)
        for name in ("category", "description", "contact", "contact_key", "edits")
        if getattr(after, name) != getattr(before, name)
    }
    if "category" in changed:
        changed |= keys.order_list_keys(after)
    writes = [
        table.change(
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
    if after.contact_key != before.contact_key:
        writes += [_remove_lock(before), _put_lock(after, now)]
    try:
        table.transact(writes)
    except table.WriteConflict:
        _check_contact(after, now)
        raise


def take(before: Order, after: Order, debit: LedgerEntry, caller: TelegramUser, token: Token) -> None:
    """Put the caller's take into the order, pay for it, and count it among his active orders; `token` is its token.

    One TransactWriteItems of three writes. Raises table.WriteConflict when the order or the balance changed,
    or when the caller has taken the order already.
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
                    # What is due of an order follows from whether it is answered.
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
                    # What he pays for is the contact that he is told.
                    ":edits_read": before.edits,
                },
            ),
            users.change(caller.id, caller=caller, token=token, entry=debit, active_orders=1),
            ledger.put(
                debit,
                lists={keys.LIST1.pk: keys.taken_by(caller.id), keys.LIST1.sk: keys.list_sk(after)},
            ),
        ]
    )


def move(before: Order, after: Order, now: int, *beside: "TransactWriteItemTypeDef") -> None:
    """Write where an order went: its answer, a take's refund, or its end with all that follows from it.

    An end frees the contact, where the lock is still this order's (I15), corrects everybody's counters and, where it
    owes refunds, gives each taker back what he paid and has not back yet. One TransactWriteItems, with what belongs
    `beside` it: a single write for an answer, three for a refund, up to nine for an end; before the latter two one
    consistent BatchGetItem. Raises table.WriteConflict, Unavailable.
    """
    writes = [_move(before, after), *beside]
    if after.status is not before.status or after.takes != before.takes:
        writes += _consequences(before, after, now)
    table.transact(writes)


def _move(before: Order, after: Order) -> "TransactWriteItemTypeDef":
    fields: dict[str, object] = {"status": after.status, **keys.order_list_keys(after), **keys.due_keys(after)}
    if after.ended_at is not None:
        fields["ended_at"] = after.ended_at
    if after.responded_at is not None:
        fields["responded_at"] = after.responded_at
    if after.removed:
        fields["removed"] = True
    nothing_due = "" if keys.due_keys(after) else f" REMOVE {keys.DUE.pk}, {keys.DUE.sk}"
    sets = [f"#{name} = :to_{name}" for name in fields]
    refunded = [take for take in after.takes.values() if take.refunded and take != before.takes[take.executor_id]]
    sets += [f"takes.#take{take.executor_count}.refunded = :refunded" for take in refunded]
    return table.change(
        keys.order(before.id),
        f"SET {', '.join(sets)}{nothing_due}",
        condition=conditions.all_of(
            conditions.STORED_AS_READ,
            conditions.TAKES_AS_READ,
            conditions.answer_as_read(before.responded_at),
            # The lock that goes with the end is of this contact, the lists that it leaves are of this category.
            conditions.EDITS_AS_READ,
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


def _consequences(before: Order, after: Order, now: int) -> "list[TransactWriteItemTypeDef]":
    takers = [take.executor_id for take in refunds(before, after)]
    lock, *found = table.get_many(
        [keys.contact_lock(before.contact_key), *(keys.user(taker) for taker in takers)], consistent=True
    )
    entries = {
        taker: refund_of_take(
            users.from_item(taker, item),
            order_id=after.id,
            price=after.takes[taker].price,
            entry_id=ids.new_integer_id(now),
            now=now,
        )
        for taker, item in zip(takers, found, strict=True)
    }
    writes = []
    ends = after.status is not before.status
    if ends and lock is not None and lock["order_id"] == before.id:
        writes.append(_remove_lock(before))
    no_longer_active = -1 if ends and before.status is Status.ACTIVE else 0
    completed = 1 if ends and after.status is Status.COMPLETED else 0
    writes += [
        users.change(user_id, entry=entries.get(user_id), active_orders=no_longer_active, completed_orders=completed)
        for user_id in ((after.client_id, *after.takes) if no_longer_active else entries)
    ]
    writes += [ledger.put(entry) for entry in entries.values()]
    return writes


def read_for_take(order_id: str, user_id: int) -> tuple[Order | None, User, LedgerEntry | None]:
    """The order, the user, and the debit that he paid for the order with if he did, as they are now.

    One consistent BatchGetItem. Raises table.WriteConflict, Unavailable.
    """
    order_item, user, debit = table.get_many(
        [keys.order(order_id), keys.user(user_id), keys.ledger_entry(user_id, take_cause(order_id))],
        consistent=True,
    )
    order = from_item(order_item) if order_item else None
    # A batch is not read in one moment: a take may have landed between the order and the debit.
    if order is not None and (user_id in order.takes) != (debit is not None):
        raise table.WriteConflict
    return order, users.from_item(user_id, user), ledger.from_item(debit) if debit else None
