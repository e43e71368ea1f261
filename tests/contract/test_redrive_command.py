"""`make redrive`: what fails again stays in its queue, and is received again at the next run."""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from infra.operate import redrive
from infra.operate.invoke import CannotInvoke
from tests.in_process import Api

Invoked = list[tuple[str, Any]]


@pytest.fixture
def url(service: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The queues of a stage; without one, there is no stage."""
    sqs = boto3.client("sqs")

    def physical_id(stage: str, name: str) -> str:
        created: str = sqs.create_queue(QueueName=name)["QueueUrl"]
        return created

    monkeypatch.setattr(redrive, "aws_client", lambda stage: boto3.client)
    monkeypatch.setattr(redrive, "physical_id", physical_id)
    return lambda name: physical_id("dev", name)


@pytest.fixture
def invoked(monkeypatch: pytest.MonkeyPatch) -> Invoked:
    """The invocations. One of order `bad` fails."""
    calls: Invoked = []

    def invoke(stage: str, name: str, event: Any) -> None:
        calls.append((name, event))
        if event["order_id"] == "bad":
            raise CannotInvoke(f"{name} failed: see its log for the cause.")

    monkeypatch.setattr(redrive, "invoke", invoke)
    return calls


def test_message_that_fails_again_stays(
    url: Callable[[str], str], invoked: Invoked, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs, queue = boto3.client("sqs"), url("TimerDeadLetters")
    for order_id in ("bad", "good"):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"order_id": order_id, "due_at": 0}))
    assert redrive.main() == 1
    assert sorted(event["order_id"] for _, event in invoked) == ["bad", "good"], "each once"
    assert {name for name, _ in invoked} == {"EndDueOrder"}
    said = capsys.readouterr()
    assert "TimerDeadLetters: 1 redriven, 1 failed again, 0 gone." in said.out
    assert "EndDueOrder failed" in said.err
    assert redrive.main() == 1
    assert [event["order_id"] for _, event in invoked[2:]] == ["bad"]


@pytest.mark.parametrize("source", ["RULE_ARN", "SCHEDULE_ARN"])
def test_event_that_was_not_delivered_goes_to_its_target(
    url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """EventBridge sets aside the bare event, with the ARN of its target in an attribute of the message.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    calls: Invoked = []
    monkeypatch.setattr(redrive, "invoke_by_name", lambda stage, name, event: calls.append((name, event)))
    attributes = {
        source: "arn:aws:events:eu-central-1:123456789012:rule/every-minute",
        "TARGET_ARN": "arn:aws:lambda:eu-central-1:123456789012:function:sweep:live",
        "ERROR_CODE": "NO_PERMISSIONS",
    }
    event = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
    boto3.client("sqs").send_message(
        QueueUrl=url("TimerDeadLetters"),
        MessageBody=json.dumps(event),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )
    assert redrive.main() == 0
    assert calls == [("sweep", event)]


def test_empty_queues_are_an_exit_code_of_0(url: Callable[[str], str]) -> None:
    assert redrive.main() == 0


def test_function_that_reads_no_stream_loses_no_message(
    url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its filters, no record would pass, and the message would be deleted for nothing."""
    monkeypatch.setattr(redrive, "_records", lambda aws, pointer: iter(()))
    body = {
        "requestContext": {"functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:gone:live"},
        "DDBStreamBatchInfo": {
            "streamArn": f"arn:aws:dynamodb:eu-central-1:1:table/{os.environ['TABLE_NAME']}/stream/1"
        },
    }
    boto3.client("sqs").send_message(QueueUrl=url("StreamDeadLetters"), MessageBody=json.dumps(body))
    assert redrive.main() == 1
    assert boto3.client("sqs").receive_message(QueueUrl=url("StreamDeadLetters"))["Messages"]


def test_failed_call_is_an_exit_code_of_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(stage: str) -> None:
        raise CannotInvoke("no local service is running")

    monkeypatch.setattr(redrive, "aws_client", fail)
    assert redrive.main() == 2
    assert "no local service is running" in capsys.readouterr().err
