"""GET /api/users/me/export: return the caller's personal data."""

from fastapi import APIRouter

from shared import clock
from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import ExportView, export_view
from shared.store import people

router = APIRouter()


@router.get(
    "/api/users/me/export",
    operation_id="export_me",
    summary="Export the caller's personal data",
    response_model=ExportView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def export_me(caller: Reader) -> dict[str, object]:
    """Everything that the caller wrote, did and paid, and the reviews that others wrote about them.

    Not included: payments (their credits are in `transactions`), request counters, delivery marks and the audit log. A
    banned caller can do this too.
    """
    return export_view(people.read(caller.id), clock.now_ms())


handler = http_handler(router)
