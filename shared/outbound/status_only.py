"""HTTP calls of which only the status is read: many small ones to few hosts, with little processor time.

A frame to a thousand sockets is a thousand calls, and urllib3 takes twice as long for one as the standard library's
client, which is used here with connections that are kept.
"""

import ssl
import time
from collections import deque
from contextlib import suppress
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from urllib3.util import wait_for_read

# As many as the senders of frames use at once.
_MOST_IDLE = 16
# Bytes. After a longer body, the connection is closed.
_MOST_BODY = 65_536


class NotConnected(Exception):
    """There is no connection, so nothing was sent."""


class NoResponse(Exception):
    """No response arrived. The peer may have received the request and carried it out."""


class Connections:
    """Connections that are reused: the last one first, so that few are used where few suffice."""

    def __init__(self, *, connect_seconds: float, idle_seconds: float) -> None:
        """`idle_seconds`: a connection that was idle for longer is not reused."""
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        # By scheme and host: a connection, and when it was used, epoch seconds.
        self._idle: dict[str, deque[tuple[HTTPConnection, float]]] = {}

    def status(self, method: str, url: str, headers: dict[str, str], body: bytes, *, read_timeout: float) -> int:
        """Make one attempt. `read_timeout`: seconds between bytes. Raises NotConnected, NoResponse."""
        to = urlsplit(url)
        idle = self._idle.setdefault(f"{to.scheme}://{to.netloc}", deque())
        connection = self._reusable(idle) or _connected(to, self._connect_seconds)
        is_reusable = False
        try:
            connection.sock.settimeout(read_timeout)
            connection.request(method, (to.path or "/") + (f"?{to.query}" if to.query else ""), body, headers)
            response = connection.getresponse()
            with suppress(OSError, HTTPException):  # the status says what became of the call
                is_reusable = len(response.read(_MOST_BODY + 1)) <= _MOST_BODY and not response.will_close
        except (OSError, HTTPException):
            raise NoResponse from None
        finally:
            if is_reusable and len(idle) < _MOST_IDLE:
                idle.append((connection, time.time()))
            else:
                connection.close()
        return response.status

    def _reusable(self, idle: deque[tuple[HTTPConnection, float]]) -> HTTPConnection | None:
        while idle:
            try:
                connection, used_at = idle.pop()
            except IndexError:  # another thread was faster
                break
            # An idle connection has nothing to read, unless the peer has closed it.
            if time.time() - used_at <= self._idle_seconds and not wait_for_read(connection.sock, 0.0):
                return connection
            connection.close()
        return None


def _connected(to: SplitResult, seconds: float) -> HTTPConnection:
    if to.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(to.netloc, timeout=seconds, context=_tls())
    else:
        connection = HTTPConnection(to.netloc, timeout=seconds)
    try:
        connection.connect()
    except OSError:
        connection.close()
        raise NotConnected from None
    return connection


@cache
def _tls() -> ssl.SSLContext:
    """One context for all connections: reading the certificates of authorities takes longer than a handshake."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
