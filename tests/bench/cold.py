"""(a) Cold start: from a fresh process to a function that can answer, beside bare references in the same run.

Medians of processor time, of runs that take turns: what else this machine does then meets all of them alike.
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


def measure(rounds: int, only: set[str] | None = None) -> dict[str, dict[str, float]]:
    """By function or reference: ms of processor time of its init, and of its first request where it has one."""
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
        for function, request in recorded.items():
            for kind, value in run(f"functions.{function}", request).items():
                seen[function][kind].append(value)
    return {name: {kind: statistics.median(values) for kind, values in kinds.items()} for name, kinds in seen.items()}
