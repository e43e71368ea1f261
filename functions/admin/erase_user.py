"""Erase a person's data at an operator's command (`make erase`), for a request that came from outside the app."""

import time
from typing import Any

from pydantic import validate_call

from shared.commands.erasure import erase
from shared.handlers.background import background_handler
from shared.http.schemas import ReasonText, UserId
from shared.store import audit_log

# Left for the last step to end in.
_MARGIN_SECONDS = 30


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """Erase the user of `{"user_id", "operator_id", "reason"}`. Idempotent: a repeated call continues after a failure.

    As many calls as `erase`. Fails on Busy, Unavailable, and on TooOften when the operator is the user. The log line
    `failed` names the error.
    """
    _erase(until=time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS, **event)


@validate_call
def _erase(user_id: UserId, operator_id: UserId, reason: ReasonText, *, until: float) -> None:
    erase(user_id, audit_log.new(operator_id, "data_erased", reason, user_id=user_id), until=until)
