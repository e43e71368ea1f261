"""GET /api/admin/reviews, POST /api/admin/reviews/hide and …/restore: list reviews for operators, and hide them."""

from fastapi import APIRouter
from pydantic import BaseModel

from shared.commands import reviews as commands
from shared.domain.errors import InvalidInitData, NotAnOperator, OwnCase, ReviewNotFound
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.operator_schemas import OperatorReviewView, operator_review_view
from shared.http.schemas import IdOfOrder, Limit, ReasonText, SortKeyCursor, UserId, View, sort_key_at, sort_key_cursor
from shared.store import audit_log, reviews

router = APIRouter(tags=["admin"])


class ReviewsPage(View):
    """A page of reviews, newest first.

    `next_cursor`: pass it as `cursor` to get the older reviews; null on the last page.
    """

    reviews: list[OperatorReviewView]
    next_cursor: str | None


class ModeratedReview(BaseModel):
    """The review, named by its order and the client who wrote it, and the reason for the audit log."""

    order_id: IdOfOrder
    author_id: UserId
    reason: ReasonText


@router.get(
    "/api/admin/reviews",
    operation_id="list_reviews_as_operator",
    summary="List shown or hidden reviews",
    response_model=ReviewsPage,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def list_reviews(
    operator: Operator, hidden: bool = False, limit: Limit = 50, cursor: SortKeyCursor = None
) -> dict[str, object]:
    """Lists the reviews that everybody sees, or with `hidden=true` those that operators hid. The newest comes first.

    Contacts in comments are masked. The review of a removed order is listed only while it is hidden.
    """
    found, following = reviews.moderated(hidden=hidden, limit=limit, after=sort_key_at(cursor))
    return {
        "reviews": [operator_review_view(review) for review in found],
        "next_cursor": sort_key_cursor(following),
    }


@router.post(
    "/api/admin/reviews/hide",
    operation_id="hide_review",
    summary="Hide a review",
    response_model=OperatorReviewView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase, ReviewNotFound),
)
async def hide_review(named: ModeratedReview, operator: Operator) -> dict[str, object]:
    """The review leaves `GET /api/reviews`, its order and the executor's rating. Its author still sees it.

    The author cannot write a second one. The request is idempotent: a second one records no action.
    """
    action = audit_log.new(operator.id, "review_hidden", named.reason, user_id=named.author_id, order_id=named.order_id)
    return operator_review_view(commands.set_hidden(named.order_id, named.author_id, action, hidden=True))


@router.post(
    "/api/admin/reviews/restore",
    operation_id="restore_review",
    summary="Restore a hidden review",
    response_model=OperatorReviewView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase, ReviewNotFound),
)
async def restore_review(named: ModeratedReview, operator: Operator) -> dict[str, object]:
    """The review returns to where it was before it was hidden. The request is idempotent."""
    action = audit_log.new(
        operator.id, "review_restored", named.reason, user_id=named.author_id, order_id=named.order_id
    )
    return operator_review_view(commands.set_hidden(named.order_id, named.author_id, action, hidden=False))


handler = http_handler(router)
