"""GET /api/reviews/check: tell whether the caller reviewed an order or complained about it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from shared import ids
from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.store import reviews

router = APIRouter()


class JudgedView(View):
    """What the caller has submitted about the order.

    `type` is `review` from the order's client, `complaint` from an executor, and null when nothing was submitted.
    """

    submitted: bool
    type: Literal["review", "complaint"] | None


@router.get(
    "/api/reviews/check",
    operation_id="check_review",
    summary="Check for the caller's review or complaint",
    response_model=JudgedView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def check_review(order_id: Annotated[str, Query(max_length=100)], caller: Reader) -> JudgedView:
    """Returns `submitted: false` for an unknown or malformed order id, too."""
    submitted = reviews.submitted(order_id, caller.id) if ids.ID.fullmatch(order_id) else None
    return JudgedView(submitted=submitted is not None, type=submitted)


handler = http_handler(router)
