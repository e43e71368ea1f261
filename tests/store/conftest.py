"""The fixtures of the store over two DynamoDBs: the one in memory, and moto's."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.fakes.moto_table import moto_table
from tests.fakes.wire import Wire, connect
from tests.in_process import service

__all__ = ["service", "wire"]


@pytest.fixture(params=["memory", "moto"])
def wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The wire to an empty table of each; a test of what only the one in memory can do names it."""
    with moto_table() if request.param == "moto" else nullcontext() as table:
        yield from connect(monkeypatch, table)
