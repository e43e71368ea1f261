"""GET /api/admin/complaints: what executors complain of, for operators."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import ComplaintView, Cursor, Limit, View, complaint_view, id_at, next_cursor
from shared.store import reviews

router = APIRouter(tags=["admin"])


class ComplaintsPage(View):
    """Oldest first; `next_cursor` asks for the newer ones, null is the end."""

    complaints: list[ComplaintView]
    next_cursor: str | None


@router.get(
    "/api/admin/complaints",
    operation_id="list_complaints",
    summary="Complaints that wait, or that were handled",
    response_model=ComplaintsPage,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def list_complaints(
    operator: Operator,
    handled: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, object]:
    """The queue: who waited longest is first."""
    after = id_at(cursor)
    found = reviews.complaints(handled=handled, limit=limit + 1, after=after)
    return {
        "complaints": [complaint_view(complaint) for complaint in found[:limit]],
        "next_cursor": next_cursor(found, limit),
    }


handler = http_handler(router)
