"""HTTP helpers of the fakes: read parameters, record mistakes, send webhooks."""

import json
import sys
from typing import Any
from urllib.parse import parse_qsl

import httpcore
from starlette.requests import Request
from starlette.responses import Response

from infra.local.fakes.schemas import Mistake

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Mistakes(list[str]):
    """The requests that a fake refused for their form, such as an unknown parameter: defects of the sender.

    A refusal for the state, as of a closed chat or a paid invoice, is no mistake. None repeats a value that was sent.
    Each is also a line on standard error, which `make run` shows. A test that makes one on purpose clears the list; any
    other fails at its end.
    """

    def __init__(self, provider: str) -> None:
        super().__init__()
        self._provider = provider

    def add(self, method: str, mistake: Mistake | str) -> None:
        """Record a mistake in a call of `method`."""
        self.append(f"{method}: {mistake}")
        print(f"The fake of {self._provider} refuses {self[-1]}", file=sys.stderr, flush=True)

    async def unknown_path(self, request: Request) -> Response:
        """Refuse a path that the provider does not have."""
        if request.method != "GET" or request.url.path.rpartition("/")[2] != "favicon.ico":
            self.add(f"{request.method} {request.path_params['path']}", "unknown path")
        return Response(status_code=404)


def base_of(request: Request) -> str:
    """Return the fake's own address, including its mount path, for links to its pages."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/"


async def parameters(request: Request) -> dict[str, str]:
    """Read the parameters of a page: those of the query and of the form."""
    body = (await request.body()).decode()
    return {**request.query_params, **dict(parse_qsl(body, keep_blank_values=True))}


async def json_object(request: Request) -> dict[str, Any] | None:
    """Read a body that is a JSON object; None if it is anything else, or not sent as application/json."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        given = json.loads(await request.body())
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a webhook and return the status of the response."""
    async with httpcore.AsyncConnectionPool() as pool:
        response = await pool.request(
            "POST", url, headers=[("content-type", "application/json"), *headers.items()], content=body
        )
    return response.status
