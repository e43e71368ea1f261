"""The front server on PORT, in the place of API Gateway's domain in AWS.

It passes each request to the embedded AWS unchanged: path, query, headers and body, byte for byte. It adds what
ministack does not do: CORS for the allowed origins, API Gateway's limits of 10 MB for a body and 10 KB for a head,
and a queue for requests above the concurrency limit of Lambda. Its own refusals, and those of the gateway behind it,
are error responses with `detail` and `code`.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple

import h11
import httpcore
import hypercorn.protocol
from hypercorn.protocol.h11 import H11Protocol

from infra.local.settings import FAKES
from shared.error_responses import ERROR_RESPONSES, HTTP_ERROR_RESPONSES
from shared.service_errors import Unavailable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# API Gateway's limits, in bytes.
MAX_BODY = 10 * 1024 * 1024
MAX_HEAD = 10 * 1024
_NOT_PASSED_ON = frozenset({b"connection", b"host", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"})
_NOT_PASSED_BACK = frozenset(
    {b"connection", b"content-length", b"date", b"keep-alive", b"server", b"transfer-encoding"}
)


class Front:
    """An ASGI app in front of one API of the embedded AWS, and of the fakes."""

    def __init__(
        self, aws_url: str, api_id: str, origins: Iterable[str], concurrency: int, fakes: App | None = None
    ) -> None:
        self._fakes = fakes
        self._prefix = f"/_aws/execute-api/{api_id}/$default".encode()
        self._url = httpcore.URL(aws_url)
        self._origins = frozenset(origin.encode() for origin in origins)
        self._pool = httpcore.AsyncConnectionPool(max_connections=concurrency)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await _send(send, _refusal(404), kind="websocket.http")
        elif scope["type"] != "http":
            return
        elif self._fakes is not None and scope["path"].startswith(f"{FAKES}/"):
            await self._fakes(scope, receive, send)
        else:
            response = await self._respond(scope, receive)
            await _send(send, response._replace(headers=[*response.headers, *self._cors(scope)]))

    def _cors(self, scope: Scope) -> Headers:
        origin = dict(scope["headers"]).get(b"origin")
        if origin is None or origin not in self._origins:
            return []
        more = _PREFLIGHT if scope["method"] == "OPTIONS" else _EXPOSED
        return [(b"access-control-allow-origin", origin), (b"vary", b"Origin"), *more]

    async def _respond(self, scope: Scope, receive: Receive) -> "_Response":
        if scope["method"] == "OPTIONS":
            return _Response(204, [], b"")
        if _head(scope) > MAX_HEAD:
            return _refusal(431)
        body = await _body(receive)
        if body is None:
            return _refusal(413)
        target = self._prefix + scope["raw_path"].partition(b"?")[0]
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        try:
            response = await self._pool.request(
                scope["method"],
                httpcore.URL(scheme=self._url.scheme, host=self._url.host, port=self._url.port, target=target),
                headers=[
                    (b"host", self._url.host + b":" + str(self._url.port).encode()),
                    *((name, value) for name, value in scope["headers"] if name not in _NOT_PASSED_ON),
                ],
                content=body,
            )
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return _refusal(503)
        if response.status >= 400 and response.content.startswith(b'{"message"'):
            return _refusal(response.status)  # the gateway's own error: no function answered
        headers = [(name.lower(), value) for name, value in response.headers]
        # The length of a response to HEAD is that of the GET's content, which the response does not have.
        keep = {b"content-length"} if scope["method"] == "HEAD" else set()
        headers = [(name, value) for name, value in headers if name not in _NOT_PASSED_BACK - keep]
        return _Response(response.status, headers, response.content)


class _Response(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class _Http1(H11Protocol):
    """HTTP/1.1 with an error response for malformed HTTP. Hypercorn's own refusal has no body."""

    async def _send_error_response(self, status_code: int) -> None:
        _, headers, body = _refusal(status_code)
        headers = [*headers, (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


# Hypercorn has no setting for the protocol class. A test sends malformed HTTP and expects a `detail`.
hypercorn.protocol.H11Protocol = _Http1  # type: ignore[attr-defined]


# The CORS settings of template.yaml; a test compares the two.
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET,POST,PUT,DELETE"),
    (b"access-control-allow-headers", b"authorization,content-type,x-telegram-init-data"),
    (b"access-control-max-age", b"86400"),
]
_EXPOSED = [(b"access-control-expose-headers", b"date,retry-after,x-bot-can-write")]


def _refusal(status: int) -> _Response:
    error = HTTP_ERROR_RESPONSES.get(status) or (
        HTTP_ERROR_RESPONSES[400] if status < 500 else ERROR_RESPONSES[Unavailable]
    )
    body = json.dumps({"detail": error.detail, "code": error.code}, ensure_ascii=False)
    return _Response(status, [(b"content-type", b"application/json")], body.encode())


def _head(scope: Scope) -> int:
    """The size of a request line and its headers, in bytes."""
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope["raw_path"]) + len(scope["query_string"])


async def _body(receive: Receive) -> bytes | None:
    """Read the body; None if it is too large or the caller has disconnected."""
    parts, size = [], 0
    # A caller reads the response only after sending the whole body, so a body over the limit is read and dropped, up
    # to ten times the limit.
    while size <= 10 * MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        if not message.get("more_body"):
            break
    return b"".join(parts) if size <= MAX_BODY else None


async def _send(send: Send, response: _Response, *, kind: str = "http") -> None:
    headers = response.headers
    if response.status != 204 and b"content-length" not in dict(headers):
        headers = [*headers, (b"content-length", str(len(response.body)).encode())]
    await send({"type": f"{kind}.response.start", "status": response.status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": response.body})
