"""Operators see the queues, the dead letters and the alarms, and have failed messages handled once more."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from shared import settings
from shared.aws import health, queues
from shared.aws.queues import Queue
from tests import api
from tests.conftest import OPERATOR
from tests.functions.test_admin import WHY
from tests.in_process import Api, changed_settings

DEAD = "NotificationDeadLetters"


@pytest.fixture
def watched(service: Api) -> Iterator[Api]:
    """The service with the queues of dead letters. What `Offers` gives up goes into one of them."""
    target = f"arn:aws:sqs:eu-central-1:123456789012:{settings.dead_letter_queues()[DEAD].rpartition('/')[2]}"
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 1})
    offers = settings.watched_queues()["Offers"]
    queues.client().set_queue_attributes(QueueUrl=offers, Attributes={"RedrivePolicy": policy})
    health._cloudwatch.cache_clear()
    queues.client().meta.events.register("after-call.sqs.ReceiveMessage", _say_where_it_failed)
    yield service
    health._cloudwatch.cache_clear()


def _say_where_it_failed(parsed: Any, **_: Any) -> None:
    """Add the attribute that SQS has and moto leaves out; a message without a body has none."""
    for message in parsed.get("Messages", []):
        if message["Body"] != "{}":
            arn = "arn:aws:sqs:eu-central-1:123456789012:offers"
            message["Attributes"] = {**message.get("Attributes", {}), "DeadLetterQueueSourceArn": arn}


def fail(count: int) -> None:
    """Put offers into their queue, and receive them until they are given up."""
    url = settings.watched_queues()["Offers"]
    for number in range(count):
        queues.client().send_message(QueueUrl=url, MessageBody=json.dumps({"order_id": f"order{number}"}))
    for _ in range(2 * count):
        queues.client().receive_message(QueueUrl=url, VisibilityTimeout=0, MaxNumberOfMessages=1)


def shown(service: Api) -> Any:
    answer = service.call("GET /api/admin/health", user=OPERATOR)
    assert answer.status == 200, answer.text
    return answer.json


def dead(service: Api) -> int:
    return next(int(each["count"]) for each in shown(service)["dead_letters"] if each["name"] == DEAD)


def redrive(service: Api, queue: str = DEAD) -> api.Answer:
    return service.call("POST /api/admin/redrive", user=OPERATOR, body={"queue": queue, **WHY})


def test_operators_see_queues_and_alarms(watched: Api) -> None:
    queues.client().send_message(QueueUrl=settings.watched_queues()["Notices"], MessageBody="{}")
    alarms = boto3.client("cloudwatch")
    for name in ("urgent-services-local-api-errors", "another-stack-alarm"):
        alarms.put_metric_alarm(
            AlarmName=name,
            MetricName="m",
            Namespace="n",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
        )
    found = shown(watched)
    assert {each["name"]: each["waiting"] for each in found["queues"]} == {
        "NewOrders": 0,
        "Offers": 0,
        "Notices": 1,
        "PersonalFrames": 0,
        "ListFrames": 0,
        "AllCitiesFrames": 0,
        "Answers": 0,
    }
    assert [(each["name"], each["count"], each["redrivable"]) for each in found["dead_letters"]] == [
        ("NotificationDeadLetters", 0, True),
        ("StreamDeadLetters", 0, False),
        ("TimerDeadLetters", 0, False),
    ]
    assert [alarm["name"] for alarm in found["alarms"]] == ["urgent-services-local-api-errors"]


def test_failed_messages_go_back_to_their_queue(watched: Api) -> None:
    fail(12)
    assert dead(watched) == 12
    answer = redrive(watched)
    assert answer.json == {"redriven": 12, "failed": 0, "left": 0}
    assert sorted(message["order_id"] for message in watched.queued(Queue.OFFERS)) == sorted(
        f"order{number}" for number in range(12)
    )
    assert redrive(watched).json == {"redriven": 0, "failed": 0, "left": 0}
    actions = watched.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    assert [action["kind"] for action in actions] == ["messages_redriven"] * 2


def test_message_of_no_known_queue_stays(watched: Api) -> None:
    queues.client().send_message(QueueUrl=settings.dead_letter_queues()[DEAD], MessageBody="{}")
    assert redrive(watched).json == {"redriven": 0, "failed": 1, "left": 1}


def test_refused_redrive_moves_nothing(watched: Api) -> None:
    fail(1)
    for queue in ("TimerDeadLetters", "Offers", ""):
        assert redrive(watched, queue).status == 422
    with changed_settings() as change:
        change(OPERATOR_IDS="")
        assert redrive(watched).status == 403
    assert dead(watched) == 1


def test_failing_aws_is_a_503(service: Api) -> None:
    """SQS refuses the call about a queue that is not there."""
    queues.client().delete_queue(QueueUrl=settings.dead_letter_queues()[DEAD])
    answer = service.call("GET /api/admin/health", user=OPERATOR)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
