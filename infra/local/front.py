"""The server on PORT: what API Gateway's domain is in AWS.

It passes each request to the embedded AWS as it came, every byte of path, query, headers and body, and adds what
ministack does not do: CORS by the allowed origins, API Gateway's limit of 10 MB, and waiting where more requests come
at once than Lambda processes may run. What it refuses itself, or what the gateway behind it does, says so in
`detail` and `code` like any other answer.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import h11
import httpcore
import hypercorn.protocol
from hypercorn.protocol.h11 import H11Protocol

from infra.local.settings import FAKES
from shared.domain.errors import Unavailable
from shared.http.errors import ANSWERS, HTTP_ANSWERS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

MAX_BODY = 10 * 1024 * 1024
_NOT_PASSED_ON = frozenset({b"connection", b"host", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"})
_NOT_PASSED_BACK = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"server", b"date"})


class Front:
    """An ASGI app in front of one API of the embedded AWS, and of the fakes."""

    def __init__(
        self, aws_url: str, api_id: str, origins: Iterable[str], concurrency: int, fakes: App | None = None
    ) -> None:
        self._fakes = fakes
        self._prefix = f"/_aws/execute-api/{api_id}/$default".encode()
        self._url = httpcore.URL(aws_url)
        self._origins = frozenset(origin.encode() for origin in origins)
        self._pool = httpcore.AsyncConnectionPool(max_connections=concurrency, max_keepalive_connections=concurrency)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await _answer(send, 404, [_JSON], _refusal(404), kind="websocket.http")
        if scope["type"] != "http":
            return
        if self._fakes is not None and scope["path"].startswith(f"{FAKES}/"):
            await self._fakes(scope, receive, send)
            return
        origin = dict(scope["headers"]).get(b"origin")
        cors = _cors_headers(origin) if origin in self._origins and origin else []
        if scope["method"] == "OPTIONS":
            await _answer(send, 204, [*cors, *(_PREFLIGHT if cors else [])], b"")
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, [*cors, _JSON], _refusal(413))
            return
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
            await _answer(send, 503, [*cors, _JSON], _refusal(503))
            return
        if response.status >= 400 and response.content.startswith(b'{"message"'):
            # The gateway's own words: no function answered.
            await _answer(send, response.status, [*cors, _JSON], _refusal(response.status))
            return
        headers = [(name.lower(), value) for name, value in response.headers if name.lower() not in _NOT_PASSED_BACK]
        await _answer(send, response.status, [*headers, *cors], response.content)


class _Http1(H11Protocol):
    """HTTP/1.1 that says why it refuses what is no HTTP; Hypercorn's own refusal has no body."""

    async def _send_error_response(self, status_code: int) -> None:
        body = _refusal(status_code)
        headers = [_JSON, (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


# Hypercorn offers no setting for it. A test sends what is no HTTP and wants a `detail`.
hypercorn.protocol.H11Protocol = _Http1  # type: ignore[attr-defined]


_JSON = (b"content-type", b"application/json")
# What template.yaml allows; a test holds the two together.
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET,POST,PUT,DELETE"),
    (b"access-control-allow-headers", b"authorization,content-type,x-telegram-init-data"),
    (b"access-control-max-age", b"86400"),
]


def _refusal(status: int) -> bytes:
    answer = HTTP_ANSWERS.get(status) or (HTTP_ANSWERS[400] if status < 500 else ANSWERS[Unavailable])
    return json.dumps({"detail": answer.detail, "code": answer.code}, ensure_ascii=False).encode()


def _cors_headers(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


async def _body(receive: Receive) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, headers: Headers, body: bytes, *, kind: str = "http") -> None:
    await send({"type": f"{kind}.response.start", "status": status, "headers": list(headers)})
    await send({"type": f"{kind}.response.body", "body": body})
