"""API Gateway's side of open sockets: it takes frames and closes sockets, and checks each call's signature."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

MOST_BYTES = 128 * 1024


class FakeSockets:
    """Sockets by connection id. `frames` are those that arrived at each, `calls` every call with its socket.

    `failing`: sockets that answer with a 500; `closing_fails` makes each DELETE fail.
    """

    def __init__(self) -> None:
        self.frames: dict[str, list[Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.failing: set[str] = set()
        self.closing_fails = False
        self.mistakes: list[str] = []
        self.on_call: Callable[[], None] = lambda: None

    def opened(self, connection_id: str) -> None:
        """Let a handshake end."""
        self.frames[connection_id] = []

    def taken(self, connection_id: str) -> list[Any]:
        """Take the frames that arrived at a socket."""
        found, self.frames[connection_id] = self.frames[connection_id], []
        return found

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI app."""
        if scope["type"] == "http":
            request = Request(scope, receive)
            response = self._answer(request, await request.body())
            await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        path = request.scope["raw_path"].decode()
        connection_id = unquote(path.rpartition("/")[2])
        self.on_call()
        self.calls.append((request.method, connection_id))
        if "=" in path or not path.startswith("/live/@connections/"):
            self.mistakes.append(f"path {path}")
        if "/execute-api/aws4_request" not in request.headers.get("authorization", ""):
            self.mistakes.append("no signature")
        if connection_id in self.failing and (request.method == "POST" or self.closing_fails):
            return Response(status_code=500)
        if connection_id not in self.frames:
            return Response(status_code=410)
        if request.method == "DELETE":
            del self.frames[connection_id]
            return Response(status_code=204)
        if not 0 < len(body) <= MOST_BYTES:
            self.mistakes.append(f"a frame of {len(body)} bytes")
        self.frames[connection_id].append(json.loads(body))
        return Response(status_code=200)
