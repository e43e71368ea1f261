"""(b) Measure the CPU time of a warm request and its parts, alternating with a handler of boto3 alone."""

import statistics
import time
from collections import defaultdict

from tests.bench.cases import CASES, Case, Recorded, record
from tests.bench.measure import run


def measure(rounds: int, requests: int, only: set[str] | None = None) -> dict[str, dict[str, float]]:
    """Return medians by case: CPU ms `warm`, its parts `ours`, `frameworks`, `boto3`; `bare`; and the `ratio`."""
    cases = [case for case in CASES if only is None or case.name in only]
    bare = _recorded(next(case for case in CASES if case.name == "get order"))
    seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for case in cases:
            # Recorded anew for each round: a repeated order is the same request for a minute only.
            found = run(f"functions.{case.function}", _recorded(case), bare=bare, requests=requests, forget=case.forget)
            assert found["status"] == case.status, f"{case.name}: {found['status']}"
            found["ratio"] = found["warm"] / found["bare"]
            for kind, value in found.items():
                seen[case.name][kind].append(value)
    return {name: {kind: statistics.median(values) for kind, values in kinds.items()} for name, kinds in seen.items()}


def _recorded(case: Case) -> Recorded:
    return record(case, time.time_ns() // 1_000_000)
