"""Every night, and whenever an operator asks: are the books right?"""

from dataclasses import asdict
from typing import Any

from shared import clock
from shared.domain.audit import Breach, breaches
from shared.handlers.background import background_handler
from shared.observability import logger, metrics
from shared.store import books

# A reading is no snapshot: what moved while it passed looks wrong once. What is wrong stays so.
_READINGS = 3


@background_handler
def handler(event: dict[str, Any], context: Any) -> list[dict[str, str]]:
    """Every breach that stands in each of three readings: a log line and a count in the metric `Breaches`, and listed.

    One consistent Scan of the table, two more where it finds anything.
    """
    found = set(read_breaches())
    for _ in range(_READINGS - 1):
        if found:
            found.intersection_update(read_breaches())
    told = [asdict(breach) for breach in sorted(found)]
    for breach in told:
        logger.error("breach", extra=breach)
    metrics.add_metric("Breaches", "Count", len(found))
    return told


def read_breaches() -> list[Breach]:
    """The breaches of one reading of the table."""
    return breaches(books.read(), clock.now_ms())
