"""GET /openapi.json: return the OpenAPI document that is committed beside this file."""

from pathlib import Path

from fastapi import APIRouter, Response

from shared.handlers.http import http_handler
from shared.http.headers import NEVER_STALE

router = APIRouter()

# `make openapi` generates it from the routers of all functions; a test compares the two.
_SCHEMA = Path(__file__).with_name("openapi.json").read_bytes()


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi() -> Response:
    """Return the OpenAPI 3.1 document."""
    headers = {"cache-control": f"max-age=300, {NEVER_STALE}"}
    return Response(_SCHEMA, media_type="application/json", headers=headers)


handler = http_handler(router)
