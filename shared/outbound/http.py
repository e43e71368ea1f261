"""Calls to others over HTTP: JSON in, JSON out, one attempt, a timeout, nothing logged.

Whoever calls knows whether a second attempt is harmless, so none is made here. An address may hold a token (Telegram's
does) and a body a name: neither is in a log line or in an error (I18).
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

# What urllib3 has to say repeats addresses.
logging.getLogger("urllib3.connectionpool").disabled = True
logging.getLogger("urllib3.util.retry").disabled = True

_CONNECT_SECONDS = 2.0
_ATTEMPTS = 3
_FIRST_PAUSE = 0.1
_SHORTEST_ATTEMPT = 3.0
# Whatever lies idle for longer is not used again: a frozen function does not see that the other side has closed it.
_IDLE_SECONDS = 20.0


class Unreachable(Exception):
    """No answer came. `maybe_done` tells that the other side may have got the request and done what it asks."""

    def __init__(self, *, maybe_done: bool) -> None:
        super().__init__()
        self.maybe_done = maybe_done


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `body` is None where that was no JSON."""

    status: int
    body: Any


class _Pool:
    """Connections that are kept between requests."""

    def __init__(self) -> None:
        self._connections = urllib3.PoolManager(num_pools=4, maxsize=4)
        self._used_at = 0.0

    def request(self, method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:
        """One attempt, over a connection that was in use of late or a new one."""
        if time.time() - self._used_at > _IDLE_SECONDS:
            self._connections.clear()
        try:
            return self._connections.request(method, url, retries=False, redirect=False, **more)
        finally:
            self._used_at = time.time()


@cache
def _pool() -> _Pool:
    return _Pool()


def request(
    method: str,
    url: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    read_timeout: float = 5.0,
) -> Reply:
    """Send a request; `body` goes as JSON where one is given.

    It ends within 2 s for the connection and `read_timeout` seconds of silence. Raises Unreachable.
    """
    sent = {"accept": "application/json", **(headers or {})}
    if body is not None:
        sent["content-type"] = "application/json"
    try:
        answer = _pool().request(
            method,
            url,
            body=None if body is None else json.dumps(body).encode(),
            headers=sent,
            timeout=Timeout(connect=_CONNECT_SECONDS, read=read_timeout),
        )
    except (ConnectTimeoutError, NewConnectionError):
        raise Unreachable(maybe_done=False) from None
    except HTTPError:
        raise Unreachable(maybe_done=True) from None
    try:
        return Reply(answer.status, json.loads(answer.data))
    except ValueError:
        return Reply(answer.status, None)


def request_with_retries(
    method: str, url: str, *, body: object = None, headers: Mapping[str, str] | None = None, seconds: float = 8.0
) -> Reply:
    """`request` what may be done twice: again after silence, a 429 or a 5xx, with full jitter.

    At most three attempts, and none begins that could not end within `seconds`. The last reply, whatever it is. Raises
    Unreachable.
    """
    deadline = time.monotonic() + seconds
    for attempt in range(1, _ATTEMPTS + 1):
        pause = random.uniform(0, _FIRST_PAUSE * 2**attempt)
        read_timeout = max(deadline - time.monotonic() - _CONNECT_SECONDS, 1.0)
        reply: Reply | Unreachable
        try:
            reply = request(method, url, body=body, headers=headers, read_timeout=read_timeout)
        except Unreachable as silence:
            reply = silence
        passing = isinstance(reply, Unreachable) or reply.status == 429 or reply.status >= 500
        is_last = attempt == _ATTEMPTS or time.monotonic() + pause + _SHORTEST_ATTEMPT > deadline
        if is_last or not passing:
            if isinstance(reply, Unreachable):
                raise reply
            return reply
        time.sleep(pause)
    raise AssertionError  # the last attempt returned or raised
