"""(c) Count the calls to the table, the items and the consumed units of each request. The counts are exact."""

from tests.bench import frames
from tests.bench.cases import CASES, WORK, record, record_work
from tests.bench.meter import Cost
from tests.bench.operated import OPERATED

# Epoch ms, fixed: sizes of stored numbers depend on the time, and the counts must not change between runs.
NOW = 1_790_000_000_000


def costs() -> dict[str, Cost]:
    """Return the cost by case."""
    of_requests = {case.name: Cost.of(record(case, NOW).calls) for case in CASES}
    of_work = {name: Cost.of(record_work(work, NOW)) for name, work in (OPERATED | WORK).items()}
    of_frames = {name: Cost.of(frames.recorded(step, NOW).calls) for name, step in frames.STEPS.items()}
    return of_requests | of_work | of_frames
