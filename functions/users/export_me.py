"""GET /api/users/me/export: everything that is kept of the caller, for him."""

from fastapi import APIRouter

from shared import clock
from shared.domain.errors import InvalidInitData, TooOften
from shared.http.auth import Reader
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import ExportView, export_view
from shared.store import people

router = APIRouter()


@router.get(
    "/api/users/me/export",
    operation_id="export_me",
    summary="Everything that is kept of the caller",
    response_model=ExportView,
    responses=documented(InvalidInitData, TooOften),
)
async def export_me(caller: Reader) -> dict[str, object]:
    """Also of one who is banned."""
    return export_view(people.read(caller.id), clock.now_ms())


handler = http_handler(router)
