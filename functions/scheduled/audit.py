"""Reconcile the books every night, and at an operator's command."""

from dataclasses import asdict
from typing import Any

from shared import clock
from shared.domain.audit import Breach, breaches
from shared.handlers.background import background_handler
from shared.observability import logger, metrics
from shared.store import books

# A Scan is not a snapshot: an item that changes during it can look inconsistent. Only breaches found by all three
# scans are reported.
_SCANS = 3


@background_handler
def handler(event: dict[str, Any], context: Any) -> list[dict[str, str]]:
    """Return every breach that three scans of the table find. Each is logged and counted in the metric `Breaches`.

    One consistent Scan of the table; two more when the first finds a breach.
    """
    found = set(read_breaches())
    for _ in range(_SCANS - 1):
        if found:
            found.intersection_update(read_breaches())
    report = [asdict(breach) for breach in sorted(found)]
    for breach in report:
        logger.error("breach", extra=breach)
    metrics.add_metric("Breaches", "Count", len(found))
    return report


def read_breaches() -> list[Breach]:
    """Return the breaches that one consistent Scan of the table finds."""
    return breaches(books.read(), clock.now_ms())
