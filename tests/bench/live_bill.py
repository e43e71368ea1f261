"""The bill of live updates for three audiences, against polling: measured units of docs/performance.md, and prices.

The same visits as in `bill.py`, spread evenly over a month. Every change of an order is a batch of its own, so frames
and invocations are maxima. Prices are list prices of us-east-1 in $, each for a million of its unit.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.bench import frames
from tests.bench.bill import (
    FEED,
    MS,
    POLLS_OF_VISIT,
    QUEUE_CALL,
    READ_UNIT,
    REQUEST_MS,
    TAKES,
    VISITS,
    WRITE_UNIT,
    Line,
    Units,
    add,
    measured_units,
    price,
)
from tests.bench.page import rows_under, table

COMPUTED = "<!-- computed: make bench writes this bill of live updates -->", "<!-- end of the bill of live updates -->"

MESSAGE = 1.00  # of a socket, either way, up to 32 kB
MINUTE = 0.25  # of an open socket
QUEUED = 3 * QUEUE_CALL  # sent, received, deleted
SENDER_MS = MS * 1769 / 512  # the sender of lists has a whole processor

VISIT_SECONDS, MONTH_SECONDS = 100, 30 * 24 * 3600
WATCHERS = 1e6 * VISITS * VISIT_SECONDS / MONTH_SECONDS  # at once, of a million orders a month
CHANGES_OF_LIST = 3 + TAKES  # appeared, responded to, left
EVENTS = 2 * TAKES + TAKES + 1 + 2  # taken and responded, ended for everybody, reminders
PAGES = 3  # read by live.ts: at once, when the list is watched, and three seconds later

AUDIENCES = {"all cities": 1, "a city with a tenth of the orders": 1 / 10, "a city with a fiftieth": 1 / 50}
"""The list that every visitor watches, and its share of the orders."""

SOCKETS = (
    Line("tickets", "socket: ticket", VISITS),
    Line("handshakes", "socket: handshake", VISITS, has_route=False),
    Line("watches", "socket: watch", VISITS, other=2 * MESSAGE, has_route=False),
    Line("ends", "socket: end", VISITS, has_route=False),
)
SENDERS = (
    Line("own frames", "frame of one's own", EVENTS, other=MESSAGE + QUEUED, has_route=False),
    Line(
        "a change, told to a city and to all cities",
        frames.NOBODY,
        2 * CHANGES_OF_LIST,
        round(REQUEST_MS * SENDER_MS / MS),
        QUEUED,
        has_route=False,
    ),
)
READING = Line("pages read with a socket", FEED, PAGES * VISITS)
POLLING = Line("pages polled", FEED, VISITS * POLLS_OF_VISIT)


class Bill(NamedTuple):
    """The prices of a million orders with live updates for one audience."""

    watchers: float
    frames: float
    messages: float
    sending: float
    sockets: float
    senders: float
    pages: float

    @property
    def total(self) -> float:
        """The sum of the prices."""
        return sum(self[2:])


def of_audience(share: float, units: Mapping[str, Units], ms: float) -> Bill:
    """Return the bill where every visitor watches a list with this share of the orders. `ms`: of sending one frame."""
    watchers = WATCHERS * share
    sent = CHANGES_OF_LIST * watchers
    many, nobody = units[frames.MANY], units[frames.NOBODY]
    read = (many.read - nobody.read) / frames.WATCHERS * watchers
    written = many.write - nobody.write
    return Bill(
        watchers=watchers,
        frames=sent,
        messages=sent * MESSAGE,
        sending=sent * ms * SENDER_MS + CHANGES_OF_LIST * (read * READ_UNIT + written * WRITE_UNIT),
        sockets=_total(SOCKETS, units) + VISITS * VISIT_SECONDS / 60 * MINUTE,
        senders=_total(SENDERS, units),
        pages=_total([READING], units),
    )


def _total(lines: Iterable[Line], units: Mapping[str, Units]) -> float:
    return add(price(line, units[line.case]) for line in lines).total


def bill(page: str) -> str:
    """Return the table that docs/performance.md has between COMPUTED."""
    units = measured_units(page)
    measured = rows_under(page, "### Sockets and frames")
    ms = (float(measured[frames.MANY][1]) - float(measured[frames.NOBODY][1])) / frames.WATCHERS
    polled = _total([POLLING], units)
    rows = []
    for audience, share in AUDIENCES.items():
        found = of_audience(share, units, ms)
        dollars = [*found[2:], found.total, polled]
        rows.append([audience, f"{found.watchers:.0f}", f"{found.frames:.0f}", *(f"{each:.0f}" for each in dollars)])
    head = (
        "everybody watches | watchers at once | frames, millions | messages $ | sending $ | sockets $ | senders $ | "
        "pages $ | in all $ | polling every 5 s $"
    )
    return table(head, rows)
