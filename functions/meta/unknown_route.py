"""Every request without a route: 404, or 405 if the path has a route for another method."""

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from shared.handlers.http import http_handler
from shared.http.routes import allowed_methods

router = APIRouter()


@router.api_route(
    "/{path:path}",
    methods=["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"],
    include_in_schema=False,
)
async def unknown_route(request: Request) -> None:
    """Respond with a 404, or with a 405 and the allowed methods."""
    if allowed := allowed_methods(request.url.path):
        raise HTTPException(405, headers={"allow": allowed})
    raise HTTPException(404)


handler = http_handler(router)
