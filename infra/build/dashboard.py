"""Write the dashboard's body into template.yaml: `python -m infra.build.dashboard`.

CloudWatch reads the body as JSON with a position for each widget. The description below has only what differs.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
WIDTH, HEIGHT = 8, 6  # of a widget; CloudWatch's grid is 24 wide
PERIOD = 60  # seconds
_BODY = re.compile(r"(?m)^      DashboardBody: !Sub \|\n(?:        .*\n)+")

Metric = list[Any]
"""Namespace, metric, name and value of its dimension if it has one, and the statistic."""


@dataclass(frozen=True, slots=True)
class Widget:
    """A chart: its title, with the unit, and its lines."""

    title: str
    metrics: list[Metric]


def ours(stat: str, *names: str) -> list[Metric]:
    """Metrics that the functions write themselves, of this stage."""
    return [["UrgentServices", name, "service", "urgent-services-${Stage}", {"stat": stat}] for name in names]


def gateway(stat: str, *names: str) -> list[Metric]:
    return [["AWS/ApiGateway", name, "ApiId", "${Api}", {"stat": stat}] for name in names]


def table(stat: str, *names: str) -> list[Metric]:
    return [["AWS/DynamoDB", name, "TableName", "${Table}", {"stat": stat}] for name in names]


def account(stat: str, *names: str) -> list[Metric]:
    """Metrics of all Lambda functions of the account, whatever their stage: Lambda's limits are the account's."""
    return [["AWS/Lambda", name, {"stat": stat}] for name in names]


def function(stat: str, name: str, logical_id: str) -> list[Metric]:
    return [["AWS/Lambda", name, "FunctionName", f"${{{logical_id}}}", {"stat": stat}]]


def queues(stat: str, name: str, *logical_ids: str) -> list[Metric]:
    return [["AWS/SQS", name, "QueueName", f"${{{queue}.QueueName}}", {"stat": stat}] for queue in logical_ids]


ROWS = [
    [
        Widget(
            "Orders",
            ours(
                "Sum",
                "OrdersCreated",
                "OrdersTaken",
                "OrdersAnswered",
                "OrdersCompleted",
                "OrdersExpired",
                "OrdersClosed",
                "OrdersDeleted",
            ),
        ),
        Widget("Roubles", ours("Sum", "RoublesIn", "RoublesSpent", "RoublesRefunded", "RoublesOut")),
        Widget(
            "Time from creation to the first take, ms", ours("p50", "TimeToFirstTake") + ours("p90", "TimeToFirstTake")
        ),
    ],
    [
        Widget("Requests", gateway("Sum", "Count", "4xx", "5xx") + ours("Sum", "TooOften")),
        Widget("Latency of requests, ms", gateway("p50", "Latency") + gateway("p99", "Latency")),
        Widget(
            "Failures, most with an alarm",
            ours(
                "Sum",
                "UnknownError",
                "BackgroundFailures",
                "SweepFailures",
                "Breaches",
                "ChargesRefused",
                "PaymentsRefused",
                "Debts",
                "ThreadsOverdue",
                "PaymentCheckFailures",
                "Unavailable",
                "StaleSecrets",
                "ProviderErrors",
            ),
        ),
    ],
    [
        Widget(
            "Table: throttling, conflicts, capacity units",
            table(
                "Sum",
                "ReadThrottleEvents",
                "WriteThrottleEvents",
                "TransactionConflict",
                "ConsumedReadCapacityUnits",
                "ConsumedWriteCapacityUnits",
            ),
        ),
        Widget("Functions", account("Maximum", "ConcurrentExecutions") + account("Sum", "Throttles", "Errors")),
        Widget(
            "Messages in dead-letter queues",
            queues(
                "Maximum",
                "ApproximateNumberOfMessagesVisible",
                "TimerDeadLetters",
                "StreamDeadLetters",
                "NotificationDeadLetters",
            ),
        ),
    ],
    [
        Widget("Notifications", ours("Sum", "NotificationsSent", "Collected", "OffersQueued", "TelegramSaidTooMany")),
        Widget(
            "Notifications not sent, by reason",
            ours(
                "Sum",
                "DroppedEnded",
                "DroppedFilled",
                "DroppedUnreachable",
                "DroppedUnsubscribed",
                "DroppedAnswered",
                "DroppedLate",
                "DroppedRefused",
                "DroppedInDoubt",
            ),
        ),
        Widget(
            "Time from creation to the first notification, ms",
            ours("p50", "FirstNotificationAge") + ours("p90", "FirstNotificationAge"),
        ),
    ],
    [
        Widget(
            "Delay of queue messages, ms",
            ours("Maximum", "NewOrdersAge", "OffersAge", "NoticesAge", "AnswersAge", "FramesAge"),
        ),
        Widget(
            "Age of the oldest queue message, s",
            queues(
                "Maximum",
                "ApproximateAgeOfOldestMessage",
                "NewOrders",
                "Offers",
                "Notices",
                "Answers",
                "PersonalFrames",
                "ListFrames",
                "AllCitiesFrames",
            ),
        ),
        Widget("Delay of the stream, ms", function("Maximum", "IteratorAge", "OrderChanged")),
    ],
    [
        Widget("Live updates", ours("Sum", "FramesSent", "ToldToPoll")),
    ],
    [
        Widget(
            "Support threads",
            ours("Maximum", "ThreadsWaiting", "ThreadsAnswered")
            + ours("Sum", "ThreadMessages", "ThreadMessagesRefused"),
        ),
        Widget("Longest wait of a support thread, ms", ours("Maximum", "LongestThreadWait")),
        Widget(
            "Time to the first answer of an operator, ms",
            ours("p50", "FirstAnswerTime") + ours("p90", "FirstAnswerTime"),
        ),
    ],
]


def body() -> str:
    """The dashboard's JSON, a line for each metric."""
    widgets = [
        _widget(widget, x=column * WIDTH, y=row * HEIGHT)
        for row, widgets in enumerate(ROWS)
        for column, widget in enumerate(widgets)
    ]
    return '{"widgets": [\n' + ",\n".join(widgets) + "\n]}\n"


def _widget(widget: Widget, x: int, y: int) -> str:
    place = json.dumps({"type": "metric", "x": x, "y": y, "width": WIDTH, "height": HEIGHT})
    about = json.dumps({"title": widget.title, "region": "${AWS::Region}", "period": PERIOD})
    lines = ",\n".join(f"    {json.dumps(metric)}" for metric in widget.metrics)
    return f'  {place[:-1]}, "properties": {{\n    {about[1:-1]}, "metrics": [\n{lines}\n  ]}}}}'


def written(template: str) -> str:
    """The template with the body in its place."""
    lines = "".join(f"        {line}\n" for line in body().splitlines())
    result, found = _BODY.subn(lambda _: f"      DashboardBody: !Sub |\n{lines}", template)
    if found != 1:
        raise ValueError(f"template.yaml has {found} places for the dashboard's body.")
    return result


def main() -> int:
    TEMPLATE.write_text(written(TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
