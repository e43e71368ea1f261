"""GET /api/users/me/export: return the caller's personal data."""

from fastapi import APIRouter

from shared import clock
from shared.domain.errors import InvalidInitData, TooOften
from shared.domain.person import PAGE
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import ExportCursor, ExportView, Limit, export_view, position_at
from shared.store import people

router = APIRouter()


@router.get(
    "/api/users/me/export",
    operation_id="export_me",
    summary="Export the caller's personal data",
    response_model=ExportView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def export_me(caller: Reader, limit: Limit = PAGE, cursor: ExportCursor = None) -> dict[str, object]:
    """Everything that the caller wrote, did and paid, and the reviews that others wrote about them.

    A page has `limit` entries of all lists together. Repeat the request with `next_cursor` until it is null, and join
    the lists. Nothing that is stored all the time is missing or twice. Each page counts as a request.

    Not included: payments (their credits are in `transactions`), request counters, delivery marks and the audit log. A
    banned caller can do this too.
    """
    person, following = people.page(caller.id, start=position_at(cursor), limit=limit)
    return export_view(person, following, clock.now_ms())


handler = http_handler(router)
