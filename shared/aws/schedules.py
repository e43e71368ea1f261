"""One-time EventBridge schedules: what ends an order soon after its deadline. AWS promises the minute."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from shared.aws import clients
from shared.domain.order import Deadline
from shared.settings import schedule_settings

if TYPE_CHECKING:
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient

# The invocation is tried this long, then it goes to the dead letters; the sweep ended the order long before.
_KEEP_TRYING_SECONDS = 3600


@clients.created_at_init
def client() -> "EventBridgeSchedulerClient":
    """The scheduler's client."""
    return cast("EventBridgeSchedulerClient", clients.client("scheduler", read_timeout=3, validate=True))


def end_order_at(order_id: str, deadline: Deadline, at: int) -> None:
    """Have `functions/scheduled/end_due_order` called for the order at `at`, epoch ms, rounded up to the second.

    One CreateSchedule; a schedule that exists is fine, it was made of the same record. What else fails passes through,
    so that the stream delivers the record again.
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
                # No contact, no name: a payload is read by whoever reads schedules (I18).
                "Input": json.dumps({"order_id": order_id, "due_at": at}),
                "RetryPolicy": {"MaximumEventAgeInSeconds": _KEEP_TRYING_SECONDS},
                "DeadLetterConfig": {"Arn": settings.dead_letters_arn},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
