"""Reconcile the books every night, and at an operator's command; compute the metrics of days from the same Scan."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

from shared import clock
from shared.domain.audit import Breach, breaches
from shared.domain.stats import MoneyOfDays
from shared.handlers.background import background_handler
from shared.observability import best_effort, logger, metrics
from shared.store import books

# A Scan is not a snapshot: an item that changes during it can look inconsistent. Only breaches found by all three
# scans, with the same difference, are reported.
_SCANS = 3
# A defect can break all books at once. The first breaches show it; more would not fit into memory and the response.
_MOST_COMPARED = 10_000
_MOST_REPORTED = 1000


@background_handler
def handler(event: dict[str, Any], context: Any) -> list[dict[str, str]]:
    """Return every breach that three scans of the table find. Each is logged and counted in the metric `Breaches`.

    After 1000 breaches, the last one says how many more there are; 10 000 are counted at most. One consistent Scan of
    the table, from which the metrics of days are written: one PutItem per item that changed; their failure fails no
    audit, and they take at most half of its time. Two more Scans when the first finds a breach.
    """
    half_time = clock.now_ms() + context.get_remaining_time_in_millis() // 2
    found = set(islice(read_breaches(save_until=half_time), _MOST_COMPARED))
    for _ in range(_SCANS - 1):
        if found:
            found.intersection_update(read_breaches())
    report = [asdict(breach) for breach in _cut(sorted(found))]
    for breach in report:
        logger.error("breach", extra=breach)
    metrics.add_metric("Breaches", "Count", len(found))
    return report


def read_breaches(*, save_until: int | None = None) -> Iterator[Breach]:
    """Yield the breaches that one consistent Scan of the table finds. Then save the metrics until a time, epoch ms.

    A day whose money differs from the ledger stays as it is stored, as the evidence of the breach.
    """
    now = clock.now_ms()
    with books.read() as read:
        money = MoneyOfDays(read.metrics.saved(), now)
        yield from breaches(money.watch(read), now)
        wrong = money.differences()
        for of_day in wrong.values():
            yield from of_day
        if save_until is not None:
            with best_effort():
                read.metrics.save(money, set(wrong), now, has_time=lambda: clock.now_ms() < save_until)


def _cut(found: list[Breach]) -> list[Breach]:
    if len(found) <= _MOST_REPORTED:
        return found
    left = len(found) - _MOST_REPORTED
    return [*found[:_MOST_REPORTED], Breach("audit", "everybody", f"{left} more breaches are not listed")]
