"""Operators' refunds in the table: in which lists they are, and which attempts may write them."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.operators import Action
from shared.domain.refunds import Refund, begun
from shared.store import keys, refunds, table
from tests.fakes.wire import Wire
from tests.in_process import START

WAITING = Refund(payment_id=5, user_id=7, amount=900, operator_id=900, reason="жалоба", created_at=START)
BEGUN = begun(WAITING, START)
ENDED = replace(BEGUN, check_at=None)
RETENTION_SECONDS = 30 * 24 * 60 * 60


def action(token: str = "a", at: int = START) -> Action:
    return Action(id=at, token=token, operator_id=900, kind="payment_refunded", created_at=at, reason="жалоба")


def item() -> dict[str, Any]:
    found = table.get(keys.refund(5))
    assert found is not None
    return found


def due_ids(now: int = START + 2**40) -> list[int]:
    return [refund.payment_id for refund in refunds.due(now)]


def test_begun_refund_is_stored_with_these_attributes(wire: Wire) -> None:
    refunds.begin(BEGUN, 0, 1, action())
    assert item() == {
        "pk": "REFUND#5",
        "sk": "REFUND",
        "user_id": 7,
        "amount": 900,
        "operator_id": 900,
        "reason": "жалоба",
        "created_at": START,
        "approved_at": START,
        "due_pk": "DUE_REFUNDS",
        "due_at": START + 60_000,
        "ttl": START // 1000 + RETENTION_SECONDS,
    }
    assert (refunds.get(5), refunds.waiting()) == (BEGUN, [])


def test_waiting_refund_is_due_when_it_is_approved(wire: Wire) -> None:
    """From then on it is kept as long as any other."""
    refunds.ask(WAITING, action())
    assert (refunds.waiting(), due_ids()) == ([WAITING], [])
    day = 24 * 60 * 60
    approved = begun(WAITING, START + day * 1000)
    refunds.approve(approved, action("b", START + day * 1000))
    assert (refunds.waiting(), refunds.get(5), due_ids()) == ([], approved, [5])
    assert item()["ttl"] == START // 1000 + day + RETENTION_SECONDS


def test_due_refunds_are_the_longest_due_first(wire: Wire) -> None:
    for spent, (id, at) in enumerate(((5, START), (6, START - 1), (7, START + 1))):
        refunds.begin(begun(replace(WAITING, payment_id=id), at), 900 * spent, 1, action(f"{id}"))
    assert due_ids(START + 60_000) == [6, 5]
    assert due_ids(START + 60_000 - 2) == []


def test_due_refunds_are_read_from_the_table(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index still has one that ended, one that was continued since, and one that TTL removed."""
    refunds.begin(BEGUN, 0, 1, action())
    monkeypatch.setattr(table, "query", lambda *_, **__: [keys.refund(5), keys.refund(9)])
    assert due_ids() == [5]
    assert due_ids(START + 60_000 - 1) == []
    refunds.checked(BEGUN, ENDED)
    assert due_ids() == []


def test_only_the_newest_attempt_ends_a_refund(wire: Wire) -> None:
    refunds.begin(BEGUN, 0, 1, action())
    newer = replace(BEGUN, check_at=START + 120_000)
    refunds.checked(BEGUN, newer)
    for after in (ENDED, newer):
        with pytest.raises(table.WriteConflict):
            refunds.checked(BEGUN, after)
    assert refunds.get(5) == newer
    refunds.checked(newer, ENDED)
    assert (refunds.get(5), due_ids()) == (ENDED, [])


def test_ended_refund_is_due_again_once(wire: Wire) -> None:
    refunds.begin(BEGUN, 0, 1, action())
    refunds.checked(BEGUN, ENDED)
    refunds.checked(ENDED, BEGUN)
    assert (refunds.get(5), due_ids()) == (BEGUN, [5])
    with pytest.raises(table.WriteConflict):
        refunds.checked(ENDED, BEGUN)


def test_refund_that_is_not_there_is_not_made_due(wire: Wire) -> None:
    for before in (BEGUN, ENDED):
        with pytest.raises(table.WriteConflict):
            refunds.checked(before, BEGUN)
    assert refunds.get(5) is None
