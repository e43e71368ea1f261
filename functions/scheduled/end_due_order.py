"""Run the one-time schedules of an order: the end of its hour, and the end of its response window."""

from typing import Any

from shared.commands import end_due
from shared.handlers.background import background_handler


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """End the order of `{"order_id", "due_at"}` if the deadline, in epoch ms, still stands.

    Idempotent: a second or late call, or a call after the order ended otherwise, changes nothing. An early call fails
    and is retried (L6). As many calls as `end_due.end_if_due`.
    """
    end_due.end_if_due(event["order_id"], not_before=event["due_at"])
