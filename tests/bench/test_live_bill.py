"""The bill of live updates in docs/performance.md is its measured units, times and prices."""

import pytest

from tests.bench import frames, live_bill
from tests.bench.bill import FEED, Units, measured_units
from tests.bench.page import PAGE, between

FREE = {line.case: Units(0, 0) for line in (*live_bill.SOCKETS, *live_bill.SENDERS, live_bill.READING)}


def test_bill_of_the_page_follows_from_its_figures() -> None:
    """`python -m tests.bench --only calls` computes it anew."""
    page = PAGE.read_text()
    assert between(page, live_bill.COMPUTED) == live_bill.bill(page)


def test_every_line_of_the_bill_has_measured_units() -> None:
    assert FREE.keys() | {frames.MANY, FEED} <= measured_units(PAGE.read_text()).keys()


def test_frames_are_changes_times_watchers() -> None:
    """386 watchers of all cities see 4.5 changes of each order, and a tenth of them those of a city."""
    units = {**FREE, frames.MANY: Units(2, 1)}
    all_cities, city = (live_bill.of_audience(share, units, ms=1) for share in (1, 1 / 10))
    assert all_cities.watchers == pytest.approx(385.8, 0.001)
    assert all_cities.frames == pytest.approx(1736, 0.001)
    assert all_cities.messages == pytest.approx(10 * city.messages)
    assert all_cities.sending == pytest.approx(1736 * 0.02315 + 4.5 * (385.8 * 0.02 * 0.125 + 0.625), 0.001)
    assert (all_cities.sockets, all_cities.senders) == (city.sockets, city.senders)
