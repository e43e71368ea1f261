"""(b) Measure the CPU time of a warm request and its parts, alternating with a handler of boto3 alone."""

import statistics
import time
from collections import defaultdict
from typing import NamedTuple

from tests.bench.cases import CASES, READ_ORDER, Case, Recorded, record
from tests.bench.measure import INSTALLED, PACKAGED, PACKAGED_PAGE, run
from tests.bench.peers import PEERS


class _Handler(NamedTuple):
    """A handler, the path of its dependencies, and the case that it answers."""

    module: str
    path: str
    case: Case


def measure(rounds: int, requests: int, only: set[str] | None = None) -> dict[str, dict[str, float]]:
    """Return medians by case: CPU ms `warm`, its parts `ours`, `frameworks`, `boto3`; `bare`; and the `ratio`.

    The peers follow "get order", in turns with it.
    """
    handlers = {}
    for case in CASES:
        path = PACKAGED_PAGE if case.function == "meta.get_docs" else PACKAGED
        handlers[case.name] = _Handler(f"functions.{case.function}", path, case)
        if case is READ_ORDER:
            handlers |= {peer_row(peer): _Handler(module, INSTALLED, case) for peer, module in PEERS.items()}
    bare = _recorded(READ_ORDER)
    seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for name, (module, path, case) in handlers.items():
            if only is not None and name not in only:
                continue
            # Recorded anew for each round: a repeated order is the same request for a minute only.
            found = run(module, _recorded(case), bare=bare, requests=requests, forget=case.forget, path=path)
            assert found["status"] == case.status, f"{name}: {found['status']}"
            found["ratio"] = found["warm"] / found["bare"]
            for kind, value in found.items():
                seen[name][kind].append(value)
    return {name: {kind: statistics.median(values) for kind, values in kinds.items()} for name, kinds in seen.items()}


def peer_row(peer: str) -> str:
    """Return the name of a peer's measurement."""
    return f"{READ_ORDER.name}: {peer}"


def _recorded(case: Case) -> Recorded:
    return record(case, time.time_ns() // 1_000_000)
