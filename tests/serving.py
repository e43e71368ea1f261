"""Serve an ASGI app, or a handler of raw connections, on a free port of 127.0.0.1."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from hypercorn.asyncio import serve
from hypercorn.config import Config

App = Callable[[Any, Any, Any], Awaitable[None]]


@contextmanager
def serving(app: App) -> Iterator[str]:
    """Serve `app` in a thread with its own event loop until the block ends; yield its URL."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 0.1
    [listener] = config.create_sockets().insecure_sockets
    listener.listen()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # The server gets the bound socket, so no other process can take the port in between.
    config.bind = [f"fd://{listener.detach()}"]
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    # Python 3.11 reports every connection that is still open at the stop.
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


class Fake(Protocol):
    """A fake of a provider, and the requests that it refused for their form."""

    @property
    def app(self) -> App:
        """The ASGI app."""

    @property
    def mistakes(self) -> list[str]:
        """The refused requests."""


@contextmanager
def serving_fake(fake: Fake) -> Iterator[str]:
    """Serve a fake as `serving` does. At the end it must have refused no request for its form.

    So a request that the provider would refuse fails the test, also where our code takes the refusal for an outage.
    """
    with serving(fake.app) as url:
        yield url
    assert fake.mistakes == [], fake.mistakes


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept connections until the block ends, each handled by `serve` in its own thread; yield the URL."""
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
