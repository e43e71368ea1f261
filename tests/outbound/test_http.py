"""Outbound HTTP calls."""

import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from shared.outbound import http
from tests.serving import listening

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def answer_once(connection: socket.socket) -> None:
    """Close the connection when it is used again."""
    with connection:
        if connection.recv(65_536):
            connection.sendall(ANSWER)
            connection.recv(65_536)


@pytest.fixture
def forgetful() -> Iterator[str]:
    """The address of a server that answers one request per connection."""
    with listening(answer_once) as address:
        yield address


def test_connection_idle_for_long_is_not_reused(forgetful: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was frozen meanwhile cannot know that it was closed, and a message would be in doubt."""
    passed = 0.0
    monkeypatch.setattr(
        http, "time", SimpleNamespace(time=lambda: time.time() + passed, monotonic=time.monotonic, sleep=time.sleep)
    )
    assert http.request("POST", forgetful).status == 200
    with pytest.raises(http.Unreachable) as unknown:
        http.request("POST", forgetful)
    assert unknown.value.maybe_done
    assert http.request("POST", forgetful).status == 200
    passed += 21
    assert http.request("POST", forgetful).status == 200
