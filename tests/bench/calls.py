"""(c) Count the calls to the table, the items and the consumed units of each request. The counts are exact."""

from tests.bench.cases import CASES, WORK, record, record_work
from tests.bench.meter import Cost

# Epoch ms, fixed: sizes of stored numbers depend on the time, and the counts must not change between runs.
NOW = 1_790_000_000_000


def costs() -> dict[str, Cost]:
    """Return the cost by case."""
    of_requests = {case.name: Cost.of(record(case, NOW).calls) for case in CASES}
    return of_requests | {name: Cost.of(record_work(work, NOW)) for name, work in WORK.items()}
