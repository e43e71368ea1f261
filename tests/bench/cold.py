"""(a) Measure the cold start: from a fresh process to a function that can answer, with references in the same run.

The results are medians of CPU time over interleaved runs. The load of the machine changes within a round, so a function
is compared with the reference runs before and after it.
"""

import statistics
import time
from collections import defaultdict

from tests.bench.cases import CASES, FUNCTIONS, Case, Recorded, record
from tests.bench.measure import INSTALLED, run

REFERENCES = {
    "Python alone": ("json", True),
    "boto3, a client": ("tests.bench.bare.boto3_only", True),
    "reference: FastAPI, Mangum, pydantic, a boto3 client": ("tests.bench.bare.frameworks", True),
    "naive: with a resource and a logger, not compiled": ("tests.bench.bare.naive", False),
}
REFERENCE, NAIVE = list(REFERENCES)[2:]
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
    seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for name, (module, compiled) in REFERENCES.items():
            for kind, value in run(module, path=INSTALLED, compiled=compiled).items():
                seen[name][kind].append(value)
        waiting = list(recorded)
        before = seen[REFERENCE]["init_cpu"][-1]
        while waiting:
            some, waiting = waiting[:_BETWEEN_REFERENCES], waiting[_BETWEEN_REFERENCES:]
            for function in some:
                for kind, value in run(f"functions.{function}", recorded[function]).items():
                    seen[function][kind].append(value)
            after = _init_of_reference()
            seen[REFERENCE]["init_cpu"].append(after)
            for function in some:
                seen[function]["of_reference"].append(seen[function]["init_cpu"][-1] * 2 / (before + after))
            before = after
    return {name: {kind: statistics.median(values) for kind, values in kinds.items()} for name, kinds in seen.items()}


def _init_of_reference() -> float:
    module, compiled = REFERENCES[REFERENCE]
    found: float = run(module, path=INSTALLED, compiled=compiled)["init_cpu"]
    return found
