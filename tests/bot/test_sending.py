"""Sending through Telegram: limits, pauses, refusals, timeouts, and sends in doubt."""

import os
from collections.abc import Callable
from io import StringIO
from typing import Any

import boto3
import pytest

from infra.local.fakes.telegram import MESSAGES_A_SECOND, FakeTelegram
from shared.aws import secrets
from shared.aws.queues import Queue
from shared.outbound import bot_api
from shared.store import keys, send_rate, table, users
from tests import api
from tests.conftest import BOT_TOKEN
from tests.in_process import TOKEN_PATH, Api, Change
from tests.messages import CLIENT, EXECUTOR, OTHER, listen, offer, taken


def test_user_who_blocked_the_bot_gets_no_offer_until_start(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", status=403)
    assert offer(service, EXECUTOR, order["id"]) == []
    new = {"order_id": order["id"], "start": [0, 0], "due_at": service.now}
    service.handle(Queue.NEW_ORDERS, new)
    assert service.queued(Queue.OFFERS) == []
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.calls) == 1
    chat = {"id": EXECUTOR, "type": "private"}
    service.update(1, message={"chat": chat, "text": "/start"})
    service.handle(Queue.NEW_ORDERS, new)
    assert [message["user_id"] for message in service.queued(Queue.OFFERS)] == [EXECUTOR]


def test_retry_after_pauses_every_sender(service: Api, bot: FakeTelegram) -> None:
    for user in (EXECUTOR, OTHER):
        listen(user)
    order = service.order(CLIENT)
    asked = service.now
    bot.fail("sendMessage", status=429, more={"retry_after": 7})
    assert offer(service, EXECUTOR, order["id"]) == []
    assert offer(service, OTHER, order["id"]) == []
    sent_at = [call.at * 1000 for call in bot.calls if call.status == 200]
    assert len(sent_at) == 2
    assert min(sent_at) >= asked + 7000


def test_retry_after_beyond_the_invocation_requeues_message(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", status=429, more={"retry_after": 600})
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert len(bot.calls) == 1
    service.later(minutes=10)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent()) == 1


def test_senders_stay_within_telegrams_limits(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)
    started = service.now
    for user in range(100, 140):
        listen(user)
        assert offer(service, user, order["id"]) == []
    taken(service, order["id"], 100)
    for number in range(3):
        message = {"kind": "taken", "order_id": order["id"], "user_id": CLIENT, "due_at": 0, "number": number}
        assert service.handle(Queue.NOTICES, message) == []
    assert bot.violations == []
    assert len(bot.sent()) == 43
    assert service.now - started < 40 * 45 + 3 * 1600


def test_late_messages_of_all_senders_stay_within_limits() -> None:
    """Each sender may have one late message, from a turn in the second before."""
    events = [
        event
        for resource in api.template()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
    ]
    senders = sum(event["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency", 0) for event in events)
    assert senders >= 6
    assert -(-1000 // send_rate.BETWEEN_SENDS_MS) + senders <= MESSAGES_A_SECOND


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 500, "applied": True}])
def test_send_is_retried_after_a_5xx(service: Api, bot: FakeTelegram, fault: dict[str, Any]) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", **fault)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert [call.status for call in bot.calls] == [fault["status"], 200]


def test_send_is_retried_after_a_timeout(service: Api, bot: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_api.call, "__kwdefaults__", {"read_timeout": 0.1})
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", hang=0.5)
    started = service.now
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.calls) == 2
    assert service.now - started >= 10_000


def test_unreachable_telegram_uses_up_no_attempt(
    service: Api, bot: FakeTelegram, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was certainly not sent is retried without limit."""
    listen(EXECUTOR)
    order = service.order(CLIENT)
    url = os.environ["TELEGRAM_API_URL"]
    change(TELEGRAM_API_URL="http://127.0.0.1:9")
    monkeypatch.setattr(api.Context, "get_remaining_time_in_millis", lambda _: 20_000)
    for _ in range(4):
        assert len(offer(service, EXECUTOR, order["id"])) == 1
    change(TELEGRAM_API_URL=url)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent()) == 1


@pytest.fixture
def token() -> Callable[[str | None], None]:
    """Change or remove the bot token, for an instance that has not read it yet."""

    def become(value: str | None) -> None:
        ssm = boto3.client("ssm")
        if value is None:
            ssm.delete_parameter(Name=TOKEN_PATH)
        else:
            ssm.put_parameter(Name=TOKEN_PATH, Value=value, Type="SecureString", Overwrite=True)
        secrets._provider.cache_clear()

    return become


@pytest.mark.parametrize("wrong", [None, "42:another"], ids=["no token", "another bot's"])
def test_missing_or_wrong_token_uses_up_no_attempt(
    service: Api,
    bot: FakeTelegram,
    monkeypatch: pytest.MonkeyPatch,
    token: Callable[[str | None], None],
    log: StringIO,
    wrong: str | None,
) -> None:
    """F25: however often the queue delivers it; the message goes out when the token is correct again."""
    listen(EXECUTOR)
    order = service.order(CLIENT)
    [notice] = taken(service, order["id"], EXECUTOR)[:1]
    monkeypatch.setattr(api.Context, "get_remaining_time_in_millis", lambda _: 20_000)
    token(wrong)
    for _ in range(4):
        assert service.handle(Queue.NOTICES, notice) == [notice]
        assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert log.getvalue().count('"level":"ERROR"') >= 8
    assert bot.sent() == []
    token(BOT_TOKEN)
    assert service.handle(Queue.NOTICES, notice) == []
    assert offer(service, EXECUTOR, order["id"]) == []
    assert [len(bot.sent(user)) for user in (CLIENT, EXECUTOR)] == [1, 1]


def test_message_in_doubt_is_dropped_after_three_sends(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", status=500, times=None, applied=True)
    for _ in range(5):
        offer(service, EXECUTOR, order["id"])
        service.later(minutes=1)
    assert len(bot.calls) == 3
    bot.script.clear()
    other = service.order(CLIENT, "@other_pipe")
    service.later(minutes=5)
    assert offer(service, EXECUTOR, other["id"]) == []
    assert len(bot.sent()) == 1


def test_refused_message_is_dropped_and_counted(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", status=400, more={"description": "Bad Request: can't parse entities"})
    assert offer(service, EXECUTOR, order["id"]) == []
    assert "DroppedRefused" in capfd.readouterr().out
    assert users.get(EXECUTOR).listens


def test_send_rate_items_expire_within_a_day(service: Api, bot: FakeTelegram) -> None:
    service.update(1, message={"chat": {"id": 5, "type": "private"}, "text": "/help"})
    for chat in (5, None):
        item = table.get(keys.pace(chat))
        assert item is not None
        assert 0 < item["ttl"] - service.now // 1000 <= 24 * 60 * 60
    send_rate.pause(3600)
    silenced = table.get(keys.pace(None))
    assert silenced is not None
    assert silenced["ttl"] * 1000 > silenced["next_at"]
