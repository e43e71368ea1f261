"""Handlers of queues, streams and schedules: what fails is retried alone, and its error leaks nothing (I18)."""

from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.aws import queues
from shared.aws.queues import Queue
from shared.handlers.background import HandlerFailed
from shared.store import table
from tests.api import Context
from tests.in_process import HANDLERS, Api
from tests.messages import CLIENT, EXECUTOR, listen

CONTACT = "@canary_0123abcd"


@pytest.mark.parametrize("queue", list(Queue))
def test_malformed_queue_message_fails_alone(
    service: Api, bot: FakeTelegram, queue: Queue, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only the malformed message goes to the dead letters, not the others of its batch."""
    listen(EXECUTOR)
    order = service.order(CLIENT)
    executor = {"user_id": EXECUTOR}
    listed = {"order_id": order["id"], "city": order["city"], "before": None, "after": order["category"], "version": 1}
    good = {
        Queue.NEW_ORDERS: {"order_id": order["id"], "start": [0, 0]},
        Queue.OFFERS: executor | {"order_id": order["id"]},
        Queue.NOTICES: executor | {"order_id": order["id"], "kind": "answered"},
        Queue.ANSWERS: executor | {"key": "MESSAGE#1"},
        Queue.PERSONAL_FRAMES: executor | {"kind": "taken", "subject": order["id"]},
        Queue.LIST_FRAMES: listed | {"of_city": True},
        Queue.ALL_CITIES_FRAMES: listed | {"of_city": False},
    }[queue] | {"due_at": service.now}
    odd: dict[str, Any] = {}
    assert service.handle(queue, odd, good) == [odd]
    assert "BackgroundFailures" in capfd.readouterr().out


def test_message_put_off_is_queued_anew_and_not_failed(service: Api, bot: FakeTelegram) -> None:
    """It is a new message with no receives: those would run out in an outage."""
    notice = {
        "order_id": "A" * 12,
        "user_id": EXECUTOR,
        "kind": "answered",
        "due_at": service.now + 60_000,
        "number": 0,
    }
    event = service.received(Queue.NOTICES, notice)
    assert HANDLERS[Queue.NOTICES].handler(event, Context()) == {"batchItemFailures": []}
    assert service.queued(Queue.NOTICES) == [notice]


def test_message_that_cannot_be_put_off_fails(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    """The queue delivers it again after its visibility timeout, so it is not lost."""

    def fail(**_: Any) -> None:
        raise ConnectionError

    queues.client().meta.events.register("provide-client-params.sqs.SendMessageBatch", fail)
    early = {"kind": "asked", "order_id": "x", "user_id": CLIENT, "due_at": service.now + 60_000, "number": 1}
    assert service.handle(Queue.NOTICES, early) == [early]
    assert '"BackgroundFailures":[1.0]' in capfd.readouterr().out


def test_background_error_is_retried_and_leaks_nothing(
    service: Api, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    order = service.order(1, CONTACT)
    service.later(minutes=60)
    message = f"no luck with {CONTACT}"

    def fail(**_: Any) -> None:
        raise RuntimeError(message)

    table.client().meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", fail)
    with pytest.raises(HandlerFailed) as failed:
        service.timer(order["id"], service.now)
    assert str(failed.value) == "RuntimeError"
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__  # Lambda logs the error that it gets
    image = service.image(order["id"])
    assert service.lock_expired(order["id"], service.now) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert service.image(order["id"]) == image
    printed = capfd.readouterr()
    said = log.getvalue() + printed.out + printed.err
    assert said.count('"BackgroundFailures":[1.0]') + said.count('"BackgroundFailures": [1.0]') == 2
    assert CONTACT.removeprefix("@") not in said
