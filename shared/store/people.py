"""The personal data of one user: exported and erased on request."""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.domain.limits import Token
from shared.domain.operators import Action
from shared.domain.order import Order
from shared.domain.person import LISTS, List, Person, Position
from shared.domain.review import Complaint, Review
from shared.domain.support import Thread
from shared.domain.user import User
from shared.store import (
    audit_log,
    conditions,
    feeds,
    inboxes,
    keys,
    ledger,
    notes,
    orders,
    reviews,
    subscriptions,
    table,
    threads,
    users,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# Texts that replace what a user wrote.
ERASED_DESCRIPTION = "Удалено по просьбе автора"
ERASED_NAME = "Пользователь"


def page(user_id: int, *, start: Position | None, limit: int) -> tuple[Person, Position | None]:
    """Return a page of the stored data of the user, as the indexes have it, and where the next one begins, if any.

    A page has the user and the next `limit` entries of the user's lists, each list newest first, from `start` on. The
    complaints are on the page of their orders. The offered orders and the operators' notes are on the first page. No
    entry moves in its list: what is stored all the time is on one page, whatever is added or removed meanwhile.

    One GetItem, two more on the first page; one Query for each list of which the page has a part or that is empty; one
    BatchGetItem per hundred entries of a list. Raises Unavailable.
    """
    found: dict[List, list[table.Item]] = {name: [] for name in LISTS}
    left, following = limit, None
    for name in LISTS[LISTS.index(start.list) if start else 0 :]:
        index, partition = _list(name, user_id)
        high = start.sort_key if start is not None and start.list == name else None
        entries = table.query(index, partition, high=high, limit=left + 1)
        found[name] = entries[:left]
        if len(entries) > left:
            following = Position(name, entries[left][index.sk])
            break
        left -= len(entries)
    taken = [keys.order_id_of(entry) for entry in found["taken_orders"]]
    person = Person(
        user=users.get(user_id),
        orders=feeds.load(found["orders"]),
        taken_orders=taken,
        reviews_written=reviews.load(found["reviews_written"]),
        reviews_received=reviews.load(found["reviews_received"]),
        complaints=reviews.complaints_by(user_id, taken),
        entries=ledger.load(found["transactions"]),
        offered_orders=inboxes.orders_in(user_id) if start is None else [],
        notes=notes.get(user_id) if start is None else [],
        support_messages=threads.load(found["support_messages"]),
    )
    return person, following


def recent(user_id: int, *, limit: int) -> Person:
    """Return the user with the newest `limit` entries of each list that tells operators what a message may be about.

    Those are the orders, the takes with their complaints, and the ledger. One GetItem, three Queries, and a
    BatchGetItem for each. Raises Unavailable.
    """

    def newest(name: List) -> list[table.Item]:
        index, partition = _list(name, user_id)
        return table.query(index, partition, limit=limit)

    taken = [keys.order_id_of(entry) for entry in newest("taken_orders")]
    return Person(
        user=users.get(user_id),
        orders=feeds.load(newest("orders")),
        taken_orders=taken,
        reviews_written=[],
        reviews_received=[],
        complaints=reviews.complaints_by(user_id, taken),
        entries=ledger.load(newest("transactions")),
    )


def _list(name: List, user_id: int) -> tuple[keys.Index, str]:
    """Return the index and the partition of a list of the user."""
    match name:
        case "orders":
            return keys.TIMELINE, keys.orders_of(user_id)
        case "taken_orders":
            return keys.LIST1, keys.taken_by(user_id)
        case "reviews_written":
            return keys.reviews_by(user_id)
        case "reviews_received":
            return keys.reviews_of(user_id)
        case "transactions":
            return keys.TIMELINE, keys.ledger_of(user_id)
        case "support_messages":
            return keys.TIMELINE, keys.messages_of(user_id)


def erase_order(order: Order) -> None:
    """Erase the client's text and contact from an order that ended, and remove it from the feeds and the client's list.

    The facts about money stay: the takes, their prices, and how the order ended. One TransactWriteItems of one write.
    Raises table.WriteConflict if the order changed, or if it has a deadline ahead.
    """
    lists = [
        keys.LIST1.pk,
        keys.LIST2.pk,
        keys.LIST3.pk,
        keys.LIST4.pk,
        keys.LIST1.sk,
        keys.TIMELINE.pk,
        keys.TIMELINE.sk,
    ]
    erased = replace(order, description=ERASED_DESCRIPTION, masked_description=None, contact="", contact_key="")
    table.transact(
        [
            orders.change_write(
                order,
                erased,
                {
                    name: getattr(erased, name)
                    for name in ("description", "masked_description", "contact", "contact_key")
                },
                removes=lists,
                conditions_besides=[conditions.NOTHING_DUE],
            )
        ]
    )


def erase_review(review: Review, order: Order | None) -> None:
    """Erase the name and the comment from a review, and the comment from its order. The rating still counts (I21).

    `order` is None if it is no longer stored. One TransactWriteItems of two writes, of one without an order. Raises
    table.WriteConflict.
    """
    writes = [
        _erase_comment_write(
            keys.review(review.order_id, review.client_id), author_name=ERASED_NAME, masked_comment=None
        )
    ]
    if order is not None:
        erased = replace(order, review_comment=None, masked_review_comment=None)
        writes.append(orders.change_write(order, erased, {}, removes=["review_comment", "masked_review_comment"]))
    table.transact(writes)


def is_review_erased(review: Review) -> bool:
    """Whether the name and the comment of the client are erased from the review."""
    return review.comment is None and review.author_name == ERASED_NAME


def erase_complaint(complaint: Complaint) -> None:
    """Erase the comment from a complaint. One TransactWriteItems of one write. Raises table.WriteConflict."""
    table.transact(
        [_erase_comment_write(keys.complaint(complaint.order_id, complaint.executor_id), masked_comment=None)]
    )


def _erase_comment_write(key: keys.Key, **also: str | None) -> "TransactWriteItemTypeDef":
    fields = {"comment": None, **also}
    return table.update_write(
        key,
        f"SET {', '.join(f'#{name} = :{name}' for name in fields)}",
        condition=conditions.THERE,
        names={f"#{name}": name for name in fields},
        values={f":{name}": value for name, value in fields.items()},
    )


def forget(before: User, thread: Thread | None, action: Action, token: Token | None) -> None:
    """Erase a user's name, receipt contact, settings, subscriptions, notes, thread and the bot's item; put the action.

    Under the user's id stay: balance, debt, counters, a ban, and consents. `thread` is the one that was read before its
    messages were erased. `token` is the user's rate limit token; None for an operator. One TransactWriteItems of at
    most 46 writes. Raises table.WriteConflict, also if a message was stored since the thread was read.
    """
    after = replace(
        before,
        preferred_categories=(),
        preferred_cities=(),
        notifications_enabled=False,
        settings_version=before.settings_version + 1,
    )
    as_read, read = users.settings_as_read(before)
    sets, clauses, values = ["settings_version = :version"], [as_read], {":version": after.settings_version, **read}
    if token is not None:
        token_set, token_left, token_values = users.token_update(token)
        sets.append(token_set)
        clauses.append(token_left)
        values |= token_values
    forgotten = table.update_write(
        keys.user(before.id),
        f"SET {', '.join(sets)} REMOVE first_name, last_name, username, preferences, notify_enabled, notify_frequency,"
        f" chat_open, receipt_contact, receipt_contact_consent_at, ban_reason, {keys.TIMELINE.pk}, {keys.TIMELINE.sk}",
        condition=conditions.all_of(*clauses),
        values=values,
    )
    of_the_bot = table.delete_write(keys.inbox(before.id), condition=None)
    others = [notes.erase_write(before.id), *threads.forget_writes(before.id, thread)]
    unsubscribed = subscriptions.moved_writes(before, after)
    table.transact([forgotten, audit_log.action_write(action), of_the_bot, *others, *unsubscribed])
