"""A stub of AWS and of the external services over HTTP: it answers each call with the recorded response.

It runs in the measuring process, so that the CPU of the measured process covers the client side alone.
"""

import json
import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from tests.bench.cases import Reply
from tests.bench.meter import Call
from tests.conftest import SECRETS
from tests.serving import listening


def _http(status: int, body: Any) -> bytes:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()  # as AWS writes it
    head = (
        f"HTTP/1.1 {status} X\r\nserver: Server\r\ndate: Wed, 25 Nov 2026 09:00:00 GMT\r\n"
        f"content-type: application/x-amz-json-1.0\r\ncontent-length: {len(content)}\r\nconnection: keep-alive\r\n"
        "x-amzn-requestid: HG7A1V2M5L0PQ4N3K8T9S6R1E2VV4KQNSO5AEMVJF66Q9ASUAAJG\r\n\r\n"
    )
    return head.encode() + content


_Key = tuple[str, ...]
"""The parts of a request that select its response."""


def _kind(operation: str, request: Mapping[str, Any]) -> _Key:
    return operation, request.get("IndexName", ""), request.get("Select", "")


class _Stub:
    """The responses to the calls of one request, repeated for every request."""

    def __init__(self, calls: Sequence[Call], replies: Sequence[Reply]) -> None:
        # Several calls with one key get their responses in turn.
        self._answers: dict[_Key, list[bytes]] = defaultdict(list)
        for call in calls:
            self._answers[_kind(call.operation, call.request)].append(_http(call.status, call.answer))
        for reply in replies:
            self._answers[reply.method, reply.path].append(_http(reply.status, reply.body))
        self._secrets = {
            name: _http(200, {"Parameter": {"Name": name, "Type": "SecureString", "Value": value, "Version": 1}})
            for name, value in SECRETS.items()
        }

    def answer(self, method: str, path: str, target: str, body: bytes) -> bytes:
        """Return the response to an AWS operation, or to a plain HTTP request if `target` is empty."""
        if target == "GetParameter":
            return self._secrets[json.loads(body)["Name"].rpartition("/")[2]]
        answers = self._answers[_kind(target, json.loads(body)) if target else (method, path)]
        answers.append(answers.pop(0))
        return answers[-1]

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection until it closes."""
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                method, path, _ = line.decode().split(" ")
                headers = dict(self._headers(reader))
                body = reader.read(int(headers.get("content-length", 0)))
                target = headers.get("x-amz-target", "").rpartition(".")[2]
                connection.sendall(self.answer(method, path, target, body))

    @staticmethod
    def _headers(reader: Any) -> Iterator[tuple[str, str]]:
        while (line := reader.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            yield name.lower(), value.strip()


def answering(calls: Sequence[Call], replies: Sequence[Reply] = ()) -> AbstractContextManager[str]:
    """Start a stub with these calls and replies; yield its address."""
    return listening(_Stub(calls, replies).serve)
