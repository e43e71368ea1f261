"""Export a person's data at an operator's command (`make export`), for a request that came from outside the app."""

from typing import Any

from shared import clock
from shared.commands.audit_log import record
from shared.handlers.background import background_handler
from shared.http.schemas import export_view
from shared.store import audit_log, people


@background_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the stored data of the user of `{"user_id", "operator_id", "reason"}`.

    The access is recorded in the audit log first. As many calls as `record` and `people.read`. Fails on Busy,
    Unavailable. The log line `failed` names the error.
    """
    record(audit_log.new(event["operator_id"], "data_exported", event["reason"], user_id=event["user_id"]))
    return export_view(people.read(event["user_id"]), clock.now_ms())
