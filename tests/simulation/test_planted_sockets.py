"""G3: mutation tests of the simulated sockets. It must find each defect planted into the code of live updates."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from functions.live import send_list_frames, socket
from shared.domain import live
from shared.domain.messages import PersonalEvent
from shared.domain.order import Order
from shared.http import schemas
from shared.outbound import sockets
from shared.store import orders
from tests.simulation import found_by
from tests.simulation.sockets import ONE_SEED_IN

WITHIN = 300
"""How many seeds with sockets may run until a defect is found."""

Patch = pytest.MonkeyPatch


def ended_orders_are_shown(patch: Patch) -> None:
    """A frame shows an order that no list has."""
    patch.setattr(live, "_is_in", lambda watch, order, now: True)


def an_end_is_not_told(patch: Patch) -> None:
    """Only orders that a list has now are told."""
    real = live.list_changes
    patch.setattr(
        live, "list_changes", lambda before, after, now: [each for each in real(before, after, now) if each.after]
    )


def watching_is_promised_only(patch: Patch) -> None:
    """The reply comes without the write."""
    patch.setattr(socket, "_watch", lambda connection_id, watch, arrived_at: True)


def frames_carry_the_version_of_the_change(patch: Patch) -> None:
    """The order is read now, its version comes from the stream."""
    real = send_list_frames._frame

    def frame(order_id, event, changed, order, view):  # type: ignore[no-untyped-def]
        return {**real(order_id, event, changed, order, view), "version": changed.version}

    patch.setattr(send_list_frames, "_frame", frame)


def frames_show_the_contact(patch: Patch) -> None:
    """The frame is the view of somebody who paid."""
    real = schemas.listed_view

    def view(order, *, now):  # type: ignore[no-untyped-def]
        return {**real(order, now=now), "contact": orders.get_many([order.id])[order.id].contact}

    patch.setattr(send_list_frames, "listed_view", view)


def everybody_hears_of_a_take(patch: Patch) -> None:
    """A personal event goes to the executor of another order."""
    real = live.personal_events

    def events(before: Order | None, after: Order, now: int) -> list[PersonalEvent]:
        return [replace(event, user_id=777) for event in real(before, after, now)]

    patch.setattr(live, "personal_events", events)


def a_socket_that_fails_is_forgotten_open(patch: Patch) -> None:
    """Its client believes that it still watches."""
    patch.setattr(sockets, "close", lambda connection_id: None)


DEFECTS: dict[str, Callable[[Patch], None]] = {
    defect.__name__: defect
    for defect in (
        ended_orders_are_shown,
        an_end_is_not_told,
        watching_is_promised_only,
        frames_carry_the_version_of_the_change,
        frames_show_the_contact,
        everybody_hears_of_a_take,
        a_socket_that_fails_is_forgotten_open,
    )
}


# It shows in few seeds: those without other faults.
RARE = {"an_end_is_not_told"}


def seeds_for(name: str) -> list[int]:
    """Return the seeds that may find a defect, the same for each: those with sockets."""
    return list(range(ONE_SEED_IN, WITHIN * ONE_SEED_IN, ONE_SEED_IN))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.proof] if name in RARE else []) for name in DEFECTS]
)
def test_planted_defect_of_sockets_is_found(monkeypatch: Patch, name: str) -> None:
    DEFECTS[name](monkeypatch)
    assert found_by.search(name, seeds_for(name)).violations
