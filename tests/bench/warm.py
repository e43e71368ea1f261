"""(b) Measure the CPU time of a warm request and its parts, alternating with a handler of boto3 alone."""

import statistics
import time
from collections import defaultdict

from tests.bench.cases import CASES, record
from tests.bench.measure import run


def measure(rounds: int, requests: int, only: set[str] | None = None) -> dict[str, dict[str, float]]:
    """Return medians by case: CPU ms `warm`, its parts `ours`, `frameworks`, `boto3`; `bare`; and the `ratio`."""
    now = time.time_ns() // 1_000_000
    cases = [case for case in CASES if only is None or case.name in only]
    recorded = {case.name: record(case, now) for case in cases}
    bare = record(next(case for case in CASES if case.name == "get order"), now)
    seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for case in cases:
            found = run(
                f"functions.{case.function}", recorded[case.name], bare=bare, requests=requests, forget=case.forget
            )
            assert found["status"] == case.status, f"{case.name}: {found['status']}"
            found["ratio"] = found["warm"] / found["bare"]
            for kind, value in found.items():
                seen[case.name][kind].append(value)
    return {name: {kind: statistics.median(values) for kind, values in kinds.items()} for name, kinds in seen.items()}
