"""An ASGI app, or what answers a connection, on a port of its own, as others reach it."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

App = Callable[[Any, Any, Any], Awaitable[None]]


@contextmanager
def serving(app: App) -> Iterator[str]:
    """The address at which `app` answers, on a loop and a thread of its own, until the block ends."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 0.1
    [listener] = config.create_sockets().insecure_sockets
    listener.listen()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # The server is handed the socket that has the port, so that nobody else can have taken it meanwhile.
    config.bind = [f"fd://{listener.detach()}"]
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    # Python 3.11 complains of every connection that is open when we stop.
    loop.set_exception_handler(lambda loop, what: None if stop.is_set() else loop.default_exception_handler(what))

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve(app, config, shutdown_trigger=stop.wait))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address at which `serve` gets each connection, on a thread of its own, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=[connection], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
