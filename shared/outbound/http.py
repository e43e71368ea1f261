"""HTTP calls to other services: JSON in, JSON out, with timeouts and without logging.

`request` makes one attempt. Only the caller knows whether a call is idempotent; for those there is
`request_with_retries`. A URL may contain a token (Telegram's does) and a body a name, so neither is logged or put into
an error (I18).
"""

import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import Timeout

from shared.outbound import status_only
from shared.outbound.status_only import NoResponse, NotConnected

# Log lines of urllib3 contain URLs.
logging.getLogger("urllib3.connectionpool").disabled = True
logging.getLogger("urllib3.util.retry").disabled = True

_CONNECT_SECONDS = 2.0
_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.1
_SHORTEST_ATTEMPT_SECONDS = 3.0
# A connection that was idle for longer is not reused: a frozen function does not notice that the peer closed it.
_IDLE_SECONDS = 20.0


class Unreachable(Exception):
    """No response arrived. `maybe_done`: the peer may have received the request and carried it out."""

    def __init__(self, *, maybe_done: bool) -> None:
        super().__init__()
        self.maybe_done = maybe_done


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. `body` is None if it was not JSON."""

    status: int
    body: Any


class _Pool:
    """A pool of connections that are reused between requests: sixteen to each host."""

    def __init__(self) -> None:
        self._connections = urllib3.PoolManager(num_pools=4, maxsize=16)
        self._used_at = 0.0

    def request(self, method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:
        """Make one attempt, over a recently used connection or a new one."""
        if time.time() - self._used_at > _IDLE_SECONDS:
            self._connections.clear()
        try:
            return self._connections.request(method, url, retries=False, redirect=False, **more)
        finally:
            self._used_at = time.time()


@cache
def _pool() -> _Pool:
    return _Pool()


@cache
def _connections() -> status_only.Connections:
    return status_only.Connections(connect_seconds=_CONNECT_SECONDS, idle_seconds=_IDLE_SECONDS)


def request(
    method: str,
    url: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    read_timeout: float = 5.0,
    needs_body: bool = True,
) -> Reply:
    """Send a request once, with `body` as JSON if one is given; bytes are JSON already.

    Timeouts: 2 s to connect, `read_timeout` seconds between bytes. Without `needs_body`, the reply has none, and the
    call takes half the processor time. Raises Unreachable.
    """
    sent = dict(headers or {})
    if body is not None:
        sent["content-type"] = "application/json"
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    if not needs_body:
        return Reply(_status(method, url, sent, content or b"", read_timeout), None)
    try:
        answer = _pool().request(
            method,
            url,
            body=content,
            headers={"accept": "application/json", **sent},
            timeout=Timeout(connect=_CONNECT_SECONDS, read=read_timeout),
        )
    except (ConnectTimeoutError, NewConnectionError):
        raise Unreachable(maybe_done=False) from None
    except HTTPError:
        raise Unreachable(maybe_done=True) from None
    try:
        return Reply(answer.status, json.loads(answer.data))
    except (ValueError, RecursionError):
        return Reply(answer.status, None)


def _status(method: str, url: str, headers: dict[str, str], body: bytes, read_timeout: float) -> int:
    try:
        return _connections().status(method, url, headers, body, read_timeout=read_timeout)
    except NotConnected:
        raise Unreachable(maybe_done=False) from None
    except NoResponse:
        raise Unreachable(maybe_done=True) from None


@dataclass(frozen=True, slots=True)
class Download:
    """The response to a GET of a file. `body` is None if it was longer than allowed."""

    status: int
    body: bytes | None


def download(url: str, *, most_bytes: int, read_timeout: float = 5.0) -> Download:
    """Get a file once. At most `most_bytes` and one are read.

    Timeouts: 2 s to connect, `read_timeout` seconds between bytes. Raises Unreachable.
    """
    try:
        answer = _pool().request(
            "GET", url, preload_content=False, timeout=Timeout(connect=_CONNECT_SECONDS, read=read_timeout)
        )
        try:
            body = answer.read(most_bytes + 1)
        finally:
            answer.close()  # a connection with unread bytes cannot be reused
    except HTTPError:
        raise Unreachable(maybe_done=False) from None
    return Download(answer.status, body if len(body) <= most_bytes else None)


def request_with_retries(
    method: str,
    url: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = 8.0,
    needs_body: bool = True,
) -> Reply:
    """Send an idempotent request. Retry after no response, a 429 or a 5xx, with exponential backoff and full jitter.

    At most three attempts. No attempt starts that could not end within `seconds`. Returns the last response, whatever
    its status. `needs_body` as in `request`. Raises Unreachable.
    """
    deadline = time.monotonic() + seconds
    for attempt in range(1, _ATTEMPTS + 1):
        pause = random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt)
        read_timeout = max(deadline - time.monotonic() - _CONNECT_SECONDS, 1.0)
        reply: Reply | Unreachable
        try:
            reply = request(method, url, body=body, headers=headers, read_timeout=read_timeout, needs_body=needs_body)
        except Unreachable as unreachable:
            reply = unreachable
        is_transient = isinstance(reply, Unreachable) or reply.status == 429 or reply.status >= 500
        is_last = attempt == _ATTEMPTS or time.monotonic() + pause + _SHORTEST_ATTEMPT_SECONDS > deadline
        if is_last or not is_transient:
            if isinstance(reply, Unreachable):
                raise reply
            return reply
        time.sleep(pause)
    raise AssertionError  # the last attempt returns or raises
