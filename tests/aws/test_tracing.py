"""X-Ray: a traced invocation sends segments, an untraced one sends nothing."""

import json
import socket
from collections.abc import Iterator
from io import StringIO

import pytest

from shared.store import table
from tests import api
from tests.in_process import Api

ROOT, PARENT = "1-5759e988-" + "ab" * 12, "cd" * 8


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The X-Ray daemon that Lambda runs beside a function."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{listening.getsockname()[1]}")
        yield listening


@pytest.fixture
def traced(daemon: socket.socket, service: Api) -> Api:
    """Functions that start with a daemon."""
    return service


def told(daemon: socket.socket) -> list[dict[str, object]]:
    documents: list[dict[str, object]] = []
    while True:
        try:
            header, _, document = daemon.recv(65_536).partition(b"\n")
        except BlockingIOError:
            return documents
        assert json.loads(header) == {"format": "json", "version": 1}
        documents.append(json.loads(document))


def invocation(monkeypatch: pytest.MonkeyPatch, *, sampled: bool) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent={PARENT};Sampled={sampled:d};Lineage=a:b:c")


def test_traced_invocation_reports_each_call_of_aws(
    monkeypatch: pytest.MonkeyPatch, traced: Api, daemon: socket.socket, log: StringIO
) -> None:
    """Without the content of the call: no key, no contact, no user (I18)."""
    invocation(monkeypatch, sampled=True)
    order = traced.order(1, contact="@burst_pipe")["id"]
    documents = told(daemon)
    assert [document["name"] for document in documents] == ["ssm", "ssm", "dynamodb"]
    assert documents[2]["aws"] == {"operation": "TransactWriteItems"}
    for document in documents:
        assert (document["trace_id"], document["parent_id"], document["type"]) == (ROOT, PARENT, "subsegment")
        assert float(str(document["start_time"])) <= float(str(document["end_time"]))
        assert (document["error"], document["fault"], document["http"]) == (False, False, {"response": {"status": 200}})
    assert len({str(document["id"]) for document in documents}) == len(documents)
    assert not any(secret in json.dumps(documents) for secret in ("burst_pipe", order, "USER#"))
    # A log line contains the trace id.
    assert json.loads(log.getvalue().splitlines()[-1])["xray_trace_id"] == ROOT


def test_refused_call_is_an_error_and_failed_call_a_fault(
    monkeypatch: pytest.MonkeyPatch, traced: Api, daemon: socket.socket
) -> None:
    invocation(monkeypatch, sampled=True)
    traced.order(1, contact="@burst_pipe")
    told(daemon)
    body = {"category": "Клининг", "city": "Казань", "description": "Потоп: убрать воду и просушить полы"}
    assert traced.call("POST /api/orders", user=2, body={**body, "contact": "@burst_pipe"}).status == 409
    refused = told(daemon)[0]
    assert (refused["error"], refused["fault"], refused["http"]) == (True, False, {"response": {"status": 400}})

    def silence(**_: object) -> None:
        raise OSError("nobody answers")

    table.client().meta.events.register("before-send.dynamodb", silence)
    assert traced.call("GET /api/balance", user=1).status >= 500
    failed = told(daemon)[-1]
    assert (failed["error"], failed["fault"]) == (False, True)
    assert "http" not in failed


def test_untraced_invocation_reports_nothing(
    monkeypatch: pytest.MonkeyPatch, traced: Api, daemon: socket.socket
) -> None:
    invocation(monkeypatch, sampled=False)
    traced.order(1)
    # An unreadable trace header fails no request, above all not one that has written.
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Sampled=1;nonsense")
    traced.order(3, contact="@third_pipe")
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    traced.order(2, contact="@another_pipe")
    assert told(daemon) == []


def test_missing_daemon_fails_no_request(monkeypatch: pytest.MonkeyPatch, traced: Api, daemon: socket.socket) -> None:
    invocation(monkeypatch, sampled=True)
    daemon.close()
    for _ in range(3):
        assert traced.call("GET /api/balance", user=1).status == 200


def test_every_function_is_traced() -> None:
    template = api.template()
    assert template["Globals"]["Function"]["Tracing"] == "Tracing"
    assert template["Parameters"]["Tracing"]["Default"] == "Active"
