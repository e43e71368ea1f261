"""Reviews that clients write of executors, and complaints that executors make about orders."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from shared.domain.durations import DAY_MS
from shared.domain.masking import mask, masked_form
from shared.domain.operators import Action
from shared.domain.order import Order, reviewed, with_review_hidden
from shared.domain.review import Complaint, Review
from shared.store import audit_log, conditions, keys, orders, table, timelines, users

# Complaints are kept for half a year. Then DynamoDB's TTL removes them.
_COMPLAINT_RETENTION_MS = 180 * DAY_MS


def from_item(item: table.Item) -> Review:
    """Return the review of an item."""
    name, comment, masked = item["author_name"], item["comment"], item.get("masked_comment")
    if "masked_comment" not in item:  # written before there were masks
        name, masked = mask(name), masked_form(comment or "")
    return Review(
        id=item["id"],
        order_id=item["order_id"],
        client_id=item["client_id"],
        executor_id=item["executor_id"],
        author_name=name,
        rating=item["rating"],
        comment=comment,
        category=item["category"],
        city=item["city"],
        created_at=item["created_at"],
        masked_comment=masked,
        hidden_at=item.get("hidden_at"),
        is_public=item.get("was_public", keys.LIST1.pk in item),
    )


def put_review(order: Order, review: Review) -> None:
    """Put the review, show it in the order, and count it in the executor's rating (I20, I21).

    The review of a removed order is in its author's and its executor's lists only (I25).

    One TransactWriteItems of four writes. Raises table.WriteConflict.
    """
    index_of, received = keys.reviews_of(review.executor_id)
    index_by, written = keys.reviews_by(review.client_id)
    table.transact(
        [
            table.put_write(
                {
                    **keys.review(review.order_id, review.client_id),
                    "id": review.id,
                    "order_id": review.order_id,
                    "client_id": review.client_id,
                    "executor_id": review.executor_id,
                    "author_name": review.author_name,
                    "rating": review.rating,
                    "comment": review.comment,
                    "masked_comment": review.masked_comment,
                    "category": review.category,
                    "city": review.city,
                    "created_at": review.created_at,
                    **(_public_lists(review) if order.removed_at is None else {}),
                    index_of.pk: received,
                    index_by.pk: written,
                    keys.LIST1.sk: keys.review_sk(review.created_at, review.id),
                },
                condition=conditions.NOT_THERE,
            ),
            table.put_write(keys.integer_id(review.id), condition=conditions.NOT_THERE),
            orders.change_write(
                order,
                reviewed(order, rating=review.rating, comment=review.comment, masked_comment=review.masked_comment),
                {
                    "rating": review.rating,
                    "review_comment": review.comment,
                    "masked_review_comment": review.masked_comment,
                },
            ),
            users.user_write(review.executor_id, rating=review.rating),
        ]
    )


def read_for(action: Action, order_id: str, client_id: int) -> tuple[Review | None, Order | None, bool]:
    """Return the client's review of the order, the order while it is stored, and whether the action was recorded.

    One consistent BatchGetItem. Raises Unavailable.
    """
    review_item, order_item, recorded = table.get_many(
        [keys.review(order_id, client_id), keys.order(order_id), keys.action(action.token)], consistent=True
    )
    review = from_item(review_item) if review_item else None
    order = orders.from_item(order_item) if order_item else None
    if review is not None and order is not None and order.removed_at is not None:
        # The review may have been read before the order was removed. The write checks the version of the order alone.
        review = replace(review, is_public=False)
    return review, order, recorded is not None


def hide(review: Review, order: Order | None, action: Action) -> None:
    """Take the review out of its order, the executor's rating and all lists but its author's; put the action (I21).

    `order` is None if it is no longer stored. One TransactWriteItems of four writes, of three without an order. Raises
    table.WriteConflict.
    """
    (of_rating, _), (received, _) = keys.review_list(review.rating), keys.reviews_of(review.executor_id)
    writes = [
        table.update_write(
            keys.review(review.order_id, review.client_id),
            f"SET hidden_at = :now, was_public = :was_public, {keys.LIST1.pk} = :hidden"
            f" REMOVE {of_rating.pk}, {received.pk}",
            condition=conditions.REVIEW_SHOWN,
            values={":now": action.created_at, ":was_public": review.is_public, ":hidden": keys.HIDDEN_REVIEWS},
        ),
        users.user_write(review.executor_id, rating=-review.rating),
        audit_log.action_write(action),
    ]
    if order is not None:
        removes = ["rating", "review_comment", "masked_review_comment"]
        writes.append(orders.change_write(order, with_review_hidden(order), {"hides_review": True}, removes=removes))
    table.transact(writes)


def restore(review: Review, order: Order | None, action: Action) -> None:
    """Return a hidden review to its order, to the executor's rating and to the lists that it was in; put the action.

    As many writes as `hide`. Raises table.WriteConflict.
    """
    index_of, received = keys.reviews_of(review.executor_id)
    lists = {index_of.pk: received, **(_public_lists(review) if review.is_public else {})}
    gone = ["hidden_at", "was_public", *([] if review.is_public else [keys.LIST1.pk])]
    writes = [
        table.update_write(
            keys.review(review.order_id, review.client_id),
            f"SET {', '.join(f'{name} = :{name}' for name in lists)} REMOVE {', '.join(gone)}",
            condition=conditions.REVIEW_HIDDEN,
            values={f":{name}": partition for name, partition in lists.items()},
        ),
        users.user_write(review.executor_id, rating=review.rating),
        audit_log.action_write(action),
    ]
    if order is not None:
        shown = {
            "rating": review.rating,
            "review_comment": review.comment,
            "masked_review_comment": review.masked_comment,
        }
        after = reviewed(order, rating=review.rating, comment=review.comment, masked_comment=review.masked_comment)
        writes.append(orders.change_write(order, after, shown, removes=["hides_review"]))
    table.transact(writes)


def _public_lists(review: Review) -> dict[str, str]:
    return {index.pk: partition for index, partition in (keys.review_list(None), keys.review_list(review.rating))}


def put_complaint(complaint: Complaint) -> None:
    """Put the complaint. One TransactWriteItems of two writes. Raises table.WriteConflict."""
    index_by, by_executor = keys.complaints_by(complaint.executor_id)
    index_about, about_client = keys.complaints_about(complaint.client_id)
    table.transact(
        [
            table.put_write(
                {
                    **keys.complaint(complaint.order_id, complaint.executor_id),
                    "id": complaint.id,
                    "order_id": complaint.order_id,
                    "executor_id": complaint.executor_id,
                    "client_id": complaint.client_id,
                    "complaint": complaint.complaint,
                    "comment": complaint.comment,
                    "masked_comment": complaint.masked_comment,
                    "created_at": complaint.created_at,
                    "ttl": (complaint.created_at + _COMPLAINT_RETENTION_MS) // 1000,
                    keys.TIMELINE.pk: keys.complaints(handled=False),
                    keys.TIMELINE.sk: keys.id_sk(complaint.id),
                    index_by.pk: by_executor,
                    index_about.pk: about_client,
                    keys.LIST1.sk: keys.review_sk(complaint.created_at, complaint.id),
                },
                condition=conditions.NOT_THERE,
            ),
            table.put_write(keys.integer_id(complaint.id), condition=conditions.NOT_THERE),
        ]
    )


def get_review(order_id: str, client_id: int) -> Review | None:
    """Return the client's review of the order; None without one. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.review(order_id, client_id))
    return from_item(item) if item else None


def get_complaint(order_id: str, executor_id: int) -> Complaint | None:
    """Return the executor's complaint about the order; None without one. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.complaint(order_id, executor_id))
    return _complaint(item) if item else None


def mark_handled(complaint: Complaint, action: Action) -> None:
    """Mark the complaint handled, and put the operator's action. One TransactWriteItems of two writes.

    Raises table.WriteConflict if another operator has handled the complaint.
    """
    table.transact(
        [
            table.update_write(
                keys.complaint(complaint.order_id, complaint.executor_id),
                f"SET handled_at = :now, action_id = :action, {keys.TIMELINE.pk} = :handled",
                condition=conditions.NOT_HANDLED,
                values={
                    ":now": action.created_at,
                    ":action": action.id,
                    ":handled": keys.complaints(handled=True),
                },
            ),
            audit_log.action_write(action),
        ]
    )


def _complaint(item: table.Item) -> Complaint:
    return Complaint(
        id=item["id"],
        order_id=item["order_id"],
        client_id=item["client_id"],
        executor_id=item["executor_id"],
        complaint=item["complaint"],
        comment=item["comment"],
        created_at=item["created_at"],
        handled_at=item.get("handled_at"),
        action_id=item.get("action_id"),
        masked_comment=item["masked_comment"],
    )


def complaints(*, handled: bool, limit: int, after: int | None) -> list[Complaint]:
    """Return the oldest `limit` waiting or handled complaints that are newer than the complaint `after`.

    One Query and one consistent BatchGetItem. More of each if the index, which lags behind the table, listed complaints
    that were handled or removed just now. Raises Unavailable.
    """

    def load(entries: list[table.Item]) -> list[Complaint]:
        loaded = [_complaint(item) for item in table.get_many(entries, consistent=True) if item]
        return [complaint for complaint in loaded if (complaint.handled_at is not None) is handled]

    return timelines.page(keys.complaints(handled=handled), load, limit=limit, beyond=after, newest_first=False)


def complaints_by(executor_id: int, order_ids: Sequence[str]) -> list[Complaint]:
    """Return the executor's complaints about these orders.

    One consistent BatchGetItem per hundred orders. Raises Unavailable.
    """
    found = table.get_many([keys.complaint(order_id, executor_id) for order_id in order_ids], consistent=True)
    return [_complaint(item) for item in found if item]


def complaints_about(order: Order) -> list[Complaint]:
    """Return the complaints of the order's executors. One consistent BatchGetItem, none without a take.

    Raises Unavailable.
    """
    found = table.get_many([keys.complaint(order.id, executor_id) for executor_id in order.takes], consistent=True)
    return [_complaint(item) for item in found if item]


def complaints_of(user_id: int, *, limit: int) -> tuple[list[Complaint], list[Complaint]]:
    """Return the newest complaints by a user, and those about the user's orders, as the indexes have them.

    Two Queries and at most two BatchGetItems. Raises Unavailable.
    """
    by, about = (
        [_complaint(item) for item in table.get_many(table.query(*where, limit=limit), consistent=False) if item]
        for where in (keys.complaints_by(user_id), keys.complaints_about(user_id))
    )
    return by, about


def submitted(order_id: str, user_id: int) -> Literal["review", "complaint"] | None:
    """Return what the user submitted about the order: `review`, `complaint` or None.

    One consistent BatchGetItem. Raises Unavailable.
    """
    review, complaint = table.get_many(
        [keys.review(order_id, user_id), keys.complaint(order_id, user_id)], consistent=True
    )
    return "review" if review else "complaint" if complaint else None


def page(*, rating: int | None, limit: int) -> list[Review]:
    """Return the newest reviews of all executors, optionally of one rating.

    One Query, one BatchGetItem. Raises Unavailable.
    """
    index, partition = keys.review_list(rating)
    return load(table.query(index, partition, limit=limit))


def moderated(*, hidden: bool, limit: int, after: str | None) -> tuple[list[Review], str | None]:
    """Return the newest shown or hidden reviews after the sort key `after`, and the key after which more follow.

    A page is shorter where the index, which lags behind the table, lists reviews that were hidden or restored just now.
    One Query, one consistent BatchGetItem. Raises Unavailable.
    """
    index, shown = keys.review_list(None)
    entries = table.query(index, keys.HIDDEN_REVIEWS if hidden else shown, high=after, limit=limit + 2)
    entries = [entry for entry in entries if entry[index.sk] != after]
    found = [from_item(item) for item in table.get_many(entries[:limit], consistent=True) if item]
    following = entries[limit - 1][index.sk] if len(entries) > limit else None
    return [review for review in found if (review.hidden_at is not None) is hidden], following


def received(executor_id: int, *, rating: int | None, limit: int | None) -> list[Review]:
    """Return the newest reviews of an executor, optionally of one rating.

    One Query, one BatchGetItem; with a rating or without a limit, one BatchGetItem per hundred reviews of the executor.
    Raises Unavailable.
    """
    return _personal(*keys.reviews_of(executor_id), rating, limit)


def written(client_id: int, *, rating: int | None, limit: int | None) -> list[Review]:
    """Return the newest reviews by a client, optionally of one rating. As many calls as `received`."""
    return _personal(*keys.reviews_by(client_id), rating, limit)


def _personal(index: keys.Index, partition: str, rating: int | None, limit: int | None) -> list[Review]:
    if rating is None:
        return load(table.query(index, partition, limit=limit))
    return [review for review in load(table.query(index, partition)) if review.rating == rating][:limit]


def load(entries: list[table.Item]) -> list[Review]:
    """Return the reviews of these entries of a list. One BatchGetItem per hundred. Raises Unavailable."""
    # Only operators and an erasure change what a review shows, and a removal its lists. So an eventually consistent
    # read is enough.
    return [from_item(item) for item in table.get_many(entries, consistent=False) if item]
