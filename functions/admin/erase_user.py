"""Erase a person's data at an operator's command (`make erase`), for a request that came from outside the app."""

import time
from typing import Any

from shared.commands.erasure import erase
from shared.handlers.background import background_handler
from shared.store import audit_log

# Left for the last step to end in.
_MARGIN_SECONDS = 30


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """Erase the user of `{"user_id", "operator_id", "reason"}`. Idempotent: a repeated call continues after a failure.

    As many calls as `erase`. Fails on Busy, Unavailable, and on TooOften when the operator is the user. The log line
    `failed` names the error.
    """
    action = audit_log.new(event["operator_id"], "data_erased", event["reason"], user_id=event["user_id"])
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
    erase(event["user_id"], action, until=until)
