"""GET /api/users/me/export: what the caller wrote, did and paid here, for him."""

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
    summary="What the caller wrote, did and paid here",
    response_model=ExportView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def export_me(caller: Reader) -> dict[str, object]:
    """With what others wrote of him. A banned user may ask as well."""
    return export_view(people.read(caller.id), clock.now_ms())


handler = http_handler(router)
