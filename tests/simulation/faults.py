"""The faults of AWS calls (F1-F20): their choice, their injection and their counts.

A seed has a rate and a subset of the faults: none, few or many, so that rare combinations occur. Each injected fault
is counted by its call site, which is the function and the operation.
"""

from collections import Counter
from dataclasses import dataclass
from random import Random

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
_WRITES = frozenset({"UpdateItem", "TransactWriteItems"})
_ALL = _READS | _WRITES | {"CreateSchedule", "SendMessageBatch"}

# Each fault, with the operations that it can affect.
APPLIES_TO: dict[str, frozenset[str]] = {
    "F1 crash before": _ALL,
    "F2 crash after": _ALL,
    "F3 response lost": _ALL,
    "F4 lands late": _WRITES,
    "F5 throttled": _ALL,
    "F6 conflict": _WRITES,
    "F7 in progress": frozenset({"TransactWriteItems"}),
    "F8 500": _ALL,
    "F8 500, applied": _ALL,
    "F10 again after 11 minutes": frozenset({"TransactWriteItems"}),
    "F15 clock steps": _ALL,
    "F19 timeout after": _ALL,
    "F26 small page": frozenset({"BatchGetItem", "Query", "Scan"}),
}

# A call meets each fault about once in 150 times. After so many calls, a fault that was never met is a defect here.
_OFTEN = 2_500

# Faults of requests and events, not of AWS calls.
OTHERS = (
    "F11 request again at once",
    "F11 request again later",
    "F12 timer again",
    "F12 timer early",
    "F12 timer late",
    "F13 schedule lost",
    "F13 schedule exists",
    "F15 clock jumps",
    "F16 stale read",
    "F16 torn batch",
    "F17 TTL late",
    "F17 TTL on time",
    "F18 batch partly failed",
    "F18 record again",
    "F18 records interleaved",
    "F20 redriven",
    "F25 parameter store down",
    "sweep lost",
    "stream record lost",
)

# Faults of payments, in the seeds that have payments.
PAYMENT_FAULTS = (
    "F24 provider in trouble",
    "F24 webhook lost",
    "F24 webhook late",
    "F24 webhook again",
    "F24 forged",
    "F24 check lost",
    "F24 list lags",
)


@dataclass(slots=True)
class Faults:
    """The faults of one seed. `rate` is the probability that a call meets one.

    `calls` counts the calls that could meet a fault, by site. `hits` counts the faults, by (fault, site).
    """

    random: Random
    calls: Counter[str]
    hits: Counter[tuple[str, str]]
    rate: float
    chosen: frozenset[str]

    @classmethod
    def of(cls, dice: Random, calls: Counter[str], hits: Counter[tuple[str, str]]) -> "Faults":
        """Choose the faults of a seed with its random numbers."""
        rate = dice.choice((0.0, 0.02, 0.05, 0.05, 0.1, 0.1, 0.25, 0.6))
        share = dice.choice((0.2, 0.5, 1.0))
        return cls(dice, calls, hits, rate, frozenset(kind for kind in (*APPLIES_TO, *OTHERS) if dice.random() < share))

    def stop(self) -> None:
        """Stop all faults."""
        self.rate = 0.0
        self.chosen = frozenset()

    def of_call(self, operation: str, site: str) -> str | None:
        """Return the fault that this call meets, or None."""
        if self.random.random() >= self.rate:
            return None
        possible = [kind for kind, operations in APPLIES_TO.items() if operation in operations and kind in self.chosen]
        if not possible:
            return None
        kind = self.random.choice(possible)
        self.hits[kind, site] += 1
        return kind

    def happens(self, kind: str, probability: float, site: str = "") -> bool:
        """Whether a fault of OTHERS happens now: with `probability` if the seed chose it, otherwise never."""
        if kind not in self.chosen or self.random.random() >= probability:
            return False
        self.hits[kind, site] += 1
        return True


def call_sites(hits: Counter[tuple[str, str]]) -> dict[str, Counter[str]]:
    """Return the hits by fault, then by call site."""
    found: dict[str, Counter[str]] = {}
    for (kind, site), count in sorted(hits.items()):
        found.setdefault(kind, Counter())[site] += count
    return found


def missed(calls: Counter[str], hits: Counter[tuple[str, str]]) -> list[str]:
    """Find faults that never hit a possible call site, although it was called often enough."""
    often = sorted(site for site, count in calls.items() if count >= _OFTEN)
    return [
        f"{kind} at {site}"
        for site in often
        for kind, operations in APPLIES_TO.items()
        if site.rpartition(" ")[2] in operations and not hits[kind, site]
    ] + [kind for kind in (*OTHERS, *PAYMENT_FAULTS) if not any(hit == kind for hit, _ in hits)]
