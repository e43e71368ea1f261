"""The bills in docs/performance.md are its measured units, times and prices."""

import pytest

from tests.bench.bill import COMPUTED, POLLING, SHARED, WEBAPP, Line, Price, Units, add, bills, measured_units, price
from tests.bench.page import PAGE, between

LINE = Line("feed", "feed", times=200)


def test_bills_of_the_page_follow_from_its_units() -> None:
    """`python -m tests.bench --only calls` computes them anew."""
    page = PAGE.read_text()
    assert between(page, COMPUTED) == bills(page)


def test_every_line_has_measured_units() -> None:
    assert {line.case for line in (*SHARED, *WEBAPP, *POLLING)} <= measured_units(PAGE.read_text()).keys()


def test_request_is_priced_by_its_units() -> None:
    """200 million pages of 26 read units, each billed with 15 ms."""
    assert price(LINE, Units(26, 0)) == pytest.approx(Price(200, 200, 40 + 20.1, 650, 0, 40 + 50))


def test_message_pays_for_its_queue_and_no_gateway() -> None:
    """20 million offers of 3 R and 5 W, each billed with 200 ms and 2.1 calls of SQS."""
    offer = Line("offer", "offer", 20, ms=200, other=0.84, has_route=False)
    assert price(offer, Units(3, 5)) == pytest.approx(Price(20, 0, 4 + 26.8, 7.5, 62.5, 16.8 + 9))


def test_total_adds_every_price() -> None:
    one, other = Price(1, 1, 2, 3, 4, 5), Price(10, 10, 20, 30, 40, 50)
    assert add([one, other]) == Price(11, 11, 22, 33, 44, 55)
    assert add([one, other]).total == 165
