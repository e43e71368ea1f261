"""Business metrics of the marketplace that a change of an order adds to: counts, roubles, durations."""

from typing import NamedTuple

from shared.domain.order import Order, Status, refunds

_ENDS = {
    Status.EXPIRED: "OrdersExpired",
    Status.COMPLETED: "OrdersCompleted",
    Status.DELETED: "OrdersDeleted",
    Status.CLOSED_NO_RESPONSE: "OrdersClosed",
}


class BusinessMetric(NamedTuple):
    """One value of a metric. `unit` is a CloudWatch unit."""

    name: str
    value: int
    unit: str = "Count"


def of_change(before: Order | None, after: Order) -> list[BusinessMetric]:
    """Return the metrics of one change, from two stored states of an order. Whole roubles and milliseconds."""
    if before is None:
        return [BusinessMetric("OrdersCreated", 1)]
    found = []
    takes = [take for executor, take in after.takes.items() if executor not in before.takes]
    if takes:
        found += [
            BusinessMetric("OrdersTaken", len(takes)),
            BusinessMetric("RoublesSpent", sum(take.price for take in takes)),
        ]
        if not before.takes:
            first = min(take.taken_at for take in takes)
            found.append(BusinessMetric("TimeToFirstTake", first - after.created_at, "Milliseconds"))
    if after.responded_at is not None and before.responded_at is None:
        found.append(BusinessMetric("OrdersAnswered", 1))
    if after.status is not before.status:
        found.append(BusinessMetric(_ENDS[after.status], 1))
    if given_back := refunds(before, after):
        found.append(BusinessMetric("RoublesRefunded", sum(take.price for take in given_back)))
    return found
