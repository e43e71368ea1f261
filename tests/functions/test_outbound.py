"""Calls to others over HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from shared import outbound

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
def forgetful() -> Iterator[str]:
    """The address of a server that answers a connection once and hangs up when it is used again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=once, args=(connection,), daemon=True).start()

        def once(connection: socket.socket) -> None:
            with connection:
                if connection.recv(65_536):
                    connection.sendall(ANSWER)
                    connection.recv(65_536)

        threading.Thread(target=answer, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_connection_that_was_idle_for_long_is_not_used_again(forgetful: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was frozen in between cannot know that it is closed, and a message would be in doubt."""
    passed = 0.0
    monkeypatch.setattr(
        outbound, "time", SimpleNamespace(time=lambda: time.time() + passed, monotonic=time.monotonic, sleep=time.sleep)
    )
    assert outbound.request("POST", forgetful).status == 200
    with pytest.raises(outbound.Unreachable) as unknown:
        outbound.request("POST", forgetful)
    assert unknown.value.maybe_done
    assert outbound.request("POST", forgetful).status == 200
    passed += 21
    assert outbound.request("POST", forgetful).status == 200
