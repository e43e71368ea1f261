"""Reviews of executors by clients when an order is over, and complaints about orders by executors who took them."""

from dataclasses import dataclass

from shared.domain.errors import ExecutorDidNotTake, NobodyToReview, NotReviewable, OrderNotFound, OrderNotTakenByYou
from shared.domain.masking import mask, masked_form
from shared.domain.order import Order, Status, status_at

MIN_RATING = 1
MAX_RATING = 5
MAX_COMMENT = 500

COMPLAINTS = ("Не отвечал", "Отменил заказ", "Неадекватное поведение", "Ложная информация", "Другое")


@dataclass(frozen=True, slots=True)
class Review:
    """A client's review of one executor of one order.

    `author_name`: the client's name at that time, masked. `masked_comment`: the comment as others see it; None if it
    has no contact to mask (I23). `hidden_at`: when an operator hid the review, epoch ms; None while it is shown.
    `is_public`: it is in everybody's lists, or returns there when it is restored; the review of a removed order is not.
    """

    id: int
    order_id: str
    client_id: int
    executor_id: int
    author_name: str
    rating: int
    comment: str | None
    category: str
    city: str
    created_at: int
    masked_comment: str | None = None
    hidden_at: int | None = None
    is_public: bool = True


@dataclass(frozen=True, slots=True)
class Complaint:
    """An executor's complaint about an order that they took.

    `masked_comment`: the comment as operators see it; None if it has no contact to mask (I23). `handled_at` is when an
    operator handled it (epoch ms), with the action `action_id`; None while it waits.
    """

    id: int
    order_id: str
    client_id: int
    executor_id: int
    complaint: str
    comment: str | None
    created_at: int
    handled_at: int | None = None
    action_id: int | None = None
    masked_comment: str | None = None


def review_of(
    order: Order | None,
    client_id: int,
    *,
    executor_id: int | None,
    author_name: str,
    rating: int,
    comment: str | None,
    review_id: int,
    now: int,
) -> Review:
    """Return the client's review of an order that is over. Without `executor_id`, the first executor is reviewed.

    Raises OrderNotFound (also for an order of another client), NotReviewable, NobodyToReview, ExecutorDidNotTake.
    """
    if order is None or order.client_id != client_id:
        raise OrderNotFound
    if status_at(order, now) not in (Status.COMPLETED, Status.EXPIRED):
        raise NotReviewable
    if not order.takes:
        raise NobodyToReview
    if executor_id is None:
        executor_id = min(order.takes.values(), key=lambda take: take.executor_count).executor_id
    if executor_id not in order.takes:
        raise ExecutorDidNotTake
    return Review(
        id=review_id,
        order_id=order.id,
        client_id=client_id,
        executor_id=executor_id,
        author_name=mask(author_name),
        rating=rating,
        comment=comment,
        category=order.category,
        city=order.city,
        created_at=now,
        masked_comment=None if comment is None else masked_form(comment, order.contact),
    )


def complaint_about(
    order: Order | None, executor_id: int, *, complaint: str, comment: str | None, complaint_id: int, now: int
) -> Complaint:
    """Return the executor's complaint about an order. Raises OrderNotTakenByYou, also if the order does not exist."""
    if order is None or executor_id not in order.takes:
        raise OrderNotTakenByYou
    return Complaint(
        id=complaint_id,
        order_id=order.id,
        client_id=order.client_id,
        executor_id=executor_id,
        complaint=complaint,
        comment=comment,
        created_at=now,
        masked_comment=None if comment is None else masked_form(comment, order.contact),
    )
