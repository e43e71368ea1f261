"""GET /health: whether the service can answer."""

from typing import Literal

from fastapi import APIRouter

from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import View
from shared.store import health

router = APIRouter()


class HealthView(View):
    """All is well; otherwise the answer is a 503."""

    status: Literal["healthy"]


@router.get(
    "/health",
    operation_id="get_health",
    summary="Whether the service can answer",
    response_model=HealthView,
    responses=documented(),
)
async def get_health() -> HealthView:
    """Healthy while the table answers."""
    health.check()
    return HealthView(status="healthy")


handler = http_handler(router)
