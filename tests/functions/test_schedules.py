"""Schedules: the stream creates a one-time timer per deadline of an order, and it calls the function that ends it."""

import json
import os
from io import StringIO
from typing import Any

import pytest

from shared.aws import queues, schedules
from shared.aws.queues import Queue
from shared.domain import business_metrics, notice
from shared.domain.notice import Notice
from shared.handlers.background import HandlerFailed
from tests import api
from tests.in_process import START, Api, moto_of, queue_name

CONTACT = "@canary_0123abcd"
HOUR = START + 60 * 60_000


def schedule(order_id: str, deadline: str) -> dict[str, Any]:
    """A schedule as EventBridge has it."""
    found: dict[str, Any] = schedules.client().get_schedule(  # type: ignore[assignment]
        Name=f"{order_id}-{deadline}", GroupName=os.environ["SCHEDULE_GROUP"]
    )
    return found


def names() -> list[str]:
    found = schedules.client().list_schedules(GroupName=os.environ["SCHEDULE_GROUP"])["Schedules"]
    return sorted(each["Name"] for each in found)


def test_each_deadline_of_an_order_gets_a_schedule(service: Api) -> None:
    """L1, I18: one for the hour at creation, one for the answer window at the first take; none holds a contact."""
    asked: list[str] = []
    schedules.client().meta.events.register(
        "before-call.scheduler.CreateSchedule", lambda model, **_: asked.append(model.name)
    )
    order = service.order(1, CONTACT)
    new = service.image(order["id"])
    assert service.order_changed(new) == {"batchItemFailures": []}
    assert names() == [f"{order['id']}-hour"]
    hour = schedule(order["id"], "hour")
    assert hour["ScheduleExpression"] == "at(2026-09-21T15:13:20)"
    assert json.loads(hour["Target"]["Input"]) == {"order_id": order["id"], "due_at": HOUR}
    assert hour["Target"]["Arn"] == os.environ["SCHEDULE_TARGET_ARN"]
    assert hour["Target"]["DeadLetterConfig"]["Arn"] == os.environ["SCHEDULE_DEAD_LETTERS_ARN"]
    assert hour["FlexibleTimeWindow"] == {"Mode": "OFF"}

    service.later(minutes=10, ms=1)
    before = new
    for executor in (2, 3):
        service.recharge(executor)
        assert service.call("POST /api/orders/{id}/take", user=executor, id=order["id"]).status == 200
        after = service.image(order["id"])
        assert service.order_changed(after, before) == {"batchItemFailures": []}
        before = after
    assert names() == [f"{order['id']}-answer", f"{order['id']}-hour"]
    assert len(asked) == 2
    answer = schedule(order["id"], "answer")
    # A schedule has a resolution of seconds. It is rounded up, because an early timer fails and is retried (L6).
    assert answer["ScheduleExpression"] == "at(2026-09-21T14:38:21)"
    assert json.loads(answer["Target"]["Input"]) == {"order_id": order["id"], "due_at": START + 25 * 60_000 + 1}
    for each in (hour, answer):
        assert CONTACT.removeprefix("@") not in json.dumps(each, default=str)


def test_schedule_that_exists_is_accepted(service: Api) -> None:
    """F13, F18: the record is delivered twice."""
    order = service.order(1)
    for _ in range(2):
        assert service.order_changed(service.image(order["id"])) == {"batchItemFailures": []}
    assert names() == [f"{order['id']}-hour"]


def test_order_already_due_is_left_to_the_sweep(service: Api) -> None:
    """L5: the record is delivered late, or is lost."""
    order = service.order(1)
    service.later(minutes=60)
    assert service.order_changed(service.image(order["id"])) == {"batchItemFailures": []}
    assert names() == []
    service.sweep()
    assert service.image(order["id"])["status"] == {"S": "expired"}


def test_failed_schedule_fails_no_record_and_leaks_no_contact(
    service: Api, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """L5, L9, F13: the order is announced once, the failure is counted, and the sweep ends the order (I18)."""
    order = service.order(1, CONTACT)
    schedules.client().delete_schedule_group(Name=os.environ["SCHEDULE_GROUP"])
    assert service.order_changed(service.image(order["id"])) == {"batchItemFailures": []}
    assert [message["order_id"] for message in service.queued(Queue.NEW_ORDERS)] == [order["id"]]
    printed = capfd.readouterr()
    written = log.getvalue() + printed.out + printed.err
    assert '"message":"failed"' in written
    assert '"BackgroundFailures":[1.0]' in written.replace(" ", "")
    assert '"OrdersCreated":[1.0]' in written.replace(" ", "")
    assert CONTACT.removeprefix("@") not in written
    service.later(minutes=60)
    service.sweep()
    assert service.image(order["id"])["status"] == {"S": "expired"}


def test_failed_business_metric_fails_no_record(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """L9: what comes after the messages is optional."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(business_metrics, "of_change", fail)
    order = service.order(1)
    assert service.order_changed(service.image(order["id"])) == {"batchItemFailures": []}
    assert len(service.queued(Queue.NEW_ORDERS)) == 1
    assert names() == [f"{order['id']}-hour"]


def test_audience_is_queued_last(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """L9: a record whose notices were not queued is delivered again, and announces the order once all the same."""
    order = service.order(1)
    image = service.image(order["id"])
    monkeypatch.setattr(notice, "of_change", lambda *_: [Notice("removed", order["id"], 1, service.now)])
    queue = moto_of("sqs").queues.pop(queue_name(Queue.NOTICES))
    for _ in range(3):
        assert service.order_changed(image) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    moto_of("sqs").queues[queue_name(Queue.NOTICES)] = queue
    assert service.queued(Queue.NEW_ORDERS) == []
    assert service.order_changed(image) == {"batchItemFailures": []}
    assert len(service.queued(Queue.NEW_ORDERS)) == 1


def test_no_record_is_begun_after_a_failed_one(service: Api) -> None:
    """P4, the simulation's seed 14081: every record of a batch waited for a lost response until the time ran out."""
    orders = [service.order(client, f"@burst_pipe{client}")["id"] for client in (1, 2, 3)]
    asked: list[str] = []

    def fail_at_the_second(params: dict[str, Any], **_: Any) -> None:
        asked.append(json.loads(params["Entries"][0]["MessageBody"])["order_id"])
        if len(asked) == 2:
            raise ConnectionError

    queues.client().meta.events.register("provide-client-params.sqs.SendMessageBatch", fail_at_the_second)
    assert service.orders_are_new(*orders) == [1, 2]
    assert asked == orders[:2]
    assert service.orders_are_new(*orders[1:]) == []
    assert names() == sorted(f"{order}-hour" for order in orders)


def test_no_record_is_begun_when_time_is_short(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4: the remaining time may be less than one record takes."""
    orders = [service.order(client, f"@burst_pipe{client}")["id"] for client in (1, 2, 3)]
    left = iter((25_000, 14_000, 30_000))
    monkeypatch.setattr(api.Context, "get_remaining_time_in_millis", lambda _: next(left))
    assert service.orders_are_new(*orders) == [1, 2]
    assert names() == [f"{orders[0]}-hour"]


def test_early_timer_fails_and_is_retried(service: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """L6, F12, F15: it is retried without an alarm; on time it ends the order, and a repeat changes nothing."""
    order = service.order(1)
    service.later(minutes=60, ms=-1)
    with pytest.raises(HandlerFailed, match="RetryLater"):
        service.timer(order["id"], HOUR)
    assert service.image(order["id"])["status"] == {"S": "active"}
    assert "BackgroundFailures" not in capsys.readouterr().out
    service.later(ms=1)
    service.timer(order["id"], HOUR)
    ended = service.image(order["id"])
    assert ended["status"] == {"S": "expired"}
    service.timer(order["id"], HOUR)
    assert service.image(order["id"]) == ended


def test_timer_of_a_removed_order_is_ignored(service: Api) -> None:
    """F20: redriven from the dead letters after the order's retention."""
    service.timer("AAAAAAAAAAAA", START)
