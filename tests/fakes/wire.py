"""The store over DynamoDB in memory and the real SDK. The test plans the faults of each call."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from shared import clock
from shared.aws import secrets
from shared.store import feeds, table
from tests import api
from tests.conftest import TABLE, ParameterStore
from tests.fakes import sdk
from tests.fakes.dynamodb import AwsError, Database
from tests.in_process import Api

Call = Callable[[], dict[str, Any]]
Fault = Callable[[Call], dict[str, Any]]
"""The fault of one attempt, given the call."""


def refused(code: str, *reasons: str, status: int = 400) -> Fault:
    """Plan that DynamoDB answers with an error and does nothing."""

    def fault(call: Call) -> dict[str, Any]:
        raise _error(code, reasons, status)

    return fault


def done_but_refused(code: str, *reasons: str, status: int = 400) -> Fault:
    """Plan that DynamoDB executes the call and answers with an error (F8)."""

    def fault(call: Call) -> dict[str, Any]:
        call()
        raise _error(code, reasons, status)

    return fault


def _error(code: str, reasons: tuple[str, ...], status: int) -> AwsError:
    return AwsError(code, "…", status=status, reasons=[{"Code": reason} for reason in reasons] or None)


def lost(call: Call) -> dict[str, Any]:
    """Execute the call and lose its response (F3)."""
    call()
    raise ReadTimeoutError(endpoint_url="http://dynamodb")


def never_arrived(call: Call) -> dict[str, Any]:
    """Lose the request."""
    raise ReadTimeoutError(endpoint_url="http://dynamodb")


def well(call: Call) -> dict[str, Any]:
    """No fault."""
    return call()


class Wire:
    """The connection between SDK and DynamoDB, and its clock."""

    def __init__(self, service: Api, database: Any = None) -> None:
        """Connect to a database in memory, or to `database`, which has its `execute` and `items`."""
        self.service = service
        self.database: Database = database or Database(api.table_definition(), name=TABLE, now=lambda: service.now)
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self.naps: list[float] = []
        self._monotonic = 0.0
        self._planned: dict[str, deque[Fault]] = {}
        self._always: dict[str, Fault] = {}

    def meets(self, operation: str, *faults: Fault) -> None:
        """Plan the faults of the next attempts of the operation, in order."""
        self._planned.setdefault(operation, deque()).extend(faults)

    def always_meets(self, operation: str, fault: Fault) -> None:
        """Plan the fault of all further attempts of the operation."""
        self._always[operation] = fault

    def forget_plans(self) -> None:
        """Stop all faults."""
        self._planned.clear()
        self._always.clear()

    def lands_before(self, operation: str) -> Fault:
        """The write is executed after the client gave up, just before its next such call (F4)."""

        def fault(call: Call) -> dict[str, Any]:
            def late(next_call: Call) -> dict[str, Any]:
                call()
                return next_call()

            self.meets(operation, late)
            raise ReadTimeoutError(endpoint_url="http://dynamodb")

        return fault

    def attempts(self, operation: str) -> list[Mapping[str, Any]]:
        """The requests of the attempts so far."""
        return [request for name, request in self.sent if name == operation]

    def counts(self) -> Counter[str]:
        """Return the number of attempts by operation."""
        return Counter(name for name, _ in self.sent)

    def sleep(self, seconds: float) -> None:
        """Let time pass, as a pause between retries does."""
        self.naps.append(seconds)
        self.takes(seconds)

    def takes(self, seconds: float) -> None:
        """Let time pass outside a pause."""
        self._monotonic += seconds
        self.service.now += int(seconds * 1000)

    def monotonic(self) -> float:
        """Return the seconds since the test began."""
        return self._monotonic

    def send(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Execute one attempt of a call with its planned fault."""
        self.sent.append((operation, request))
        planned = self._planned.get(operation)
        fault = planned.popleft() if planned else self._always.get(operation, well)
        return fault(lambda: self.database.execute(operation, request))


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The wire to an empty table."""
    yield from connect(monkeypatch)


def connect(monkeypatch: pytest.MonkeyPatch, database: Any = None) -> Iterator[Wire]:
    """Yield the wire to an empty table with a new client, because the SDK counts its retry quota per client."""
    service = Api()
    wire = Wire(service, database)
    time = SimpleNamespace(sleep=wire.sleep, monotonic=wire.monotonic)
    table.client.cache_clear()
    feeds._totals.clear()
    sdk.over_the_wire(table.client(), wire.send)
    monkeypatch.setattr(clock, "now_ms", lambda: service.now)
    for module in (table, sys.modules["shared.commands.retry"]):
        monkeypatch.setattr(module, "time", time)
    monkeypatch.setattr(sys.modules["botocore.endpoint"], "time", time)
    monkeypatch.setattr(secrets, "_provider", ParameterStore)
    yield wire
    table.client.cache_clear()
