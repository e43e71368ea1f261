"""The table's stream: an order changed. A new deadline gets its timer, and the trade's figures are counted."""

from typing import Any

from shared import clock
from shared.background import stream_handler
from shared.domain import figures
from shared.domain.order import deadlines
from shared.observability import metrics
from shared.store import schedules, stream


def schedule_deadlines(record: dict[str, Any]) -> None:
    """Schedule the end of a new order's hour, and the end of its answer window once the first take started it.

    One CreateSchedule a deadline. One that passed already is left to the sweep. A record that comes twice counts twice.
    """
    before, after = stream.order_change(record)
    known = deadlines(before) if before else {}
    now = clock.now_ms()
    for deadline, at in deadlines(after).items():
        if known.get(deadline) != at and at > now:
            schedules.end_order_at(after.id, deadline, at)
    for figure in figures.of_change(before, after):
        metrics.add_metric(figure.name, figure.unit, figure.value)


handler = stream_handler(schedule_deadlines)
