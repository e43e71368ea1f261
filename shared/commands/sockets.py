"""Frames to open sockets, and the end of sockets: a closed one is forgotten, one that cannot be told is closed."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from shared import clock
from shared.commands.retry import retry
from shared.domain.live import HANDSHAKE_MS, MAX_SOCKETS, Connection, Frame
from shared.observability import metrics
from shared.outbound import sockets
from shared.outbound.sockets import Gone
from shared.service_errors import Unavailable
from shared.store import connections

# Most of a send is waiting for API Gateway.
_THREADS = 16


def send_all(told: Sequence[tuple[Connection, Sequence[Frame]]]) -> None:
    """Send each socket its frames in their order, sixteen sockets at once, as `send` does.

    Goes on after a socket that can be neither told nor closed, and raises Unavailable at the end.
    """
    encoded: dict[int, bytes] = {}
    for _, frames in told:
        for frame in frames:
            encoded.setdefault(id(frame), encode(frame))

    def send_to(connection: Connection, frames: Sequence[Frame]) -> bool:
        try:
            send(connection, [encoded[id(frame)] for frame in frames])
        except Unavailable:
            return False
        return True

    if len(told) == 1:
        done = [send_to(*told[0])]
    else:
        with ThreadPoolExecutor(_THREADS) as threads:
            done = list(threads.map(lambda one: send_to(*one), told))
    metrics.add_metric("FramesSent", "Count", sum(len(frames) for _, frames in told))
    if not all(done):
        raise Unavailable


def encode(frame: Frame) -> bytes:
    """Return a frame as JSON."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()


def send(connection: Connection, frames: Sequence[bytes]) -> None:
    """Send frames to a socket. One POST each.

    A socket that is closed is forgotten after one call. A socket to which a frame cannot be sent is closed: its client
    reconnects and reads again, so that it misses nothing. Raises Busy; Unavailable if the socket cannot be closed.
    """
    try:
        for frame in frames:
            sockets.post(connection.id, frame)
    except Gone:
        # A socket that has a watch has sent a message, so its handshake has ended.
        if connection.watch is None and clock.now_ms() < connection.opened_at + HANDSHAKE_MS:
            return
        forget(connection.id)
    except Unavailable:
        sockets.close(connection.id)
        forget(connection.id)


def forget(connection_id: str) -> None:
    """Forget a socket. Idempotent. Per attempt: one GetItem and one TransactWriteItems. Raises Busy, Unavailable."""

    def forget_once() -> None:
        connection = connections.get(connection_id)
        if connection is not None:
            connections.delete(connection)

    retry(forget_once)


def close_oldest(user_id: int) -> None:
    """Close the oldest of a user's sockets, if there are more than five.

    A socket is stored before this is called: of two that open at once, the later call sees both. One Query, and the
    steps of `closing` for the oldest. Raises Busy, Unavailable.
    """
    for connection in connections.of_user(user_id)[:-MAX_SOCKETS]:
        for step in _closing(connection):
            step()


def closing(user_id: int) -> Iterator[Callable[[], None]]:
    """Yield the steps that close and forget all sockets of a user; each is idempotent. One Query.

    Two steps per socket: a DELETE of at most 5 s, and `forget`. They raise Busy, Unavailable.
    """
    for connection in connections.of_user(user_id):
        yield from _closing(connection)


def _closing(connection: Connection) -> tuple[Callable[[], None], Callable[[], None]]:
    return partial(sockets.close, connection.id), partial(forget, connection.id)
