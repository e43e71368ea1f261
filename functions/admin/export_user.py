"""Export a person's data at an operator's command (`make export`), for a request that came from outside the app."""

from typing import Any

from pydantic import validate_call

from shared import clock
from shared.commands.audit_log import record
from shared.domain.person import PAGE
from shared.handlers.background import background_handler
from shared.http.schemas import ReasonText, UserId, export_view, position_at
from shared.store import audit_log, people


@background_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return a page of the stored data of the user of `{"user_id", "operator_id", "reason", "cursor"}`.

    `cursor` is the `next_cursor` of the page before, absent or None for the first. Each page is recorded in the audit
    log first, so that none is read without a record. As many calls as `record` and `people.page`. Fails on Busy,
    Unavailable. The log line `failed` names the error.
    """
    return _export(**event)


@validate_call
def _export(user_id: UserId, operator_id: UserId, reason: ReasonText, cursor: str | None = None) -> dict[str, Any]:
    record(audit_log.new(operator_id, "data_exported", reason, user_id=user_id))
    person, following = people.page(user_id, start=position_at(cursor), limit=PAGE)
    return export_view(person, following, clock.now_ms())
