"""The bill of a million orders, for two clients: the measured units of docs/performance.md, times and prices.

Prices are list prices of us-east-1 in $, each for a million of its unit.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.bench.page import rows_under, table

COMPUTED = "<!-- computed: make bench writes what is between these lines -->", "<!-- end of what is computed -->"

GATEWAY = 1.00  # a request of the HTTP API
INVOCATION, MS = 0.20, 0.0067  # Lambda on arm64 with 512 MB
READ_UNIT, WRITE_UNIT = 0.125, 0.625  # DynamoDB on demand
QUEUE_CALL = 0.40  # SQS
SCHEDULE = 1.00  # EventBridge Scheduler; the first 14 million are free, which is not counted
LOG_LINE = 0.4 * 0.50  # 0.4 kB at 0.50 $ per GB
TRACE = 5.00 / 20  # X-Ray records every twentieth invocation
UNIT_PRICES = {
    "request of the HTTP API": GATEWAY,
    "invocation": INVOCATION,
    "millisecond of Lambda, arm64, 512 MB": MS,
    "read unit on demand (R)": READ_UNIT,
    "write unit on demand (W)": WRITE_UNIT,
    "call of SQS": QUEUE_CALL,
    "schedule": SCHEDULE,
    "log line of an invocation, 0.4 kB": LOG_LINE,
    "trace of one invocation of twenty": TRACE,
}

REQUEST_MS = 15  # billed: the CPU time at a third of a processor, and the wait for the table
MESSAGE_MS = 200  # billed: a message of the bot waits for its turn and for Telegram
MESSAGE = 2.1 * QUEUE_CALL  # sent in a batch of ten, received, deleted

# What happens for one order.
TAKES, REVIEWS = 1.5, 0.3
CHANGES = 3 + TAKES + REVIEWS  # posted, responded to, completed
VISITS, OWN_VISITS = 10, 3  # by executors to the feed, by the client to the order
POLLS_OF_VISIT = 100 // 5  # a visit of 100 s, polled every 5 s
PAYMENTS = 1 / 17  # of 50 ₽
POLLS_OF_PAYMENT = 0.9 * 20 + 0.1 * 600  # every 3 s: for a minute, or for 30 minutes if it is abandoned


class Line(NamedTuple):
    """A measured `case` that happens some `times` for one order; `other` is the price of its queues and schedules."""

    name: str
    case: str
    times: float
    ms: int = REQUEST_MS
    other: float = 0
    has_route: bool = True


SHARED = (
    Line("new order", "new order", 1),
    Line("take", "take", TAKES),
    Line("respond", "respond", 1),
    Line("complete", "complete, three executors", 1),
    Line("review", "review", REVIEWS),
    Line("new invoice", "new invoice in Stars", PAYMENTS),
    Line("payment webhook", "payment webhook, YooKassa", PAYMENTS),
    Line("payment status, polled", "payment status", PAYMENTS * POLLS_OF_PAYMENT),
    Line("me: once a visit, after each change", "me", VISITS + OWN_VISITS + CHANGES),
    Line("balance: after each change", "balance", CHANGES),
    Line("my orders: once a visit of the client, after own changes", "my orders, 10", OWN_VISITS + CHANGES - TAKES),
    Line("my takes: after each take", "my takes, 5", TAKES),
    Line("stream: each change", "stream record of an order", CHANGES, has_route=False),
    Line("timers: two, each reads an order that has ended", "get order", 2, other=SCHEDULE, has_route=False),
    Line("audience: 20 executors", "audience of ten", 2, other=MESSAGE, has_route=False),
    Line("offers of the bot", "offer, sent", 20, MESSAGE_MS, MESSAGE, has_route=False),
    Line("notices of the bot", "notice, sent", 6.5, MESSAGE_MS, MESSAGE, has_route=False),
)
FEED = "feed, 50 of 60, count known"
WEBAPP = (
    Line("an order: once a visit", "get order", VISITS + OWN_VISITS),
    Line("**feed page**: three times a visit, after each take", FEED, 3 * VISITS + TAKES),
)
POLLING = (
    Line(
        "an order: once a visit of an executor, polled by the client", "get order", VISITS + OWN_VISITS * POLLS_OF_VISIT
    ),
    Line("**feed page**: polled", FEED, VISITS * POLLS_OF_VISIT),
)


class Units(NamedTuple):
    """Units of the table that a request consumes."""

    read: float
    write: float


class Price(NamedTuple):
    """Prices of some `millions` of invocations."""

    millions: float
    gateway: float
    invocations: float
    reads: float
    writes: float
    other: float

    @property
    def total(self) -> float:
        """The sum of the prices."""
        return sum(self[1:])


def price(line: Line, units: Units) -> Price:
    """Return the price of a line for a million orders."""
    return Price(
        millions=line.times,
        gateway=line.times * GATEWAY if line.has_route else 0,
        invocations=line.times * (INVOCATION + line.ms * MS),
        reads=line.times * units.read * READ_UNIT,
        writes=line.times * units.write * WRITE_UNIT,
        other=line.times * (line.other + LOG_LINE + TRACE),
    )


def add(prices: Iterable[Price]) -> Price:
    """Add up prices."""
    return Price(*map(sum, zip(*prices, strict=True)))


def measured_units(page: str) -> dict[str, Units]:
    """Return the units by case, as docs/performance.md has them."""
    _, *rows = rows_under(page, "### Calls to the table").items()
    return {case: Units(float(read), float(write)) for case, (*_, read, write) in rows}


def bills(page: str) -> str:
    """Return the prices and the bills of both clients, as docs/performance.md has them between COMPUTED."""
    units = measured_units(page)
    shared = add(price(line, units[line.case]) for line in SHARED)
    texts = [table("unit | $ a million", ([unit, f"{dollars:g}"] for unit, dollars in UNIT_PRICES.items()))]
    for client, first, own in (
        ("WebApp", [_row(line, units) for line in SHARED], WEBAPP),
        ("polling client", [_cells("all that is the same", "", shared)], POLLING),
    ):
        total = add([shared, *(price(line, units[line.case]) for line in own)])
        feed = price(own[-1], units[FEED]).total
        rows = [*first, *(_row(line, units) for line in own), _cells("**in all**", "", total)]
        texts += [
            f"**The {client}**: {total.total:.0f} $, or {total.total / 1e4:.2f} cents for an order. "
            f"The feed is {feed / total.total:.0%} of it.",
            table(_HEAD, rows),
        ]
    return "\n\n".join(texts)


_HEAD = "for a million orders | units of one | millions | gateway $ | Lambda $ | read $ | write $ | other $ | in all $"


def _row(line: Line, units: Mapping[str, Units]) -> list[str]:
    read, write = units[line.case]
    of_one = ", ".join(f"{count:g} {unit}" for count, unit in ((read, "R"), (write, "W")) if count)
    return _cells(line.name, of_one, price(line, units[line.case]))


def _cells(name: str, units: str, cost: Price) -> list[str]:
    return [name, units, f"{cost.millions:.1f}", *(f"{dollars:.1f}" for dollars in (*cost[1:], cost.total))]
