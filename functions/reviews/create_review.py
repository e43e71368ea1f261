"""POST /api/reviews/client: review an executor who took the caller's order."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.commands import reviews as commands
from shared.domain.errors import (
    AlreadyReviewed,
    Banned,
    ExecutorDidNotTake,
    InvalidInitData,
    NobodyToReview,
    NotReviewable,
    OrderNotFound,
)
from shared.domain.order import Order
from shared.domain.review import MAX_RATING, MIN_RATING, Review, review_of
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import Comment, IdOfOrder, UserId, View

router = APIRouter()


class NewReview(BaseModel):
    """A review. `comment` is optional, at most 500 characters.

    Without `executor_id`, the review is about the first executor who took the order.
    """

    order_id: IdOfOrder
    rating: Annotated[int, Field(strict=True, ge=MIN_RATING, le=MAX_RATING)]
    comment: Comment | None = None
    executor_id: UserId | None = None


class ReviewCreated(View):
    """The review was stored."""

    success: bool
    review_id: int


@router.post(
    "/api/reviews/client",
    operation_id="create_review",
    summary="Review an executor",
    response_model=ReviewCreated,
    responses=error_responses(
        InvalidInitData, Banned, OrderNotFound, NotReviewable, NobodyToReview, ExecutorDidNotTake, AlreadyReviewed
    ),
)
async def create_review(new: NewReview, caller: Caller) -> ReviewCreated:
    """The client of a completed or expired order can review it once.

    The review counts in the executor's rating at once. The order then shows it in `rating` and `review_comment`. The
    review's `author_name` is the caller's first name.
    """

    def decide(order: Order | None, now: int, review_id: int) -> Review:
        return review_of(
            order,
            caller.id,
            executor_id=new.executor_id,
            author_name=caller.first_name,
            rating=new.rating,
            comment=new.comment or None,
            review_id=review_id,
            now=now,
        )

    review = commands.review(new.order_id, caller.id, decide)
    return ReviewCreated(success=True, review_id=review.id)


handler = http_handler(router)
