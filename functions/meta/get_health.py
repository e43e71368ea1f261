"""GET /health: tell that the functions start and respond."""

from typing import TYPE_CHECKING

from shared.handlers.http import fast_path_handler

if TYPE_CHECKING:
    from fastapi import APIRouter


def make_router() -> "APIRouter":
    """Make the router, for the OpenAPI document."""
    from typing import Literal  # noqa: PLC0415

    from fastapi import APIRouter  # noqa: PLC0415

    from shared.http.errors import error_responses  # noqa: PLC0415
    from shared.http.schemas import View  # noqa: PLC0415

    router = APIRouter()

    class HealthView(View):
        """The service runs."""

        status: Literal["healthy"]

    @router.get(
        "/health",
        operation_id="get_health",
        summary="Check that the service runs",
        response_model=HealthView,
        responses=error_responses(),
    )
    async def get_health() -> HealthView:
        """Returns `healthy` while functions start and respond. The database is not checked; alarms watch it."""
        return HealthView(status="healthy")

    return router


# The response needs neither the table nor the framework, and no request can be invalid.
handler = fast_path_handler(lambda event: {"status": "healthy"}, make_router)
