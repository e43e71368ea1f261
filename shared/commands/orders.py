"""Commands on orders: post, change, take, and what an operator does to one."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from shared import clock, ids
from shared.commands.retry import retry
from shared.domain import order as rules
from shared.domain.errors import Banned, ContactBusy, OrderNotActive, OrderNotFound, TooOften
from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token, take_token
from shared.domain.money import TAKE_PRICE, LedgerEntry, debit_for_take, refund_of_take
from shared.domain.operators import Action, check_not_own
from shared.domain.order import Order, Status
from shared.domain.user import User
from shared.domain.visibility import seen_by
from shared.settings import settings
from shared.store import audit_log, orders, table, users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def create(order: Order, caller: TelegramUser) -> Order:
    """Post an order: put it with the lock on its contact, charge the token, count it for its client.

    Returns the order. A request that repeats another one gets the order of that one, and pays nothing (idempotent).
    The bucket of contacts must have a token, which only a refusal takes: otherwise a client without one would learn
    from each 201 or 429 whether a contact is busy (I26). The first attempt assumes that the client's buckets are full
    and reads nothing: one TransactWriteItems. After a conflict, one consistent GetItem of the client and what
    `_check_contact` costs, or two more GetItems before a refusal for another reason. Raises Banned, TooOften,
    ContactBusy, Busy, Unavailable.
    """
    tried = False

    def create_once() -> Order:
        nonlocal tried
        client, now = users.get(caller.id) if tried else User(caller.id), clock.now_ms()
        try:
            client.check_not_banned(now)
            token = take_token(client.full_at, "orders", per_hour=settings().orders_per_hour, now=now)
            refusal = _contact_token(client, now)
        except (Banned, TooOften):
            if tried and (posted := _posted(order)) is not None:
                return posted
            raise
        # At the moment of the write: the contact may have become free since, and the write would not know.
        if tried and (posted := _check_contact(order, order.created_at, caller, refusal)) is not None:
            return posted
        tried = True
        orders.create(order, caller, token, refusal)
        return order

    return retry(create_once)


def change(
    order_id: str,
    decide: Callable[[Order, int], Order],
    write: Callable[[Order, Order, int], None],
    *,
    caller_id: int | None = None,
    update_id: int | None = None,
    action: Action | None = None,
) -> Order:
    """Read the order, let the rule `decide` what it becomes, and `write` that; returns the order after it.

    Both functions get the time in epoch ms. An unchanged order is not written. With `caller_id`, the user is read in
    the same batch, must not be banned, and must be allowed to see the order (I25). So is the mark of the update from
    Telegram that asks for the change, if one does. With an `action` that `write` puts beside the change, an earlier
    attempt is told apart from the same change by another operator. Per attempt: one consistent GetItem (BatchGetItem
    with `caller_id`) and what `write` costs. Raises Banned, OrderNotFound, updates.AlreadyHandled, the errors of
    `decide` and `write`, Busy, Unavailable.
    """
    if caller_id is None:
        return _change(lambda: orders.get(order_id), decide, write, action)
    return _change(lambda: seen_by(orders.get_for(order_id, caller_id, update_id), caller_id), decide, write, action)


def _change(
    read: Callable[[], Order | None],
    decide: Callable[[Order, int], Order],
    write: Callable[[Order, Order, int], None],
    action: Action | None = None,
) -> Order:
    attempts: list[tuple[Order, Order]] = []

    def is_done(order: Order) -> bool:
        """Whether an attempt was applied, at once or late; only its response was lost (P3)."""
        shown = any(_shows(order, before, after) for before, after in attempts)
        return shown and (action is None or audit_log.is_done(action))

    def change_once() -> Order:
        now = clock.now_ms()
        before = read()
        if before is None:
            raise OrderNotFound
        if is_done(before):
            return before
        try:
            after = decide(before, now)
        except TooOften:
            # A batch is no snapshot: the bucket may show an attempt that the order did not show yet.
            shown = read() if attempts else None
            if shown is not None and is_done(shown):
                return shown
            raise
        if after == before:
            return after
        after = replace(after, version=before.version + 1)
        attempts.append((before, after))
        write(before, after, now)
        return after

    return retry(change_once)


def edit(order_id: str, decide: Callable[[Order, int], Order], caller: TelegramUser) -> Order:
    """Run `change` for an edit by the order's client. A new contact takes a token, whether it is free or busy (I26).

    Per attempt: one consistent BatchGetItem and one TransactWriteItems; after a conflict over a new contact, what
    `_check_contact` costs. Raises Banned, TooOften, OrderNotFound, ContactBusy, the errors of `decide`, Busy,
    Unavailable.
    """
    client, token = User(caller.id), None

    def read() -> Order:
        nonlocal client
        order, client = orders.get_with_client(order_id, caller.id)
        return seen_by(order, caller.id)

    def decide_with_token(before: Order, now: int) -> Order:
        nonlocal token
        after = decide(before, now)
        token = _contact_token(client, now) if after.contact_key != before.contact_key else None
        return after

    def write(before: Order, after: Order, now: int) -> None:
        try:
            orders.edit(before, after, caller, token, now)
        except table.WriteConflict:
            if token is not None:
                _check_contact(after, now, caller, token)
            raise

    return _change(read, decide_with_token, write)


def operate(order_id: str, decide: Callable[[Order, int], Order], action: Action) -> Order:
    """Run `change` for an operator: the move of the order and the audit log's action are one transaction.

    One GetItem more when an earlier attempt may have been applied. Raises OrderNotFound, OwnCase for an order that the
    operator posted or took, the errors of `decide`, Busy, Unavailable.
    """

    def decide_of_others(before: Order, now: int) -> Order:
        check_not_own(action.operator_id, before.client_id, *before.takes)
        return decide(before, now)

    def write(before: Order, after: Order, now: int) -> None:
        move(before, after, now, audit_log.action_write(action))

    return change(order_id, decide_of_others, write, action=action)


def take(order_id: str, caller: TelegramUser) -> tuple[Order, LedgerEntry]:
    """Take the order for the caller: the take, its debit and the counter in one transaction.

    Returns the order and the debit; a repeated take returns the same debit and costs nothing. Per attempt: one
    consistent BatchGetItem and one TransactWriteItems. Raises Banned, TooOften, OrderNotFound, OwnOrder,
    OrderNotActive, AllSlotsTaken, InsufficientBalance, Busy, Unavailable.
    """

    def take_once() -> tuple[Order, LedgerEntry]:
        now = clock.now_ms()
        found, executor, paid = orders.read_for_take(order_id, caller.id)
        before = seen_by(found, caller.id)
        if paid is not None:
            if not before.contact:
                raise OrderNotActive  # erased at its client's request
            return before, paid
        executor.check_not_banned(now)
        after = rules.with_take(
            before,
            caller.id,
            price=TAKE_PRICE,
            answer_window_ms=settings().answer_window_ms,
            now=now,
            source=caller.source_of(order_id),
        )
        debit = debit_for_take(executor, order_id=order_id, price=TAKE_PRICE, entry_id=ids.new_integer_id(now), now=now)
        token = take_token(executor.full_at, "takes", per_hour=settings().takes_per_hour, now=now)
        orders.take(before, after, debit, caller, token)
        return replace(after, version=before.version + 1), debit.entries[0]

    return retry(take_once)


# ---------------------------------------------------------------- writes, for `change`


def move(before: Order, after: Order, now: int, *beside: "TransactWriteItemTypeDef") -> None:
    """Write a response, a refund, an end or a removal, with the refunds that an end owes to executors.

    One TransactWriteItems; before a refund or an end, one consistent BatchGetItem. Raises table.WriteConflict,
    Unavailable.
    """
    if after.status is before.status and after.takes == before.takes:
        orders.move(before, after, beside=beside)
        return
    refunded = [take.executor_id for take in rules.refunds(before, after)]
    holds_contact, executors = orders.read_for_end(before, refunded)
    refunds = [
        refund_of_take(
            executor,
            order_id=after.id,
            price=after.takes[executor.id].price,
            entry_id=ids.new_integer_id(now),
            now=now,
        )
        for executor in executors
    ]
    frees_contact = holds_contact and after.status is not before.status
    orders.move(before, after, refunds=refunds, frees_contact=frees_contact, beside=beside)


def _contact_token(client: User, now: int) -> Token:
    """Take a token of the client's bucket of contacts. Raises TooOften."""
    return take_token(client.full_at, "contacts", per_hour=settings().contacts_per_hour, now=now)


def _posted(order: Order) -> Order | None:
    """Return what this request has posted already: in an earlier attempt, or as the request that it repeats.

    Two consistent GetItems, whether the contact is busy or free: a caller without a token cannot even measure it (I26).
    """
    holder_id = orders.contact_holder(order.contact_key, order.created_at)
    found = orders.get(holder_id or order.id)
    return found if found is not None and rules.repeats(order, found) else None


def _check_contact(order: Order, now: int, caller: TelegramUser, token: Token) -> Order | None:
    """Return the order that holds the contact: `order` itself, or the one that it repeats. None if the contact is free.

    For any other holder, the caller pays with the token before they learn of it (I26): raises ContactBusy. A charge of
    unknown outcome is a conflict like any other: the next attempt charges again. A response window can end before the
    hour, and its timer can be late: a holder that has ended is ended here. One consistent GetItem of the lock, one of
    its order, and what `move` costs when that has ended, or one TransactWriteItems for a refusal. Raises
    table.WriteConflict, Unavailable.
    """
    holder_id = orders.contact_holder(order.contact_key, now)
    if holder_id is None:
        return None
    holder = orders.get(holder_id)
    if holder is not None:
        if rules.repeats(order, holder):
            return holder
        ended = rules.ended_by_time(holder, now)
        if ended.status is not Status.ACTIVE or holder.contact_key != order.contact_key:
            # It has ended, or an edit moved its contact after the lock was read.
            if ended != holder:
                move(holder, ended, now)
            return None
    users.charge(caller, token)
    raise ContactBusy


def _shows(order: Order, before: Order, after: Order) -> bool:
    """Whether the order shows the change from `before` to `after`, whatever has changed since."""
    for name in (field.name for field in fields(Order)):
        if name not in ("takes", "version") and getattr(after, name) not in (
            getattr(before, name),
            getattr(order, name),
        ):
            return False
    for executor_id, take in after.takes.items():
        if take not in (before.takes.get(executor_id), order.takes.get(executor_id)):
            return False
    return True
