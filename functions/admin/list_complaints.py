"""GET /api/admin/complaints: what executors complain of, for operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.http.auth import Operator
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import ComplaintView, View, complaint_view
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
    responses=documented(InvalidInitData, NotAnOperator),
)
async def list_complaints(
    operator: Operator,
    handled: bool = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=16, pattern=r"^[0-9]+$")] = None,
) -> dict[str, object]:
    """The queue: who waited longest is first."""
    after = int(cursor) if cursor is not None else None
    found = reviews.complaints(handled=handled, limit=limit + 1, after=after)
    return {
        "complaints": [complaint_view(complaint) for complaint in found[:limit]],
        "next_cursor": str(found[limit - 1].id) if len(found) > limit else None,
    }


handler = http_handler(router)
