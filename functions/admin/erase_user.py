"""An operator has a person forgotten who asked for it elsewhere than in the app: `make erase`."""

import time
from typing import Any

from shared.commands.erasure import erase
from shared.handlers.background import background_handler
from shared.store import audit_log

# Left for the last step.
_MARGIN_SECONDS = 30


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """Forget the user of `{"user_id", "operator_id", "reason"}`; again, after whatever failed, it goes on.

    Fails on Busy, Unavailable, and on TooOften where the operator is the user: the log's `failed` says on which.
    """
    action = audit_log.new(event["operator_id"], "data_erased", event["reason"], user_id=event["user_id"])
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
    erase(event["user_id"], action, until=until)
