"""Reviews and complaints: who may write one about whom, and when."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import (
    ExecutorDidNotTake,
    NobodyToReview,
    NotReviewable,
    OrderNotFound,
    OrderNotTakenByYou,
)
from shared.domain.order import Order, Status, answered, closed, completed, deleted, ended_by_time
from shared.domain.review import (
    COMPLAINTS,
    MAX_COMMENT,
    MAX_RATING,
    MIN_RATING,
    Complaint,
    Review,
    complaint_about,
    review_of,
)
from tests.domain.test_order import BEGIN, CLIENT, DELETED, FOREVER, HOUR, MINUTE, NEW, taken

DONE = completed(taken(1, 2, 3), CLIENT, BEGIN + 5 * MINUTE)


def review(order: Order | None, client: int = CLIENT, now: int = HOUR, **given: Any) -> Review:
    asked: dict[str, Any] = {"executor_id": None, "author_name": "Анна", "rating": 5, "comment": "Спасибо", **given}
    return review_of(order, client, review_id=77, now=now, **asked)


def complain(order: Order | None, executor: int, comment: str | None = None) -> Complaint:
    return complaint_about(order, executor, complaint="Не отвечал", comment=comment, complaint_id=78, now=HOUR)


def test_the_limits_are_the_contracts() -> None:
    assert (MIN_RATING, MAX_RATING, MAX_COMMENT) == (1, 5, 500)
    assert COMPLAINTS == ("Не отвечал", "Отменил заказ", "Неадекватное поведение", "Ложная информация", "Другое")


def test_contacts_in_a_review_are_masked_when_it_is_written() -> None:
    """I23: the name is stored masked, the comment in both forms."""
    written = review(DONE, author_name="Анна @anna_p", comment="Звоните 89990000000")
    assert (written.author_name, written.comment) == ("Анна •••", "Звоните 89990000000")
    assert written.masked_comment == "Звоните •••"
    assert written.is_public
    assert review(DONE, comment=None).masked_comment is None
    assert review(DONE, comment="Спасибо").masked_comment is None


def test_contacts_in_a_complaint_are_masked_when_it_is_written() -> None:
    """I23: also the order's own contact without its sign, as in a review."""
    order = replace(DONE, contact="@leaky_client")
    assert review(order, comment="Это leaky_client").masked_comment == "Это •••"
    for said, masked in (("Это leaky_client", "Это •••"), ("Он @plumber", "Он •••"), ("Грубил", None), (None, None)):
        complaint = complain(order, 2, said)
        assert (complaint.comment, complaint.masked_comment) == (said, masked)


def test_a_review_is_about_the_first_executor() -> None:
    """I20: the review is about the first executor, however the takes are stored."""
    mixed = replace(DONE, takes=dict(reversed(DONE.takes.items())))
    for order in (DONE, mixed):
        assert review(order) == Review(
            id=77,
            order_id=NEW.id,
            client_id=CLIENT,
            executor_id=2,
            author_name="Анна",
            rating=5,
            comment="Спасибо",
            category="Сантехника",
            city="Москва",
            created_at=HOUR,
        )


def test_a_review_may_name_an_executor() -> None:
    assert review(DONE, executor_id=4).executor_id == 4
    with pytest.raises(ExecutorDidNotTake):
        review(DONE, executor_id=9)
    with pytest.raises(ExecutorDidNotTake):
        review(DONE, executor_id=CLIENT)


def test_only_the_client_reviews() -> None:
    """I20."""
    for client in (2, 9):
        with pytest.raises(OrderNotFound):
            review(DONE, client)
    with pytest.raises(OrderNotFound):
        review(None)


def test_an_expired_order_is_reviewed_while_it_is_expired() -> None:
    """By the clock, whether a timer has run or not. The end of the answer window may close the order afterwards."""
    unanswered = taken(50)
    for order in (unanswered, ended_by_time(unanswered, HOUR)):
        assert review(order, now=HOUR).executor_id == 2
        assert review(order, now=BEGIN + 65 * MINUTE - 1).executor_id == 2
        with pytest.raises(NotReviewable):
            review(order, now=BEGIN + 65 * MINUTE)
    with pytest.raises(NotReviewable):
        review(unanswered, now=HOUR - 1)
    assert review(answered(unanswered, CLIENT, HOUR), now=FOREVER).executor_id == 2


@pytest.mark.parametrize(
    "order",
    [taken(1), closed(taken(1), CLIENT, BEGIN + 2 * MINUTE), DELETED],
    ids=["active", "closed", "deleted"],
)
def test_only_completed_and_expired_orders_are_reviewed(order: Order) -> None:
    with pytest.raises(NotReviewable):
        review(order, now=BEGIN + 3 * MINUTE)


def test_an_order_without_takes_is_not_reviewed() -> None:
    for executor_id in (None, 2):
        with pytest.raises(NobodyToReview):
            review(NEW, now=HOUR, executor_id=executor_id)
    with pytest.raises(NotReviewable):
        review(deleted(NEW, CLIENT, HOUR), now=HOUR)


def test_an_executor_may_complain_in_any_state_of_the_order() -> None:
    """I20."""
    closed_by_time = ended_by_time(taken(1), FOREVER)
    assert closed_by_time.status is Status.CLOSED_NO_RESPONSE
    for order in (taken(1), DONE, closed_by_time):
        assert complain(order, 2) == Complaint(
            id=78,
            order_id=NEW.id,
            client_id=CLIENT,
            executor_id=2,
            complaint="Не отвечал",
            comment=None,
            created_at=HOUR,
        )


def test_only_executors_who_paid_may_complain() -> None:
    """I20."""
    for executor in (CLIENT, 9):
        with pytest.raises(OrderNotTakenByYou):
            complain(DONE, executor)
    with pytest.raises(OrderNotTakenByYou):
        complain(None, 2)
