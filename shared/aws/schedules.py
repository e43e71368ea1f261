"""One-time EventBridge schedules, which end an order soon after its deadline. AWS guarantees the minute only."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from shared.aws import clients
from shared.domain.order import Deadline
from shared.settings import schedule_settings

if TYPE_CHECKING:
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient

# EventBridge retries an invocation this long, then sends it to the dead-letter queue. The sweep ends the order before.
_RETRY_SECONDS = 3600


@clients.created_at_init
def client() -> "EventBridgeSchedulerClient":
    """Return the client of EventBridge Scheduler."""
    return cast("EventBridgeSchedulerClient", clients.client("scheduler", read_timeout=3, validate=True))


def end_order_at(order_id: str, deadline: Deadline, at: int) -> None:
    """Schedule `functions/scheduled/end_due_order.py` for the order at `at`, epoch ms, rounded up to the second.

    One CreateSchedule. Idempotent: an existing schedule is left alone, because it was created from the same record.
    Raises botocore's errors.
    """
    settings = schedule_settings()
    second = datetime.fromtimestamp(at // 1000, UTC) + timedelta(seconds=1 if at % 1000 else 0)
    try:
        client().create_schedule(
            Name=f"{order_id}-{deadline}",
            GroupName=settings.group,
            ScheduleExpression=f"at({second:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": settings.target_arn,
                "RoleArn": settings.role_arn,
                # The payload has no contact and no name, because everybody who may list schedules can read it (I18).
                "Input": json.dumps({"order_id": order_id, "due_at": at}),
                "RetryPolicy": {"MaximumEventAgeInSeconds": _RETRY_SECONDS},
                "DeadLetterConfig": {"Arn": settings.dead_letters_arn},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
