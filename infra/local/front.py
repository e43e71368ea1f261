"""The front server on PORT, in the place of API Gateway's domain in AWS.

It passes each request to the embedded AWS unchanged: path, query, headers and body, byte for byte. It forwards the
sockets of `/live`, in the place of the WebSocket API's domain. It adds what ministack does not do: CORS for the allowed
origins, API Gateway's limits of 10 MB for a body, 10 KB for a head and 128 KB for a message of a socket, and a queue
for requests above the concurrency limit of Lambda. Its own refusals, and those of the gateway behind it, are error
responses with `detail` and `code`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple

import h11
import httpcore
import hypercorn.protocol
from hypercorn.protocol.h11 import H11Protocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from infra.local.aws import LIVE_STAGE, Apis
from infra.local.settings import FAKES, SANDBOX
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
# The limit of a message over a socket, in bytes.
MAX_MESSAGE = 128 * 1024
_NOT_PASSED_ON = frozenset(
    {
        b"connection",
        b"host",
        b"keep-alive",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        b"x-forwarded-host",
        b"x-forwarded-proto",
    }
)
_NOT_PASSED_BACK = frozenset(
    {b"connection", b"content-length", b"date", b"keep-alive", b"server", b"transfer-encoding"}
)


class Front:
    """An ASGI app in front of one API of the embedded AWS, of the fakes and of the sandbox.

    `sign_in` names the address that a browser is sent to instead, as `panel.sign_in` does.
    """

    def __init__(
        self,
        aws_url: str,
        apis: Apis,
        origins: Iterable[str],
        concurrency: int,
        fakes: App | None = None,
        sandbox: App | None = None,
        sign_in: Callable[[str, bytes, Headers], str | None] = lambda path, query, headers: None,
    ) -> None:
        self._fakes = fakes
        self._sandbox = sandbox
        self._sign_in = sign_in
        self._prefix = f"/_aws/execute-api/{apis.http}/$default".encode()
        self._sockets = f"{aws_url.replace('http', 'ws', 1)}/_aws/execute-api/{apis.live}/{LIVE_STAGE}"
        self._url = httpcore.URL(aws_url)
        self._origins = frozenset(origin.encode() for origin in origins)
        self._pool = httpcore.AsyncConnectionPool(max_connections=concurrency)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await self._forward_socket(scope, receive, send)
        elif scope["type"] != "http":
            return
        elif self._fakes is not None and scope["path"].startswith(f"{FAKES}/"):
            await self._fakes(scope, receive, send)
        elif self._sandbox is not None and (scope["path"] == "/" or scope["path"].startswith(f"{SANDBOX}/")):
            await self._sandbox(scope, receive, send)
        elif address := self._sign_in(scope["path"], scope["query_string"], scope["headers"]):
            await _send(send, _Response(302, [(b"location", address.encode()), (b"cache-control", b"no-store")], b""))
        else:
            response = await self._respond(scope, receive)
            await _send(send, response._replace(headers=[*response.headers, *self._cors(scope)]))

    async def _forward_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a socket to the WebSocket API, and pass on its messages and its end, both ways."""
        if scope["path"] != f"/{LIVE_STAGE}":
            await _send(send, _refusal(404), kind="websocket.http")
            return
        headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"] if name == b"origin"]
        url = f"{self._sockets}?{scope['query_string'].decode('latin-1')}"
        try:
            behind = await connect(
                url,
                additional_headers=headers,
                compression=None,
                ping_interval=None,
                proxy=None,
                open_timeout=29,  # seconds, the limit of API Gateway's integrations
            )
        except (InvalidHandshake, OSError) as refused:
            status = refused.response.status_code if isinstance(refused, InvalidStatus) else 503
            await _send(send, _refusal(status), kind="websocket.http")
            return
        await receive()  # the handshake of the caller
        await send({"type": "websocket.accept"})
        sending = asyncio.create_task(_pass_on(behind, send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                await behind.send(message["bytes"] if text is None else text)
        except ConnectionClosed:
            pass  # the other task tells the caller
        else:
            sending.cancel()
            await behind.close()
        await asyncio.gather(sending, return_exceptions=True)

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
                    # A ticket's address has the host that the caller used.
                    *((b"x-forwarded-host", value) for name, value in scope["headers"] if name == b"host"),
                    (b"x-forwarded-proto", scope["scheme"].encode()),
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


async def _pass_on(behind: ClientConnection, send: Send) -> None:
    """Pass on what the WebSocket API sends, until it closes the socket."""
    async for message in behind:
        key = "text" if isinstance(message, str) else "bytes"
        await send({"type": "websocket.send", key: message})
    await send({"type": "websocket.close", "code": behind.close_code or 1000})


class _Response(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class _Http1(H11Protocol):
    """HTTP/1.1 with an error response for malformed HTTP, and sockets without compression.

    Hypercorn's own refusal has no body. It compresses the messages of each socket, which costs more on one machine than
    it saves, and a quarter of a megabyte for each.
    """

    async def _create_stream(self, request: h11.Request) -> None:
        headers = [(name, value) for name, value in request.headers if name != b"sec-websocket-extensions"]
        if len(headers) < len(request.headers):
            request = h11.Request(
                method=request.method, headers=headers, target=request.target, http_version=request.http_version
            )
        await super()._create_stream(request)

    async def _send_error_response(self, status_code: int) -> None:
        _, headers, body = _refusal(status_code)
        headers = [*headers, (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await self._send_h11_event(h11.Response(status_code=status_code, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


# Hypercorn has no setting for the protocol class. Tests send malformed HTTP, and offer compression.
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
