"""(c) Calls to the table, items and consumed units of each request: exact."""

from tests.bench.cases import CASES, WORK, record, record_work
from tests.bench.meter import Cost

# A moment that every run has, so that what it counts is the same: sizes of numbers, hours of tests.
NOW = 1_790_000_000_000


def costs() -> dict[str, Cost]:
    """By case."""
    of_requests = {case.name: Cost.of(record(case, NOW).calls) for case in CASES}
    return of_requests | {name: Cost.of(record_work(work, NOW)) for name, work in WORK.items()}
