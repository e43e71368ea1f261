"""An operator exports what is kept of a person who asked for it elsewhere than in the app: `make export`."""

from typing import Any

from shared import clock
from shared.commands.audit_log import record
from shared.handlers.background import background_handler
from shared.http.schemas import export_view
from shared.store import audit_log, people


@background_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What is kept of the user of `{"user_id", "operator_id", "reason"}`; looking is put into the trail first.

    Fails on Busy, Unavailable: the log's `failed` says on which.
    """
    record(audit_log.new(event["operator_id"], "data_exported", event["reason"], user_id=event["user_id"]))
    return export_view(people.read(event["user_id"]), clock.now_ms())
