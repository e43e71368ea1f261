"""Commands on reviews, which clients write of executors, and complaints, which executors make about orders."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from shared import clock, ids
from shared.commands.retry import retry
from shared.domain.errors import (
    AlreadyComplained,
    AlreadyHandled,
    AlreadyReviewed,
    ComplaintNotFound,
    DomainError,
    OrderNotFound,
    ReviewNotFound,
)
from shared.domain.operators import Action, check_not_own
from shared.domain.order import Order
from shared.domain.review import Complaint, Review
from shared.store import orders, reviews

Opinion = TypeVar("Opinion", Review, Complaint)

Decide = Callable[[Order | None, int, int], Opinion]
"""A rule: the order, the time in epoch ms and a new id to a review or a complaint."""


def review(order_id: str, client_id: int, decide: Decide[Review]) -> Review:
    """Put the client's one review of the order.

    The order shows the review and the executor's rating counts it in the same transaction (I20, I21). As many calls as
    `_put_once`. Raises AlreadyReviewed, Banned, the errors of `decide`, Busy, Unavailable.
    """

    def put(order: Order | None, review: Review) -> None:
        if order is None:
            raise OrderNotFound
        reviews.put_review(order, review)

    return _put_once(order_id, client_id, decide, reviews.get_review, put, AlreadyReviewed)


def complain(order_id: str, executor_id: int, decide: Decide[Complaint]) -> Complaint:
    """Put the executor's one complaint about the order.

    As many calls as `_put_once`. Raises AlreadyComplained, Banned, the errors of `decide`, Busy, Unavailable.
    """

    def put(_: Order | None, complaint: Complaint) -> None:
        reviews.put_complaint(complaint)

    return _put_once(order_id, executor_id, decide, reviews.get_complaint, put, AlreadyComplained)


def _put_once(
    order_id: str,
    author_id: int,
    decide: Decide[Opinion],
    get: Callable[[str, int], Opinion | None],
    put: Callable[[Order | None, Opinion], None],
    already: type[DomainError],
) -> Opinion:
    """Put what `decide` makes of the order, once for an order and an author.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems; from the second on a consistent GetItem before
    them, which shows whether an earlier attempt was applied (P3). Raises `already`, Banned, the errors of `decide` and
    `put`, Busy, Unavailable.
    """
    attempts: dict[int, Opinion] = {}

    def put_once() -> Opinion:
        now = clock.now_ms()
        if attempts:
            found = get(order_id, author_id)
            if found is not None:
                if found.id in attempts:
                    return attempts[found.id]
                raise already
        order = orders.get_for(order_id, author_id)
        opinion = decide(order, now, ids.new_integer_id(now))
        attempts[opinion.id] = opinion
        put(order, opinion)
        return opinion

    return retry(put_once)


def handle_complaint(order_id: str, executor_id: int, action: Action) -> Complaint:
    """Mark a complaint handled by the operator's action, and put the action. Returns the complaint.

    Per attempt: one consistent GetItem and one TransactWriteItems of two writes. Raises ComplaintNotFound, OwnCase,
    AlreadyHandled, Busy, Unavailable.
    """

    def handle_once() -> Complaint:
        complaint = reviews.get_complaint(order_id, executor_id)
        if complaint is None:
            raise ComplaintNotFound
        check_not_own(action.operator_id, complaint.client_id, complaint.executor_id)
        if complaint.action_id == action.id:
            return complaint  # an earlier attempt was applied
        if complaint.handled_at is not None:
            raise AlreadyHandled
        reviews.mark_handled(complaint, action)
        return replace(complaint, handled_at=action.created_at, action_id=action.id)

    return retry(handle_once)


def set_hidden(order_id: str, client_id: int, action: Action, *, hidden: bool) -> Review:
    """Hide the client's review of the order, or restore it, and put the operator's action. Returns the review.

    Idempotent: a review that is in this state already is returned, and nothing is recorded. Per attempt: one consistent
    BatchGetItem and one TransactWriteItems of four writes. Raises ReviewNotFound, OwnCase, Busy, Unavailable.
    """

    def set_once() -> Review:
        review, order, is_done = reviews.read_for(action, order_id, client_id)
        if review is None:
            raise ReviewNotFound
        check_not_own(action.operator_id, review.client_id, review.executor_id)
        if (review.hidden_at is not None) is hidden or is_done:
            return review
        (reviews.hide if hidden else reviews.restore)(review, order, action)
        return replace(review, hidden_at=action.created_at if hidden else None)

    return retry(set_once)
