"""GET /api/admin/complaints: list the executors' complaints for operators."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import ComplaintView, Cursor, Limit, View, complaint_view, id_at, next_cursor
from shared.store import reviews

router = APIRouter(tags=["admin"])


class ComplaintsPage(View):
    """A page of complaints, oldest first.

    `next_cursor`: pass it as `cursor` to get the newer complaints; null on the last page.
    """

    complaints: list[ComplaintView]
    next_cursor: str | None


@router.get(
    "/api/admin/complaints",
    operation_id="list_complaints",
    summary="List open or handled complaints",
    response_model=ComplaintsPage,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def list_complaints(
    operator: Operator,
    handled: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, object]:
    """Lists open complaints, or handled ones with `handled=true`. The oldest complaint comes first."""
    after = id_at(cursor)
    found = reviews.complaints(handled=handled, limit=limit + 1, after=after)
    return {
        "complaints": [complaint_view(complaint) for complaint in found[:limit]],
        "next_cursor": next_cursor(found, limit),
    }


handler = http_handler(router)
