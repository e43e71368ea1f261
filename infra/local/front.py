"""The server on PORT: what API Gateway's domain is in AWS.

It passes each request to the embedded AWS as it came, every byte of path, query, headers and body, and adds what
ministack does not do: CORS by the allowed origins, API Gateway's limit of 10 MB, and waiting where more requests come
at once than Lambda processes may run.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import httpcore

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

MAX_BODY = 10 * 1024 * 1024
_NOT_PASSED_ON = frozenset({b"connection", b"host", b"keep-alive", b"te", b"transfer-encoding", b"upgrade"})
_NOT_PASSED_BACK = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"server", b"date"})


class Front:
    """An ASGI app in front of one API of the embedded AWS."""

    def __init__(self, aws_url: str, api_id: str, origins: Iterable[str], concurrency: int) -> None:
        self._prefix = f"/_aws/execute-api/{api_id}/$default".encode()
        self._url = httpcore.URL(aws_url)
        self._origins = frozenset(origin.encode() for origin in origins)
        self._pool = httpcore.AsyncConnectionPool(max_connections=concurrency, max_keepalive_connections=concurrency)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        origin = dict(scope["headers"]).get(b"origin")
        cors = _cors_headers(origin) if origin in self._origins and origin else []
        if scope["method"] == "OPTIONS" and origin is not None:
            await _answer(send, 204, [*cors, *(_PREFLIGHT if cors else [])], b"")
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, [*cors, _JSON], b'{"message":"Request Entity Too Large"}')
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
            await _answer(send, 503, [*cors, _JSON], b'{"message":"Service Unavailable"}')
            return
        headers = [(name.lower(), value) for name, value in response.headers if name.lower() not in _NOT_PASSED_BACK]
        await _answer(send, response.status, [*headers, *cors], response.content)


_JSON = (b"content-type", b"application/json")
# What template.yaml allows; a test holds the two together.
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET,POST,PUT,DELETE"),
    (b"access-control-allow-headers", b"authorization,content-type,x-telegram-init-data"),
    (b"access-control-max-age", b"86400"),
]


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


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
