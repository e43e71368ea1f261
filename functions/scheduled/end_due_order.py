"""The one-time schedules of an order: its hour ends, or its answer window does."""

from typing import Any

from shared.commands import end_due
from shared.handlers.background import background_handler


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """End the order of `{"order_id", "due_at"}` if the deadline, in epoch ms, still stands.

    Twice, late, or after the order ended otherwise, it changes nothing; early, it fails and comes again (L6).
    """
    end_due.end_if_due(event["order_id"], not_before=event["due_at"])
