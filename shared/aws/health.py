"""What operators see of the background work: how full its queues are, how old, and which alarms ring."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import clients, queues
from shared.service_errors import Unavailable

# CloudWatch has the age of a queue's oldest message by the minute, some minutes late.
_AGE_MINUTES = 10
_REDRIVEN_AT_ONCE = 100
_BATCH = 10
# Longer than the function runs: a message is not received twice by one request.
_HIDDEN_SECONDS = 60


class Depth(NamedTuple):
    """How many messages of a queue wait, and how many are being handled. SQS's figures are approximate."""

    waiting: int
    in_flight: int


class Alarm(NamedTuple):
    """An alarm, its state and since when it has it, epoch ms."""

    name: str
    state: str
    since: int


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Unavailable from error


@cache
def _cloudwatch() -> Any:
    return clients.client("cloudwatch", read_timeout=3)


@_translated()
def depth(url: str) -> Depth:
    """Return how full a queue is. One GetQueueAttributes. Raises Unavailable."""
    found = queues.client().get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return Depth(int(found["ApproximateNumberOfMessages"]), int(found["ApproximateNumberOfMessagesNotVisible"]))


@_translated()
def ages(urls: Mapping[str, str], now: int) -> dict[str, int]:
    """Return the age of the oldest message, in seconds, by the queue's name, as CloudWatch has it at `now` (epoch ms).

    A queue of which it has no age is missing. One GetMetricData. Raises Unavailable.
    """
    end = datetime.fromtimestamp(now / 1000, UTC)
    names = list(urls)
    queries = [
        {
            "Id": f"queue{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": urls[name].rpartition("/")[2]}],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for number, name in enumerate(names)
    ]
    start = end - timedelta(minutes=_AGE_MINUTES)
    answer = _cloudwatch().get_metric_data(
        MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampDescending"
    )
    results = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    found = {name: results.get(f"queue{number}") for number, name in enumerate(names)}
    return {name: round(values[0]) for name, values in found.items() if values}


@_translated()
def alarms(prefix: str) -> list[Alarm]:
    """Return the alarms whose names begin with the prefix. One DescribeAlarms per hundred. Raises Unavailable."""
    found: list[Alarm] = []
    request: dict[str, Any] = {"AlarmNamePrefix": prefix, "AlarmTypes": ["MetricAlarm"], "MaxRecords": 100}
    while True:
        page = _cloudwatch().describe_alarms(**request)
        for alarm in page["MetricAlarms"]:
            since = round(alarm["StateUpdatedTimestamp"].timestamp() * 1000)
            found.append(Alarm(alarm["AlarmName"], alarm["StateValue"], since))
        if "NextToken" not in page:
            return found
        request["NextToken"] = page["NextToken"]


@_translated()
def redrive(url: str, sources: Iterable[str]) -> tuple[int, int]:
    """Send messages of a dead letter queue back to the queues that they came from, at most a hundred.

    `sources` are the URLs of these queues. Returns how many were sent back, and how many came from no such queue and
    stay. A message that is sent back and not deleted is sent back again later; its handler is idempotent. A
    ReceiveMessage, a SendMessageBatch and a DeleteMessage for each message. Raises Unavailable.
    """
    by_name = {source.rpartition("/")[2]: source for source in sources}
    sqs, done, failed = queues.client(), 0, 0
    while done + failed < _REDRIVEN_AT_ONCE:
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=_HIDDEN_SECONDS,
            AttributeNames=["DeadLetterQueueSourceArn"],  # type: ignore[list-item]
        ).get("Messages", [])
        if not received:
            break
        for message in received:
            source = by_name.get(message.get("Attributes", {}).get("DeadLetterQueueSourceArn", "").rpartition(":")[2])
            if source is None:
                failed += 1
                continue
            entry = {"Id": "0", "MessageBody": message["Body"]}
            if sqs.send_message_batch(QueueUrl=source, Entries=[entry]).get("Failed"):  # type: ignore[list-item]
                raise Unavailable
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            done += 1
    return done, failed
