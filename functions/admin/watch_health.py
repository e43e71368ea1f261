"""GET /api/admin/health and POST /api/admin/redrive: show operators the background work, and repeat what failed."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from shared import clock
from shared.aws import health
from shared.commands.audit_log import record
from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import ReasonText, View, iso
from shared.settings import dead_letter_queues, settings, watched_queues
from shared.store import audit_log

router = APIRouter(tags=["admin"])

# The messages of the others name functions to invoke or records to read: `make redrive` handles them.
_REDRIVEN = "NotificationDeadLetters"


class QueueView(View):
    """A queue: messages that wait and that are being handled, the age of the oldest in seconds; null if unknown."""

    name: str
    waiting: int
    in_flight: int
    oldest_seconds: int | None


class DeadLettersView(View):
    """A queue of messages that failed for good. `redrivable`: `POST /api/admin/redrive` takes it."""

    name: str
    count: int
    redrivable: bool


class AlarmView(View):
    """An alarm. `since`: when it got this state, ISO 8601, UTC."""

    name: str
    state: Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
    since: str


class HealthView(View):
    """The queues, the dead letters and the alarms of the stage. The figures of queues are approximate."""

    queues: list[QueueView]
    dead_letters: list[DeadLettersView]
    alarms: list[AlarmView]


class Redrive(BaseModel):
    """The queue of dead letters whose messages are handled once more, and the reason for the audit log."""

    queue: Literal["NotificationDeadLetters"]
    reason: ReasonText


class RedrivenView(View):
    """How many messages went back to their queues, how many could not, and how many are left."""

    redriven: int
    failed: int
    left: int


@router.get(
    "/api/admin/health",
    operation_id="get_background_health",
    summary="Show queues, dead letters and alarms",
    response_model=HealthView,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def get_health(operator: Operator) -> dict[str, object]:
    """The age of a queue's oldest message is some minutes old."""
    depths = {name: health.depth(url) for name, url in watched_queues().items()}
    dead = {name: health.depth(url) for name, url in dead_letter_queues().items()}
    ages = health.ages(watched_queues(), clock.now_ms())
    alarms = health.alarms(f"urgent-services-{settings().stage}-")
    return {
        "queues": [
            {"name": name, "waiting": found.waiting, "in_flight": found.in_flight, "oldest_seconds": ages.get(name)}
            for name, found in depths.items()
        ],
        "dead_letters": [
            {"name": name, "count": found.waiting + found.in_flight, "redrivable": name == _REDRIVEN}
            for name, found in dead.items()
        ],
        "alarms": [{"name": alarm.name, "state": alarm.state, "since": iso(alarm.since)} for alarm in alarms],
    }


@router.post(
    "/api/admin/redrive",
    operation_id="redrive",
    summary="Handle failed messages once more",
    response_model=RedrivenView,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def redrive(wanted: Redrive, operator: Operator) -> dict[str, object]:
    """Sends up to a hundred messages back to their queues. Repeat the request while some are `left`.

    What these messages lead to is idempotent, so repeating it is safe. `make redrive` handles the other two queues of
    dead letters.
    """
    record(audit_log.new(operator.id, "messages_redriven", wanted.reason))
    url = dead_letter_queues()[wanted.queue]
    redriven, failed = health.redrive(url, watched_queues().values())
    left = health.depth(url)
    return {"redriven": redriven, "failed": failed, "left": left.waiting + left.in_flight}


handler = http_handler(router)
