"""GET /api/reviews: list the clients' reviews of executors."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.domain.errors import InvalidInitData, TooOften, Unauthenticated
from shared.domain.review import MAX_RATING, MIN_RATING, Review
from shared.handlers.http import http_handler
from shared.http.auth import MaybeReader
from shared.http.errors import error_responses
from shared.http.schemas import Limit, ReviewView, review_view
from shared.store import reviews

router = APIRouter()


@router.get(
    "/api/reviews",
    operation_id="list_reviews",
    summary="List reviews, newest first",
    response_model=list[ReviewView],
    responses=error_responses(InvalidInitData, TooOften),
)
async def list_reviews(
    caller: MaybeReader,
    rating: Annotated[int | None, Query(ge=MIN_RATING, le=MAX_RATING)] = None,
    limit: Limit = 50,
    mine: bool = False,
    written: bool = False,
) -> list[dict[str, object]]:
    """Lists everyone's reviews.

    - `mine`: only reviews that the caller received. `written`: only reviews that the caller wrote. Both need
      valid credentials (401). Together they match no review.
    - `rating`: only reviews with that rating.
    - Contacts in comments and names are masked (`•••`); the caller reads their own comments whole under `written`.

    There is no pagination: the newest `limit` reviews are returned. Credentials are optional for everyone's reviews;
    invalid ones count as none.
    """
    found: list[Review] = []
    if not mine and not written:
        found = reviews.page(rating=rating, limit=limit)
    elif caller is None:
        raise Unauthenticated
    elif not written:
        found = reviews.received(caller.id, rating=rating, limit=limit)
    elif not mine:
        found = reviews.written(caller.id, rating=rating, limit=limit)
    # Both: nobody can take, and so review, an own order (I13).
    return [review_view(review, to_author=written) for review in found]


handler = http_handler(router)
