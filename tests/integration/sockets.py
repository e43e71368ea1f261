"""Sockets of the running service, as a client opens them. Every frame is kept with the answers over HTTP."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import SHUT_RDWR
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.api import Answer
from tests.integration.service import Exchange, Service

TICKET = "POST /api/live/ticket"
PATIENCE = 30.0
"""Seconds in which a frame arrives, also from functions that have to start on a busy machine."""


class Socket:
    """An open socket of `user`."""

    def __init__(self, service: Service, user: int, connection: ClientConnection) -> None:
        self._service, self._user, self._connection = service, user, connection

    @property
    def is_compressed(self) -> bool:
        """Whether client and service agreed on an extension, which the client offers."""
        return bool(self._connection.protocol.extensions)

    def say(self, message: object) -> Any:
        """Send a message and return the next frame."""
        self._connection.send(message if isinstance(message, str) else json.dumps(message))
        return self.frame()

    def watch(self, city: str | None = None, category: str | None = None) -> None:
        """Watch a list; return when it is watched."""
        watched = {"city": city, "category": category}
        assert self.say({"action": "watch", **watched}) == {"type": "watching", **watched}

    def frame(self, seconds: float = PATIENCE) -> Any:
        """Return the next frame. Raises TimeoutError."""
        text = str(self._connection.recv(seconds))
        self._service.exchanges.append(Exchange(self._user, TICKET, None, Answer(200, text, {})))
        return json.loads(text)

    def frame_of(self, order_id: str, seconds: float = PATIENCE) -> Any:
        """Return the next frame of the order in a list. The service's other tests have orders, too."""
        until = time.monotonic() + seconds
        while True:
            frame = self.frame(max(until - time.monotonic(), 0))
            if frame["type"] == "order" and frame["order"]["id"] == order_id:
                return frame

    def cut(self) -> None:
        """End the connection without a word, as a lost network does."""
        self._connection.socket.shutdown(SHUT_RDWR)

    def is_closed(self) -> bool:
        """Wait until the service closes the socket."""
        for _ in self._connection:
            pass
        return True


def ticket(service: Service, user: int) -> dict[str, Any]:
    """Return a ticket of the user."""
    answer = service.call(TICKET, user=user)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


@contextmanager
def opened(service: Service, user: int, origin: str | None = None) -> Iterator[Socket]:
    """Open a socket of the user until the block ends."""
    given = ticket(service, user)
    with connect(f"{given['url']}?ticket={given['ticket']}", origin=origin, proxy=None) as connection:  # type: ignore[arg-type]
        yield Socket(service, user, connection)
