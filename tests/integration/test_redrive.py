"""`make redrive` on the running service: dead letters of queues, timers and the stream are handled once more."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infra.local.aws import ACCOUNT, REGION
from tests.api import ROOT
from tests.integration.service import Service, wait_until
from tests.integration.test_notifications import heard, listener, sent

NOBODYS = "AAAAAAAAAAAA"
"""The id of an order that never existed."""


def redrive(service: Service) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "LOCAL_DATA_DIR": str(service.data_dir)}
    return subprocess.run(
        [sys.executable, "-m", "infra.operate.redrive"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def set_aside(service: Service, queue: str, body: Any) -> None:
    service.aws("sqs").send_message(QueueUrl=service.name(queue), MessageBody=json.dumps(body))


def left(service: Service, queue: str) -> int:
    """The number of messages in a queue."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = service.aws("sqs").get_queue_attributes(QueueUrl=service.name(queue), AttributeNames=names)
    return sum(int(count) for count in found["Attributes"].values())


def arn(service: Service, function: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{service.name(function)}"


def records(service: Service) -> tuple[str, str, list[dict[str, Any]]]:
    """The table's stream, its shard and its records."""
    streams = service.aws("dynamodbstreams")
    [stream] = streams.list_streams()["Streams"]
    [shard] = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[dict[str, Any]] = []
    while page := streams.get_records(ShardIterator=iterator):
        found += page["Records"]
        iterator = page["NextShardIterator"]
        if not page["Records"]:
            break
    return stream["StreamArn"], shard["ShardId"], found


def failed_batch(service: Service, function: str, first: str, last: str) -> dict[str, Any]:
    """What Lambda sets aside of a stream: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html."""
    stream, shard, _ = records(service)
    return {
        "requestContext": {"functionArn": arn(service, function), "condition": "RetryAttemptsExhausted"},
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": first,
            "endSequenceNumber": last,
            "approximateArrivalOfFirstRecord": "2026-09-21T14:13:20Z",
            "batchSize": 1,
            "streamArn": stream,
        },
    }


@contextmanager
def switched_off(service: Service, function: str) -> Iterator[None]:
    """Stop the deliveries of a queue to its function."""
    functions = service.aws("lambda")
    [source] = functions.list_event_source_mappings(FunctionName=service.name(function))["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)


def test_news_of_a_failed_record_arrives_after_a_redrive(service: Service) -> None:
    """L9: the pointer spans records of other items, which the function must not get."""
    city = "Псков"
    first_listener = listener(service, city=city)
    order = service.order(service.user(), city=city)
    heard(service, first_listener, "Новый заказ")
    late = listener(service, city=city)
    _, _, found = records(service)
    numbers = [record["dynamodb"]["SequenceNumber"] for record in found]
    of_order = [
        record["dynamodb"]["SequenceNumber"]
        for record in found
        if record["dynamodb"]["Keys"] == {"pk": {"S": f"ORDER#{order['id']}"}, "sk": {"S": "ORDER"}}
    ]
    at = numbers.index(of_order[0])
    set_aside(service, "StreamDeadLetters", failed_batch(service, "OrderChanged", numbers[at - 1], numbers[-1]))
    done = redrive(service)
    assert (done.returncode, done.stderr) == (0, "")
    assert "StreamDeadLetters: 1 redriven, 0 failed again, 0 gone." in done.stdout
    heard(service, late, "Новый заказ")
    assert len(sent(service, first_listener)) == 1
    assert left(service, "StreamDeadLetters") == 0


def test_records_that_the_stream_has_no_more_are_given_up(service: Service) -> None:
    set_aside(service, "StreamDeadLetters", failed_batch(service, "OrderChanged", f"{1:021}", f"{1:021}"))
    done = redrive(service)
    assert done.returncode == 1
    assert "the stream no longer has records of 2026-09-21T14:13:20Z" in done.stderr
    assert left(service, "StreamDeadLetters") == 0


def test_timers_that_failed_run_again(service: Service) -> None:
    """Of the scheduler, the bare event; of Lambda, the event with its function."""
    set_aside(service, "TimerDeadLetters", {"order_id": NOBODYS, "due_at": 0})
    set_aside(
        service,
        "TimerDeadLetters",
        {"requestContext": {"functionArn": f"{arn(service, 'Sweep')}:live"}, "requestPayload": {}},
    )
    done = redrive(service)
    assert (done.returncode, done.stderr) == (0, "")
    assert "TimerDeadLetters: 2 redriven, 0 failed again, 0 gone." in done.stdout
    assert left(service, "TimerDeadLetters") == 0


def test_message_of_a_queue_goes_back_to_its_queue(service: Service) -> None:
    client, executor = service.user(), service.user()
    order = service.order(client)
    service.recharge(executor, 2)
    with switched_off(service, "SendNotice"):
        assert service.take(executor, order["id"]).status == 200
        sqs, notices = service.aws("sqs"), service.name("Notices")

        def given_up() -> bool:
            for _ in range(20):  # each receive counts
                sqs.receive_message(QueueUrl=notices, VisibilityTimeout=0)
            return left(service, "NotificationDeadLetters") > 0

        wait_until(given_up)
        assert sent(service, client) == []
    done = redrive(service)
    assert (done.returncode, done.stderr) == (0, "")
    heard(service, client, "взял исполнитель")
    assert left(service, "NotificationDeadLetters") == 0
