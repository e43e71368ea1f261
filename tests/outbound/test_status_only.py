"""Calls of which only the status is read: real sockets, and a peer that answers with given bytes."""

import datetime
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.util import wait_for_read

from shared.outbound import http, status_only
from shared.outbound.status_only import Connections, NoResponse, NotConnected
from tests.serving import listening

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@dataclass
class Peer:
    """A server that answers each request with the next of `replies`, and the last one again. None hangs up.

    `requests` has what arrived, by connection.
    """

    replies: list[bytes | None] = field(default_factory=lambda: [OK])
    requests: list[list[bytes]] = field(default_factory=list)
    context: ssl.SSLContext | None = None
    url: str = ""

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection."""
        with ExitStack() as stack:
            stack.enter_context(connection)
            if self.context is not None:
                try:
                    connection = stack.enter_context(self.context.wrap_socket(connection, server_side=True))
                except OSError:  # the client does not trust the certificate
                    return
            mine: list[bytes] = []
            self.requests.append(mine)
            while request := received(connection):
                mine.append(request)
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                if reply is None:
                    return
                connection.sendall(reply)
                if b"close" in reply:
                    return


def received(connection: socket.socket) -> bytes:
    """Read one request; nothing if the client has closed the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    [length] = [int(line.partition(b": ")[2]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    with listening(peer.serve) as url:
        peer.url = url
        yield peer


def make(**more: float) -> Connections:
    return Connections(**{"connect_seconds": 2.0, "idle_seconds": 20.0, **more})


def post(connections: Connections, url: str, body: bytes = b"{}", read_timeout: float = 5.0) -> int:
    return connections.status("POST", f"{url}/path", {"x-own": "1"}, body, read_timeout=read_timeout)


def test_request_has_its_headers_and_body(peer: Peer) -> None:
    connections = make()
    assert post(connections, peer.url, "ё".encode()) == 200
    assert connections.status("DELETE", f"{peer.url}?a=1", {}, b"", read_timeout=5.0) == 200
    host = peer.url.removeprefix("http://").encode()
    assert peer.requests == [
        [
            b"POST /path HTTP/1.1\r\nHost: "
            + host
            + b"\r\nAccept-Encoding: identity\r\nContent-Length: 2\r\nx-own: 1\r\n\r\n"
            + "ё".encode(),
            b"DELETE /?a=1 HTTP/1.1\r\nHost: " + host + b"\r\nAccept-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
        ]
    ]


REUSED = {
    "no body": OK,
    "a body": b"HTTP/1.1 410 Gone\r\nContent-Length:  5 \r\nx: y\r\n\r\n12345",
    "bare newlines": b"HTTP/1.1 200 OK\nContent-Length: 1\n\n1",
    "no reason": b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "chunks": b"HTTP/1.1 500 X\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
    "kept alive": b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    "longest body": b"HTTP/1.1 200 OK\r\ncontent-length: 65536\r\n\r\n" + b"x" * 65_536,
}
NOT_REUSED = {
    "close": b"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\n",
    "longer body": b"HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n",
}


@pytest.mark.parametrize("reply", REUSED.values(), ids=REUSED)
def test_connection_of_a_whole_response_is_reused(peer: Peer, reply: bytes) -> None:
    connections, peer.replies = make(), [reply, OK]
    *_, expected = (line for line in reply.split(b"\n") if line.startswith(b"HTTP/1.1 "))
    assert post(connections, peer.url) == int(expected.split()[1])
    assert post(connections, peer.url) == 200
    assert [len(requests) for requests in peer.requests] == [2]


@pytest.mark.parametrize("reply", NOT_REUSED.values(), ids=NOT_REUSED)
def test_connection_of_an_unclear_end_is_not_reused(peer: Peer, reply: bytes) -> None:
    connections, peer.replies = make(), [reply, OK]
    assert post(connections, peer.url) == 200
    assert post(connections, peer.url) == 200
    assert [len(requests) for requests in peer.requests] == [1, 1]


@pytest.mark.parametrize("end", [b"\r\n12", b"\r\n12close"], ids=["late", "closed"])
def test_status_counts_though_the_body_is_cut_off(peer: Peer, end: bytes) -> None:
    connections, peer.replies = make(), [b"HTTP/1.1 410 Gone\r\ncontent-length: 9\r\n" + end, OK]
    assert post(connections, peer.url, read_timeout=0.2) == 410
    assert post(connections, peer.url) == 200
    assert len(peer.requests) == 2


@pytest.mark.parametrize(
    "reply",
    [
        None,
        b"HTTP/1.1 20\r\nclose: 1\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nclose: 1\r\n\r\n",
        b"HTTP/2 200 OK\r\nclose: 1\r\n\r\n",
        b"close",
        b"HTTP/1.1 200 OK\r\nclose: " + b"x" * 65_536 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nclose: 1\r\n" + b"x: y\r\n" * 100 + b"\r\n",
    ],
    ids=["none", "status of 2 digits", "of 4", "HTTP/2", "no HTTP", "long header", "many headers"],
)
def test_what_is_no_response_leaves_the_outcome_open(peer: Peer, reply: bytes | None) -> None:
    connections, peer.replies = make(), [reply, OK]
    with pytest.raises(NoResponse):
        post(connections, peer.url)
    assert post(connections, peer.url) == 200
    assert len(peer.requests) == 2


def test_silence_is_no_response(peer: Peer) -> None:
    connections, peer.replies = make(), [b"HTTP/1.1 200 OK\r\n"]
    started = time.monotonic()
    with pytest.raises(NoResponse):
        post(connections, peer.url, read_timeout=0.1)
    assert time.monotonic() - started < 4


def test_refused_or_late_connection_has_sent_nothing() -> None:
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with pytest.raises(NotConnected):
            post(make(), url)
        full.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with pytest.raises(NotConnected):
            post(make(connect_seconds=0.05), url)


def test_connection_that_the_peer_closed_is_not_reused(peer: Peer) -> None:
    connections, peer.replies = make(), [b"HTTP/1.1 200 close\r\ncontent-length: 0\r\n\r\n", OK]
    assert post(connections, peer.url) == 200
    [[(closed, _)]] = connections._idle.values()
    assert wait_for_read(closed.sock, 5.0)
    assert post(connections, peer.url) == 200
    assert [len(requests) for requests in peer.requests] == [1, 1]


@pytest.mark.parametrize(("passed", "connected"), [(20.0, 1), (20.0625, 2)])
def test_connection_idle_for_long_is_not_reused(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, passed: float, connected: int
) -> None:
    connections, now = make(), [1000.0]
    monkeypatch.setattr(status_only, "time", SimpleNamespace(time=lambda: now[0]))
    for _ in range(2):
        assert post(connections, peer.url) == 200
        now[0] += passed
    assert len(peer.requests) == connected


def test_threads_share_sixteen_connections_at_most(peer: Peer) -> None:
    connections = make()
    with ThreadPoolExecutor(20) as threads:
        done = list(threads.map(lambda number: post(connections, peer.url, str(number).encode()), range(200)))
    assert done == [200] * 200
    bodies = [request.rpartition(b"\r\n\r\n")[2] for requests in peer.requests for request in requests]
    assert sorted(map(int, bodies)) == list(range(200))
    [idle] = connections._idle.values()
    assert 1 <= len(idle) <= 16


def test_each_host_has_connections_of_its_own(peer: Peer) -> None:
    other, connections = Peer(), make()
    with listening(other.serve) as url:
        assert [post(connections, address) for address in (peer.url, url, peer.url, url)] == [200] * 4
    assert [len(requests) for requests in (*peer.requests, *other.requests)] == [2, 2]


# ---------------------------------------------------------------- TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Let authorities be those of a file."""

    def trust(path: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        status_only._tls.cache_clear()

    status_only._tls.cache_clear()
    yield trust
    status_only._tls.cache_clear()


def test_tls_connection_is_reused(peer: Peer, certificate: Path, trusting: Callable[[Path], None]) -> None:
    peer.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    peer.context.load_cert_chain(certificate)
    trusting(certificate)
    url, connections = peer.url.replace("http://127.0.0.1", "https://localhost"), make()
    assert [post(connections, url) for _ in range(3)] == [200] * 3
    assert [len(requests) for requests in peer.requests] == [3]


@pytest.mark.parametrize("trusted", [False, True], ids=["unknown authority", "another name"])
def test_certificate_that_does_not_prove_the_host_is_refused(
    peer: Peer, certificate: Path, trusting: Callable[[Path], None], trusted: bool
) -> None:
    peer.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    peer.context.load_cert_chain(certificate)
    if trusted:
        trusting(certificate)
    host = "https://127.0.0.1" if trusted else "https://localhost"
    with pytest.raises(NotConnected):
        post(make(), peer.url.replace("http://127.0.0.1", host))
    assert peer.requests == []


# ---------------------------------------------------------------- of `http`


def test_a_reply_without_its_body_has_the_status(peer: Peer) -> None:
    peer.replies = [b"HTTP/1.1 410 Gone\r\ncontent-length: 2\r\n\r\n{}"]
    reply = http.request("POST", peer.url, body=b"[1]", headers={"x-own": "1"}, needs_body=False)
    assert reply == http.Reply(410, None)
    assert http.request("DELETE", peer.url, needs_body=False) == http.Reply(410, None)
    [[first, second]] = peer.requests
    assert first.endswith(b"Content-Length: 3\r\nx-own: 1\r\ncontent-type: application/json\r\n\r\n[1]")
    assert b"content-type" not in second
    assert second.endswith(b"\r\n\r\n")


def test_retries_do_without_the_body_as_well(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_FIRST_PAUSE_SECONDS", 0.0)
    peer.replies = [
        None,
        b"HTTP/1.1 503 X\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\n{}",
    ]
    reply = http.request_with_retries("POST", peer.url, body=b"{}", needs_body=False)
    assert reply == http.Reply(200, None)


def test_lost_call_without_its_body_may_have_been_done(peer: Peer) -> None:
    peer.replies = [None]
    with pytest.raises(http.Unreachable) as unknown:
        http.request("POST", peer.url, needs_body=False)
    assert unknown.value.maybe_done
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(http.Unreachable) as refused:
            http.request("POST", f"http://127.0.0.1:{closed.getsockname()[1]}", needs_body=False)
    assert not refused.value.maybe_done
