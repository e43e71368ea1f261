"""Outbound HTTP calls: real sockets, a scripted peer, and a clock that only sleeping and the peer move."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from urllib3.util import Timeout

from shared.outbound import http
from tests.serving import listening

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
# Binary fractions, so that sums are exact.
PAUSE = 0.25


@dataclass
class Peer:
    """A server that answers each request with the next of `replies`: a status and a body, or None to hang up.

    `requests` has what arrived, `takes` how many seconds pass during each request.
    """

    replies: list[tuple[int, bytes] | None] = field(default_factory=list)
    takes: list[float] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    ranges: list[tuple[float, float]] = field(default_factory=list)
    timeouts: list[tuple[float, float]] = field(default_factory=list)
    now: float = 1000.0
    address: str = ""

    def answer(self, connection: socket.socket) -> None:
        """Answer one request and close the connection."""
        with connection:
            self.requests.append(received(connection))
            self.now += self.takes.pop(0) if self.takes else 0
            reply = self.replies.pop(0)
            if reply is not None:
                status, body = reply
                head = f"HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {len(body)}\r\n"
                connection.sendall(f"{head}connection: close\r\n\r\n".encode() + body)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds

    def uniform(self, low: float, high: float) -> float:
        """Draw the pause."""
        self.ranges.append((low, high))
        return PAUSE

    def timeout(self, *, connect: float, read: float) -> Timeout:
        """Note the timeouts of an attempt."""
        self.timeouts.append((connect, read))
        return Timeout(connect=connect, read=read)


def received(connection: socket.socket) -> str:
    """Read one request, whose head and body may arrive apart."""
    data = b""
    while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < length_of(data):
        data += connection.recv(65_536)
    return data.decode()


def length_of(request: bytes) -> int:
    """The length of the body, by its header."""
    return int(head_of(request.decode(errors="replace")).get("content-length", 0))


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """The peer, whose clock and chance the calls use."""
    peer = Peer()
    clock = SimpleNamespace(time=time.time, monotonic=lambda: peer.now, sleep=peer.sleep)
    monkeypatch.setattr(http, "time", clock)
    monkeypatch.setattr(http, "random", SimpleNamespace(uniform=peer.uniform))
    monkeypatch.setattr(http, "Timeout", peer.timeout)
    with listening(peer.answer) as address:
        peer.address = address
        yield peer


def head_of(request: str) -> dict[str, str]:
    """The headers of a request, by their lower-case names."""
    lines = request.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


# ---------------------------------------------------------------- one attempt


def test_a_body_is_sent_as_json(peer: Peer) -> None:
    peer.replies = [(200, '{"имя": 1}'.encode())]
    reply = http.request("POST", f"{peer.address}/path", body={"a": "ё"}, headers={"x-own": "1"})
    [request] = peer.requests
    assert (reply.status, reply.body) == (200, {"имя": 1})
    assert request.startswith("POST /path HTTP/1.1\r\n")
    assert json.loads(request.partition("\r\n\r\n")[2]) == {"a": "ё"}
    sent = head_of(request)
    assert (sent["accept"], sent["content-type"], sent["x-own"]) == ("application/json", "application/json", "1")
    assert peer.timeouts == [(2.0, 5.0)]


def test_a_request_without_a_body_has_no_content_type(peer: Peer) -> None:
    peer.replies = [(200, b"{}")]
    http.request("GET", peer.address, read_timeout=3.0)
    [request] = peer.requests
    assert request.endswith("\r\n\r\n")
    assert head_of(request)["accept"] == "application/json"
    assert "content-type" not in head_of(request)
    assert peer.timeouts == [(2.0, 3.0)]


def test_no_request_is_logged(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 logs a URL at DEBUG, and a URL may have a token (I18)."""
    caplog.set_level(logging.DEBUG)
    peer.replies = [(200, b"{}")]
    http.request("POST", f"{peer.address}/bot1:token/getMe")
    assert "token" not in caplog.text


def test_a_body_of_bytes_is_sent_as_it_is(peer: Peer) -> None:
    peer.replies = [(200, b"{}")]
    http.request("POST", peer.address, body=b'{"a":1}')
    [request] = peer.requests
    assert request.endswith('\r\n\r\n{"a":1}')
    assert head_of(request)["content-type"] == "application/json"


@pytest.mark.parametrize(("body", "kept"), [(b"12345", b"12345"), (b"123456", None), (b"", b"")])
def test_a_file_is_kept_up_to_its_limit(peer: Peer, body: bytes, kept: bytes | None) -> None:
    peer.replies = [(404, body)]
    assert http.download(f"{peer.address}/file", most_bytes=5) == http.Download(404, kept)
    [request] = peer.requests
    assert request.startswith("GET /file HTTP/1.1\r\n")
    assert peer.timeouts == [(2.0, 5.0)]


def test_of_a_long_file_only_a_byte_too_many_is_read() -> None:
    """The server promises more, and a reader of one more byte would notice that it does not come."""

    def answer(connection: socket.socket) -> None:
        with connection:
            received(connection)
            connection.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\n123456")

    with listening(answer) as address:
        assert http.download(address, most_bytes=5) == http.Download(200, None)
        with pytest.raises(http.Unreachable):
            http.download(address, most_bytes=6)


def test_a_file_that_does_not_come_is_unreachable(peer: Peer) -> None:
    peer.replies = [None, None, None, None]
    with pytest.raises(http.Unreachable) as raised:
        http.download(peer.address, most_bytes=5, read_timeout=3.0)
    assert not raised.value.maybe_done
    assert {read for _, read in peer.timeouts} == {3.0}


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[" * 100_000])
def test_a_response_that_is_no_json_has_no_body(peer: Peer, body: bytes) -> None:
    peer.replies = [(502, body)]
    assert http.request("GET", peer.address) == http.Reply(502, None)


def test_a_redirect_is_returned_and_not_followed(peer: Peer) -> None:
    peer.replies = [(302, b"{}")]
    assert http.request("GET", peer.address) == http.Reply(302, {})
    assert len(peer.requests) == 1


def test_a_lost_response_may_have_been_done(peer: Peer) -> None:
    peer.replies = [None]
    with pytest.raises(http.Unreachable) as unknown:
        http.request("POST", peer.address)
    assert unknown.value.maybe_done


def test_a_refused_connection_has_done_nothing(peer: Peer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(http.Unreachable) as refused:
        http.request("POST", address)
    assert not refused.value.maybe_done


def test_a_connection_that_takes_too_long_has_done_nothing(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue of connections: the kernel answers no further one."""
    monkeypatch.setattr(http, "_CONNECT_SECONDS", 0.05)
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(http.Unreachable) as late:
            http.request("POST", f"http://127.0.0.1:{full.getsockname()[1]}")
    assert not late.value.maybe_done


# ---------------------------------------------------------------- attempts


@pytest.mark.parametrize("status", [429, 500, 501, 503, 599])
def test_a_transient_status_is_tried_again(peer: Peer, status: int) -> None:
    peer.replies = [(status, b"{}"), (status, b"{}"), (200, b'{"third": true}')]
    reply = http.request_with_retries("POST", peer.address, body={"a": 1}, headers={"x-own": "1"})
    assert reply == http.Reply(200, {"third": True})
    assert peer.pauses == [PAUSE, PAUSE]
    assert [low for low, _ in peer.ranges] == [0, 0, 0]
    assert [high for _, high in peer.ranges] == pytest.approx([0.2, 0.4, 0.8])
    assert all(request.endswith('{"a": 1}') and head_of(request)["x-own"] == "1" for request in peer.requests)


@pytest.mark.parametrize("status", [200, 400, 404, 428, 430, 499])
def test_any_other_status_is_returned_at_once(peer: Peer, status: int) -> None:
    peer.replies = [(status, b"{}")]
    assert http.request_with_retries("GET", peer.address) == http.Reply(status, {})
    assert peer.pauses == []


def test_the_last_of_three_attempts_is_returned(peer: Peer) -> None:
    peer.replies = [(500, b"1"), (502, b"2"), (503, b"3")]
    assert http.request_with_retries("GET", peer.address) == http.Reply(503, 3)
    assert peer.pauses == [PAUSE, PAUSE]


def test_silence_is_tried_again_and_raised_at_last(peer: Peer) -> None:
    peer.replies = [None, (200, b"{}")]
    assert http.request_with_retries("GET", peer.address) == http.Reply(200, {})
    peer.replies = [None, None, None]
    with pytest.raises(http.Unreachable) as unknown:
        http.request_with_retries("GET", peer.address)
    assert unknown.value.maybe_done
    assert len(peer.requests) == 5


@pytest.mark.parametrize(("takes", "attempts"), [(4.5, 2), (4.75, 2), (4.8125, 1), (7.0, 1)])
def test_no_attempt_starts_that_could_not_end_in_time(peer: Peer, takes: float, attempts: int) -> None:
    """After the first attempt and the pause, three of the eight seconds must be left."""
    peer.replies, peer.takes = [(500, b"{}"), (200, b"{}")], [takes]
    status = http.request_with_retries("GET", peer.address).status
    assert (len(peer.requests), status) == (attempts, 200 if attempts == 2 else 500)


@pytest.mark.parametrize(
    ("more", "takes", "read"), [({}, 0.0, [6.0, 5.75]), ({}, 2.0, [6.0, 3.75]), ({"seconds": 3.5}, 0.0, [1.5, 1.25])]
)
def test_an_attempt_waits_as_long_as_time_is_left(
    peer: Peer, more: dict[str, Any], takes: float, read: list[float]
) -> None:
    peer.replies, peer.takes = [(500, b"{}"), (200, b"{}")], [takes]
    http.request_with_retries("GET", peer.address, **more)
    assert peer.timeouts == [(2.0, seconds) for seconds in read]


def test_an_attempt_waits_for_a_second_at_least(peer: Peer) -> None:
    peer.replies = [(200, b"{}")]
    http.request_with_retries("GET", peer.address, seconds=2.5)
    assert peer.timeouts == [(2.0, 1.0)]


# ---------------------------------------------------------------- connections


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
    started = time.time()
    monkeypatch.setattr(
        http, "time", SimpleNamespace(time=lambda: started + passed, monotonic=time.monotonic, sleep=time.sleep)
    )
    assert http.request("POST", forgetful).status == 200
    passed += 20  # not longer: it is used, and the peer has closed it
    with pytest.raises(http.Unreachable) as unknown:
        http.request("POST", forgetful)
    assert unknown.value.maybe_done
    assert http.request("POST", forgetful).status == 200
    passed += 20.0625
    assert http.request("POST", forgetful).status == 200
