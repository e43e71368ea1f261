"""G10: the dependency audit fails on known vulnerabilities, and if it could not audit anything."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.checks import vulnerabilities
from infra.checks.vulnerabilities import CANARY, Pin

BAD = Pin("leftpad", "1.0")
Answers = Callable[[list[Pin]], Any]


@contextmanager
def osv(answers: Answers, status: int = 200) -> Iterator[str]:
    """The URL of a fake OSV with the given answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            queries = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
            asked = [Pin(query["package"]["name"], query["version"]) for query in queries]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answers(asked)).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def knowing(*bad: Pin) -> Answers:
    return lambda asked: {"results": [{"vulns": [{"id": "PYSEC-1"}]} if pin in bad else {} for pin in asked]}


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], int]:
    def run(url: str, lock: str = "fine==2.0 \\\n    --hash=sha256:00\n") -> int:
        (tmp_path / "dev.txt").write_text(lock)
        monkeypatch.setattr(vulnerabilities, "REQUIREMENTS", tmp_path)
        monkeypatch.setenv("OSV_URL", url)
        return vulnerabilities.main()

    return run


def test_audit_without_known_vulnerabilities_passes(audit: Any) -> None:
    with osv(knowing(CANARY)) as url:
        assert audit(url) == 0


def test_audit_of_a_vulnerable_pin_fails(audit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with osv(knowing(CANARY, BAD)) as url:
        assert audit(url, "fine==2.0\nleftpad[extra]==1.0 ; python_version < '3.12'\n") == 1
    assert "leftpad 1.0: PYSEC-1" in capsys.readouterr().out


def test_audit_of_the_pinned_canary_fails(audit: Any) -> None:
    with osv(knowing(CANARY)) as url:
        assert audit(url, f"{CANARY.name}=={CANARY.version}\n") == 1


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        (knowing(), 200),  # knows no package at all
        (lambda asked: {"results": []}, 200),
        (lambda asked: {}, 200),
        (lambda asked: [], 200),
        (lambda asked: {"results": None}, 200),
        (knowing(CANARY), 503),
    ],
)
def test_audit_without_an_answer_fails(audit: Any, answers: Answers, status: int) -> None:
    with osv(answers, status) as url:
        assert audit(url) == 2


def test_audit_without_a_reachable_osv_fails(audit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("http://127.0.0.1:9") == 2
    assert capsys.readouterr().err.startswith("NOT AUDITED:")


def test_audit_without_any_pin_fails(audit: Any) -> None:
    with osv(knowing(CANARY)) as url:
        assert audit(url, "# nothing\n") == 2


def test_audit_reads_every_line_of_the_locks() -> None:
    locks = sorted(vulnerabilities.REQUIREMENTS.glob("*.txt"))
    assert [lock.stem for lock in locks] == [
        "browser",
        "checkov",
        "dev",
        "functions",
        "fuzz",
        "local",
        "pip",
        "runtime",
        "sam",
    ]
    for lock in locks:
        lines = [line for line in lock.read_text().splitlines() if line and not line.startswith((" ", "#"))]
        assert len(vulnerabilities.pinned(lock)) == len(lines), lock.name
