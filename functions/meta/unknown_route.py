"""Every request without a route: 404, or 405 if the path has a route for another method."""

import json
import re
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from shared.handlers.http import http_handler

router = APIRouter()

_ROUTES = [
    (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), sorted(method.upper() for method in methods))
    for path, methods in json.loads(Path(__file__).with_name("openapi.json").read_bytes())["paths"].items()
]


@router.api_route(
    "/{path:path}",
    methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"],
    include_in_schema=False,
)
async def unknown_route(request: Request) -> None:
    """Respond with a 404, or with a 405 and the allowed methods."""
    for path, methods in _ROUTES:
        if path.fullmatch(request.url.path):
            raise HTTPException(405, headers={"allow": ", ".join(methods)})
    raise HTTPException(404)


handler = http_handler(router)
