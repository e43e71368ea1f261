"""Handlers of queues, streams and schedules: what fails is retried alone, and its error leaks nothing (I18)."""

from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.aws import queues
from shared.aws.queues import Queue
from shared.handlers.background import HandlerFailed
from shared.store import table
from tests.in_process import Api
from tests.messages import CLIENT, EXECUTOR, listen

CONTACT = "@canary_0123abcd"


@pytest.mark.parametrize("queue", list(Queue))
def test_malformed_queue_message_fails_alone(
    service: Api, bot: FakeTelegram, queue: Queue, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only the malformed message goes to the dead letters, not the others of its batch."""
    listen(EXECUTOR)
    order = service.order(CLIENT)
    good = {
        Queue.NEW_ORDERS: {"order_id": order["id"], "start": [0, 0]},
        Queue.OFFERS: {"order_id": order["id"], "user_id": EXECUTOR},
        Queue.NOTICES: {"order_id": order["id"], "user_id": EXECUTOR, "kind": "answered"},
    }[queue] | {"due_at": service.now}
    odd: dict[str, Any] = {}
    assert service.handle(queue, odd, good) == [odd]
    assert "BackgroundFailures" in capfd.readouterr().out


def test_failed_postponement_is_counted(service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]) -> None:
    """The message comes again all the same, after its queue's visibility timeout."""

    def fail(**_: Any) -> None:
        raise ConnectionError

    queues.client().meta.events.register("provide-client-params.sqs.ChangeMessageVisibility", fail)
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
