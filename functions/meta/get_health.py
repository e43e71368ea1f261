"""GET /health: whether the service can answer."""

from typing import TYPE_CHECKING

from shared.handlers.http import fast_path_handler

if TYPE_CHECKING:
    from fastapi import APIRouter


def make_router() -> "APIRouter":
    """The route as the OpenAPI has it."""
    from typing import Literal  # noqa: PLC0415

    from fastapi import APIRouter  # noqa: PLC0415

    from shared.http.errors import error_responses  # noqa: PLC0415
    from shared.http.schemas import View  # noqa: PLC0415

    router = APIRouter()

    class HealthView(View):
        """All is well."""

        status: Literal["healthy"]

    @router.get(
        "/health",
        operation_id="get_health",
        summary="Whether the service can answer",
        response_model=HealthView,
        responses=error_responses(),
    )
    async def get_health() -> HealthView:
        """Healthy while functions start and answer. Whether the table answers, alarms tell."""
        return HealthView(status="healthy")

    return router


# It needs nothing to know that it runs: no table, no framework. Nothing can be wrong with the request either.
handler = fast_path_handler(lambda event: {"status": "healthy"}, make_router)
