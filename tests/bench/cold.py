"""(a) Measure the cold start: from a fresh process to a function that can answer, with references in the same run.

The results are medians of CPU time over interleaved runs. The load of the machine changes within a round, so a start is
compared with the runs of the reference before and after it.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.bench.cases import CASES, FUNCTIONS, READ_ORDER, Case, Recorded, record
from tests.bench.measure import INSTALLED, run
from tests.bench.peers import PEERS

REFERENCE = "reference: FastAPI, Mangum, pydantic, a boto3 client"
NAIVE = "naive, not compiled"
REFERENCES = {
    REFERENCE: ("tests.bench.bare.frameworks", True),
    "Python alone": ("json", True),
    "boto3, a client": ("tests.bench.bare.boto3_only", True),
    **{f"{peer}, compiled": (module, True) for peer, module in PEERS.items()},
    **{f"{peer}, not compiled": (module, False) for peer, module in PEERS.items()},
}
"""Name: module, and whether its dependencies have compiled code."""
_BETWEEN_REFERENCES = 4  # functions


def measure(rounds: int, only: set[str] | None = None) -> dict[str, dict[str, float]]:
    """Return, by function or reference: CPU ms of init and of any first request, and the ratio `of_reference`."""
    now = time.time_ns() // 1_000_000
    first: dict[str, Case] = {}
    for case in CASES:
        first.setdefault(case.function, case)
    recorded: dict[str, Recorded | None] = {
        function: record(first[function], now) if function in first else None
        for function in [*first, *sorted(FUNCTIONS - first.keys())]
        if only is None or function in only
    }
    order = record(READ_ORDER, now)
    starts: dict[str, Callable[[], dict[str, Any]]] = {
        name: partial(run, module, order if module in PEERS.values() else None, path=INSTALLED, compiled=compiled)
        for name, (module, compiled) in REFERENCES.items()
    }
    starts |= {function: partial(run, f"functions.{function}", given) for function, given in recorded.items()}
    start_of_reference = starts.pop(REFERENCE)
    seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        waiting = list(starts)
        before = start_of_reference()["init_cpu"]
        seen[REFERENCE]["init_cpu"].append(before)
        while waiting:
            some, waiting = waiting[:_BETWEEN_REFERENCES], waiting[_BETWEEN_REFERENCES:]
            for name in some:
                for kind, value in starts[name]().items():
                    seen[name][kind].append(value)
            after = start_of_reference()["init_cpu"]
            seen[REFERENCE]["init_cpu"].append(after)
            for name in some:
                seen[name]["of_reference"].append(seen[name]["init_cpu"][-1] * 2 / (before + after))
            before = after
    return {name: {kind: statistics.median(values) for kind, values in kinds.items()} for name, kinds in seen.items()}
