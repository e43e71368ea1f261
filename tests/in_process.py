"""Run the functions in process, over DynamoDB in memory and moto, with a clock that the test sets."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any, Literal

import pytest
from moto import mock_aws
from moto.backends import get_backend

from functions.live import send_list_frames, send_personal_frames
from functions.notifications import find_audience, send_answer, send_notice, send_offer
from functions.scheduled import end_due_order, sweep
from functions.streams import lock_expired, order_changed
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared import clock, settings
from shared.aws import queues, schedules, secrets
from shared.aws.queues import Queue
from shared.observability import logger, metrics
from shared.store import attributes, feeds, keys, reads, send_rate, table
from tests import api
from tests.conftest import BOT_TOKEN, CRYPTO_PAY_TOKEN, SECRETS, TABLE, WEBHOOK_SECRET, YOOKASSA_KEY
from tests.fakes import sdk
from tests.fakes.dynamodb import Database
from tests.fakes.sockets import FakeSockets
from tests.serving import serving_fake

HANDLERS = {
    Queue.NEW_ORDERS: find_audience,
    Queue.OFFERS: send_offer,
    Queue.NOTICES: send_notice,
    Queue.PERSONAL_FRAMES: send_personal_frames,
    Queue.LIST_FRAMES: send_list_frames,
    Queue.ALL_CITIES_FRAMES: send_list_frames,
    Queue.ANSWERS: send_answer,
}

START = 1_790_000_000_000
SECRETS_AT = os.environ["SECRETS_PREFIX"]
TOKEN_PATH = f"{SECRETS_AT}/telegram-bot-token"
INIT_DATA_KEY_PATH = f"{SECRETS_AT}/init-data-key"


class Api:
    """The API, with a clock that the test sets."""

    database: Database

    def __init__(self) -> None:
        self.now = START

    def later(self, *, minutes: float = 0, ms: int = 0) -> None:
        """Let time pass."""
        self.now += int(minutes * 60_000) + ms

    def call(
        self,
        route: str,
        *,
        user: int | None = None,
        id: str | None = None,
        query: dict[str, Any] | None = None,
        body: Any = None,
        **more: Any,
    ) -> api.Answer:
        """Send a request to a route, as in `GET /api/orders/{id}`. With `user`, it is signed now."""
        return api.invoke(route, self.event_of(route, user=user, id=id, query=query, body=body, **more))

    def event_of(
        self,
        route: str,
        *,
        user: int | None = None,
        id: str | None = None,
        message_id: int = 0,
        query: dict[str, Any] | None = None,
        body: Any = None,
        **more: Any,
    ) -> dict[str, Any]:
        """The event of such a request."""
        method, path = route.split(" ")
        headers = more.pop("headers", {})
        if user is not None:
            signed = api.init_data(user, self.now, **more.pop("names", {}))
            headers = {"authorization": f"Bearer {signed}", **headers}
        return api.event(
            method,
            path.replace("{id}", id or "").replace("{message_id}", f"{message_id}"),
            query=query,
            body=body,
            headers=headers,
            route=route,
            **more,
        )

    def sweep(self) -> None:
        """Run the sweep."""
        sweep.handler({}, api.Context())

    def timer(self, order_id: str, due_at: int) -> None:
        """Fire a one-time schedule of an order."""
        end_due_order.handler({"order_id": order_id, "due_at": due_at}, api.Context())

    def image(self, order_id: str) -> Any:
        """Return an order's item in the notation of the stream."""
        return table.client().get_item(TableName=TABLE, Key=attributes.item_to_dynamodb(keys.order(order_id)))["Item"]

    def order_changed(self, image: Any, before: Any = None) -> Any:
        """Deliver the stream record of an order, new or changed from `before`; return the function's result."""
        return order_changed.handler(stream_event(image, before), api.Context())

    def orders_are_new(self, *order_ids: str) -> list[int]:
        """Deliver the stream records of new orders in one batch; return the places of the failed records."""
        told = [{"NewImage": self.image(id), "SequenceNumber": f"{place}"} for place, id in enumerate(order_ids)]
        records = [{"eventName": "INSERT", "dynamodb": each} for each in told]
        answer = order_changed.handler({"Records": records}, api.Context())
        return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def queued(self, queue: Queue) -> list[dict[str, Any]]:
        """Take all messages out of a queue. Delays are ignored, because moto uses the real clock."""
        messages = self._messages(queue)
        found = [json.loads(message.body) for message in messages if message.approximate_receive_count == 0]
        messages.clear()
        return found

    def _messages(self, queue: Queue) -> list[Any]:
        messages: list[Any] = moto_of("sqs").queues[queue_name(queue)]._messages
        return messages

    def received(self, queue: Queue, *messages: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Lambda event of a queue with these messages."""
        url = os.environ[f"{queue}_QUEUE_URL"]
        messages_there = self._messages(queue)
        # Only the test redelivers messages that were received before.
        messages_there[:] = [message for message in messages_there if message.approximate_receive_count == 0]
        waiting = messages_there[:]
        messages_there.clear()
        records = []
        for number, message in enumerate(messages):
            queues.client().send_message(QueueUrl=url, MessageBody=json.dumps(message))
            [received] = queues.client().receive_message(QueueUrl=url)["Messages"]
            records.append(queue_record(queue, str(number), received["Body"], received["ReceiptHandle"]))
        messages_there += waiting
        return {"Records": records}

    def handle(self, queue: Queue, *messages: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Invoke a queue's function with these messages; return those that failed or were put off."""
        event = self.received(queue, *messages)
        there = self._messages(queue)
        before = {message.id for message in there}
        answer = HANDLERS[queue].handler(event, api.Context())
        left = [messages[int(failure["itemIdentifier"])] for failure in answer["batchItemFailures"]]
        for message in [message for message in there if message.id not in before]:
            if (put_off := json.loads(message.body)) in messages:
                there.remove(message)
                left.append(put_off)
        return left

    def lock_expired(self, order_id: str, expires_at: int) -> Any:
        """Deliver the stream record of a contact lock removed by TTL; return the function's result."""
        image = attributes.item_to_dynamodb({"order_id": order_id, "expires_at": expires_at})
        record = {"eventName": "REMOVE", "dynamodb": {"OldImage": image, "SequenceNumber": "1"}}
        return lock_expired.handler({"Records": [record]}, api.Context())

    def update(self, update_id: int, *, secret: str = WEBHOOK_SECRET, **content: Any) -> api.Answer:
        """Send the bot's webhook an update of Telegram, as in `update(1, message={…})`."""
        return self.call(
            "POST /api/telegram/webhook",
            body={"update_id": update_id, **content},
            headers={"x-telegram-bot-api-secret-token": secret},
        )

    # preparations of many tests

    def order(self, user: int, contact: str = "@burst_pipe", **given: Any) -> dict[str, Any]:
        """A new order of `user`."""
        body = {
            "category": "Сантехника",
            "city": "Москва",
            "description": "Прорвало трубу на кухне, вода на полу",
            "contact": contact,
            **given,
        }
        answer = self.call("POST /api/orders", user=user, body=body)
        assert answer.status == 201, answer.text
        created: dict[str, Any] = answer.json
        return created

    def recharge(self, user: int, amount: int = 100) -> None:
        """Money for `user`, roubles."""
        answer = self.call("POST /api/balance/recharge", user=user, body={"amount": amount})
        assert answer.status == 200, answer.text


def stream_event(image: Any, before: Any = None) -> dict[str, Any]:
    """Return the stream's event of an order, new or changed from `before`."""
    images = {"NewImage": image, **({"OldImage": before} if before else {})}
    record = {"eventName": "MODIFY" if before else "INSERT", "dynamodb": {**images, "SequenceNumber": "1"}}
    return {"Records": [record]}


def moto_of(service: Literal["scheduler", "sqs", "ssm"]) -> Any:
    """Return moto's state of an AWS service."""
    return get_backend(service)["123456789012"]["eu-central-1"]


def queue_name(queue: Queue) -> str:
    """Return a queue's name, the last part of its URL."""
    return os.environ[f"{queue}_QUEUE_URL"].rpartition("/")[2]


def queue_record(queue: Queue, message_id: str, body: str, receipt_handle: str) -> dict[str, Any]:
    """Return a message as the event of a queue's function contains it."""
    return {
        "messageId": message_id,
        "receiptHandle": receipt_handle,
        "body": body,
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-central-1:123456789012:{queue.lower()}",
        "awsRegion": "eu-central-1",
    }


def _put_secret(path: str, value: str) -> None:
    """Store a parameter in moto itself: the same by eight requests is half the time of a quick test."""
    moto_of("ssm").put_parameter(
        path,
        description="",
        value=value,
        parameter_type="SecureString",
        allowed_pattern="",
        keyid="alias/aws/ssm",
        overwrite=False,
        tags=[],
        data_type="text",
        tier=None,
        policies=None,
    )


def wake_another_instance() -> None:
    """Empty the caches of the functions, as in a new Lambda environment."""
    reads._reads.clear()
    reads._refused_until.clear()
    send_rate._guess["bot_is_busy"] = False


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API over an empty table."""
    service = Api()
    # The SDK session is the same for every test. Calls to DynamoDB do not reach moto.
    with mock_aws(config={"core": {"reset_boto3_session": False, "passthrough": {"urls": ["https://dynamodb"]}}}):
        table.client.cache_clear()
        schedules.client.cache_clear()
        queues.client.cache_clear()
        send_offer._told.clear()
        secrets._provider.cache_clear()
        feeds._totals.clear()
        wake_another_instance()
        service.database = Database(api.table_definition(), name=TABLE, now=lambda: service.now)
        sdk.over_the_wire(table.client(), service.database.execute)
        for name, value in SECRETS.items():
            _put_secret(f"{SECRETS_AT}/{name}", value)
        moto_of("scheduler").create_schedule_group(os.environ["SCHEDULE_GROUP"], tags=[])
        for queue in Queue:
            moto_of("sqs").create_queue(queue_name(queue))
        for url in settings.dead_letter_queues().values():
            moto_of("sqs").create_queue(url.rpartition("/")[2])
        monkeypatch.setattr(clock, "now_ms", lambda: service.now)
        monkeypatch.setattr(clock, "sleep", lambda seconds: service.later(ms=round(seconds * 1000)))
        yield service


def read_metrics() -> dict[str, list[float]]:
    """Return the values of each metric since the last call, outside of a handler, which would print them."""
    values = {name: metric["Value"] for name, metric in metrics.metric_set.items()}
    metrics.clear_metrics()
    return values


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Collect the functions' log from here on."""
    lines = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", lines)
    return lines


Change = Callable[..., None]
"""Changes settings of the functions, as in `change(READS_PER_HOUR="1")`."""


@contextmanager
def changed_settings() -> Iterator[Change]:
    """Change settings; restore them when the block ends."""

    def forget() -> None:
        settings.settings.cache_clear()
        settings.payment_settings.cache_clear()
        settings.feed_cache_seconds.cache_clear()
        settings.operators.cache_clear()
        settings.operators_chat_id.cache_clear()
        settings.live_url.cache_clear()
        settings.live_api_url.cache_clear()
        settings.live_ceilings.cache_clear()
        settings.operator_write_max_age_seconds.cache_clear()
        settings.operator_refunds_per_day.cache_clear()
        settings.operators.cache_clear()
        settings.support_answer_hours.cache_clear()

    with pytest.MonkeyPatch.context() as patch:

        def change(**values: str) -> None:
            for name, value in values.items():
                patch.setenv(name, value)
            forget()

        yield change
    forget()


@pytest.fixture
def change() -> Iterator[Change]:
    """Change settings of the functions until the test ends."""
    with changed_settings() as change:
        yield change


@pytest.fixture
def served_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Requests may be served in threads. An environment of Lambda serves one at a time and has one set of metrics."""
    monkeypatch.setattr(metrics, "flush_metrics", lambda: None)
    yield
    metrics.clear_metrics()


@pytest.fixture
def telegram(change: Change) -> Iterator[FakeTelegram]:
    """The fake Telegram with the bot's token, without rate limits."""
    fake = FakeTelegram(BOT_TOKEN, limits=False)
    with serving_fake(fake) as url:
        change(TELEGRAM_API_URL=url)
        yield fake


@pytest.fixture
def crypto_pay(change: Change) -> Iterator[FakeCryptoPay]:
    """The fake Crypto Pay. The test sends its webhooks."""
    fake = FakeCryptoPay(CRYPTO_PAY_TOKEN, clock=lambda: clock.now_ms() / 1000)
    with serving_fake(fake) as url:
        change(CRYPTO_PAY_API_URL=url)
        yield fake


@pytest.fixture
def yookassa(change: Change) -> Iterator[FakeYookassa]:
    """The fake YooKassa. The test sends its notifications."""
    fake = FakeYookassa(os.environ["YOOKASSA_SHOP_ID"], YOOKASSA_KEY, clock=lambda: clock.now_ms() / 1000)
    with serving_fake(fake) as url:
        change(YOOKASSA_API_URL=url)
        yield fake


@pytest.fixture
def sockets(change: Change) -> Iterator[FakeSockets]:
    """API Gateway's open sockets."""
    fake = FakeSockets()
    with serving_fake(fake) as url:
        change(LIVE_API_URL=f"{url}/live")
        yield fake


@pytest.fixture
def bot(service: Api, telegram: FakeTelegram) -> FakeTelegram:
    """The fake Telegram with its rate limits, by the test's clock."""
    telegram.limits = True
    telegram._clock = lambda: service.now / 1000
    return telegram
