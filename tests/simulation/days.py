"""Compare the stored metrics of days with the plain reference (I32)."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from shared.domain.stats import bucket_of
from tests.fakes.dynamodb import Key
from tests.metrics.reference import Cell, Reference, day_of
from tests.simulation.records import Plain


def wrong_day(items: Mapping[Key, Plain], now: int) -> str | None:
    """Return what is wrong with the metrics of a day before that of `now` (epoch ms); None if nothing is.

    The table has every order still, and was audited after the last change.
    """
    reference = Reference(items.values(), now)
    for day in sorted({day_of(order["created_at"]) for order in reference.orders.values()} - {day_of(now)}):
        for cell in reference.cells(day):
            expected = reference.figures(day, cell)
            if cell == (None, None):
                expected |= reference.money(day)
            stored = items.get((f"STATS#{day}", f"STATS#{cell[0]}" if cell[0] else "STATS"))
            found = _figures(stored, cell)
            if found != (wanted := _stored_form(expected)):
                return f"{day} {cell} is {found}, the reference has {wanted}"
    return None


def _figures(item: Plain | None, cell: Cell) -> dict[str, Any] | None:
    if item is None or (cell[1] or "*") not in item["cells"]:
        return None
    found: dict[str, Any] = json.loads(item["cells"][cell[1] or "*"])
    found.pop("listening")
    return found


def _stored_form(expected: dict[str, Any]) -> dict[str, Any]:
    """The figures as the JSON of a cell has them: durations by bucket, and nothing that is 0."""
    for name in ("first_take", "respond"):
        expected[name] = Counter(str(bucket_of(seconds)) for seconds in expected[name])
    expected["hours"] = {str(hour): counts for hour, counts in expected["hours"].items()}
    return {name: value for name, value in expected.items() if value}
