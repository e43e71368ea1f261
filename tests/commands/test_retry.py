"""The retry loop of every command: full jitter, five seconds, and no retry of a rule's refusal."""

from typing import Any

import pytest

from shared.commands.retry import retry
from shared.domain.errors import OrderTaken
from shared.service_errors import Busy
from shared.store import table
from tests.fakes.wire import Call, Wire, never_arrived
from tests.store.test_table import PASSING, visit, visits


def test_new_attempt_has_a_new_request_token(wire: Wire) -> None:
    """A new decision is a new transaction: DynamoDB would answer an old token with the old result."""
    wire.meets("TransactWriteItems", *PASSING["a conflict"] * 5)
    retry(lambda: table.transact([visit()]))
    assert len({request["ClientRequestToken"] for request in wire.attempts("TransactWriteItems")}) == 6


def test_conflicts_end_in_busy_after_five_seconds(wire: Wire) -> None:
    """L4, P4: full jitter, pauses of at most 0.4 s, and no attempt after five seconds."""
    wire.always_meets("TransactWriteItems", PASSING["a conflict"][0])
    with pytest.raises(Busy):
        retry(lambda: table.transact([visit()]))
    assert 4 < wire.monotonic() <= 5
    for number, nap in enumerate(wire.naps):
        assert 0 <= nap <= min(0.02 * 2**number, 0.4)
    # Jitter: the pauses differ and are not always the maximum.
    assert len(set(wire.naps)) > len(wire.naps) / 2
    assert len(wire.naps) > 10
    assert visits(wire) == 0


def test_slow_responses_count_towards_five_seconds(wire: Wire) -> None:
    """P4: the limit is five seconds of wall-clock time, including slow responses."""

    def slow(call: Call) -> dict[str, Any]:
        wire.takes(3)
        return never_arrived(call)

    wire.always_meets("TransactWriteItems", slow)
    with pytest.raises(Busy):
        retry(lambda: table.transact([visit()]))
    assert len(wire.attempts("TransactWriteItems")) == 2
    assert wire.monotonic() < 8


def test_refusal_of_a_rule_is_not_retried(wire: Wire) -> None:
    asked: list[int] = []

    def attempt() -> None:
        asked.append(1)
        raise OrderTaken

    with pytest.raises(OrderTaken):
        retry(attempt)
    assert (len(asked), wire.naps) == (1, [])
