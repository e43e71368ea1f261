"""HTTP helpers of the fakes: read parameters, send webhooks."""

import contextlib
import json
from typing import Any
from urllib.parse import parse_qsl

import httpcore
from starlette.requests import Request


def base_of(request: Request) -> str:
    """Return the fake's own address, including its mount path, for links to its pages."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/"


async def parameters(request: Request) -> dict[str, Any]:
    """Read a request's parameters: query, form or JSON. JSON inside form values is parsed, as Telegram does."""
    if request.headers.get("content-type", "").startswith("application/json"):
        given = await request.json()
    else:
        body = (await request.body()).decode()
        given = {**request.query_params, **dict(parse_qsl(body, keep_blank_values=True))}
    return {name: _maybe_json(value) for name, value in given.items()}


def _maybe_json(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a webhook and return the status of the response."""
    async with httpcore.AsyncConnectionPool() as pool:
        response = await pool.request(
            "POST", url, headers=[("content-type", "application/json"), *headers.items()], content=body
        )
    return response.status
