"""Who may see an order: every state, every viewer."""

from dataclasses import replace

import pytest

from shared.domain.errors import OrderNotFound
from shared.domain.order import Order, answered, removed
from shared.domain.visibility import PUBLIC_STATUSES, may_list, may_see, may_see_contact, seen_by
from tests.domain.test_order import (
    BEGIN,
    CLIENT,
    CLOSED,
    CLOSED_BY_TIME,
    COMPLETED,
    DELETED,
    EXPIRED,
    MINUTE,
    NEW,
    taken,
)

EXECUTOR, STRANGER, NOBODY = 2, 9, None
LATER = BEGIN + 20 * MINUTE

SHOWN = {
    "active": NEW,
    "taken": taken(1),
    "answered": answered(taken(1), CLIENT, BEGIN + 2 * MINUTE),
    "expired": EXPIRED,
    "completed": COMPLETED,
    "closed": CLOSED,
    "closed by time": CLOSED_BY_TIME,
}
GONE = {"deleted": DELETED, **{f"{name}, removed": removed(order, LATER) for name, order in SHOWN.items()}}
GONE |= {"deleted, removed": removed(DELETED, LATER)}


def test_statuses_that_strangers_can_list() -> None:
    assert {*PUBLIC_STATUSES} == {"active", "expired", "completed"}


@pytest.mark.parametrize("order", SHOWN.values(), ids=SHOWN)
def test_an_order_is_shown_to_everybody(order: Order) -> None:
    for viewer in (CLIENT, EXECUTOR, STRANGER, NOBODY):
        assert may_see(order, viewer)
        assert seen_by(order, viewer) is order


@pytest.mark.parametrize("order", GONE.values(), ids=GONE)
def test_a_deleted_or_removed_order_is_shown_to_participants(order: Order) -> None:
    """I25."""
    participants = {CLIENT, *order.takes}
    for viewer in (CLIENT, EXECUTOR, STRANGER, NOBODY):
        assert may_see(order, viewer) is (viewer in participants)
        if viewer in participants:
            assert seen_by(order, viewer) is order
            continue
        with pytest.raises(OrderNotFound):
            seen_by(order, viewer)


@pytest.mark.parametrize("viewer", [CLIENT, NOBODY])
def test_an_order_that_is_not_there_is_not_found(viewer: int | None) -> None:
    with pytest.raises(OrderNotFound):
        seen_by(None, viewer)


@pytest.mark.parametrize("order", [*SHOWN.values(), *GONE.values()], ids=[*SHOWN, *GONE])
def test_a_contact_is_shown_to_client_and_paying_executors(order: Order) -> None:
    """I17: in every state, also after a refund."""
    seen = [viewer for viewer in (NOBODY, 0, CLIENT, EXECUTOR, STRANGER) if may_see_contact(order, viewer)]
    assert seen == [CLIENT, *order.takes]


def test_strangers_list_no_closed_deleted_or_removed_order() -> None:
    """I25: what strangers list, they may also see."""
    listed = [name for name, order in {**SHOWN, **GONE}.items() if may_list(order)]
    assert listed == ["active", "taken", "answered", "expired", "completed"]
    for order in SHOWN.values():
        assert not may_list(replace(order, removed_at=LATER))
