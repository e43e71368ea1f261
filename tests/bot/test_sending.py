"""Sending through Telegram: limits, pauses, refusals, timeouts, and sends in doubt."""

import json
import os
import time
from collections.abc import Callable
from io import StringIO
from itertools import pairwise
from typing import Any

import boto3
import pytest

from functions.notifications import send_notice
from infra.local.fakes.telegram import MESSAGES_A_SECOND, FakeTelegram
from shared.aws import secrets
from shared.aws.queues import Queue
from shared.bot import sending
from shared.domain.delivery import Outcome
from shared.outbound import bot_api
from shared.store import keys, send_rate, table, users
from tests import api
from tests.conftest import BOT_TOKEN
from tests.in_process import TOKEN_PATH, Api, Change, moto_of, queue_name
from tests.messages import CLIENT, EXECUTOR, OTHER, digest_of, listen, offer, said_in, taken


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


UNREACHABLE = {"status": 400, "more": {"description": "Bad Request: USER_IS_BLOCKED"}}


def test_bare_user_is_blocked_is_no_alarm_and_ends_the_audience(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", **UNREACHABLE)
    assert offer(service, EXECUTOR, order["id"]) == []
    metrics = capfd.readouterr().out
    assert ("DroppedUnreachable" in metrics, "DroppedRefused" in metrics) == (True, False)
    service.handle(Queue.NEW_ORDERS, {"order_id": order["id"], "start": [0, 0], "due_at": service.now})
    assert service.queued(Queue.OFFERS) == []


def test_group_that_is_gone_is_no_user(service: Api, bot: FakeTelegram) -> None:
    bot.fail("sendMessage", status=403, more={"description": "Forbidden: bot was kicked from the group chat"})
    assert sending.send(-100, lambda now: sending.BotMessage("?")) == (Outcome.UNREACHABLE, 0)
    assert table.get(keys.user(-100)) is None


def test_403_of_a_gateway_makes_nobody_unreachable(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", status=403, more={"text": "<html>Forbidden</html>"})
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert users.get(EXECUTOR).chat_open is not False
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent()) == 1


def test_retry_after_pauses_its_chat_only(service: Api, bot: FakeTelegram) -> None:
    for user in (EXECUTOR, OTHER):
        listen(user)
    order = service.order(CLIENT)
    asked = service.now
    bot.fail("sendMessage", status=429, more={"retry_after": 600})
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert offer(service, OTHER, order["id"]) == []
    assert [message["chat_id"] for message in bot.sent()] == [OTHER]
    assert service.now - asked < 3_000
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert len(bot.calls) == 2, "no call before its time"
    service.later(minutes=10)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent(EXECUTOR)) == 1


def test_chat_that_must_wait_beyond_the_order_is_dropped_as_late(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    """10 072 s, as in https://github.com/tdlib/td/issues/1331: the order lasts an hour."""
    listen(EXECUTOR)
    order = service.order(CLIENT)
    [notice] = taken(service, order["id"], OTHER)[:1]
    bot.fail("sendMessage", status=429, times=2, more={"retry_after": 10_072})
    assert offer(service, EXECUTOR, order["id"]) == []
    assert service.handle(Queue.NOTICES, notice) == []
    assert capfd.readouterr().out.count('"DroppedLate":[1.0]') == 2
    for message in (EXECUTOR, CLIENT):
        assert bot.sent(message) == []


@pytest.mark.parametrize(("retry_after", "seconds"), [(7, 7), (10_072, 60)])
def test_chats_refused_together_pause_the_bot(service: Api, bot: FakeTelegram, retry_after: int, seconds: int) -> None:
    order = service.order(CLIENT)
    for user in range(100, 105):
        listen(user)
    bot.fail("sendMessage", status=429, times=3, more={"retry_after": retry_after})
    for user in range(100, 103):
        offer(service, user, order["id"])
    refused_at = service.now
    assert len(offer(service, 103, order["id"])) == 1
    assert len(bot.calls) == 3
    service.later(ms=seconds * 1000 - (service.now - refused_at))
    assert offer(service, 104, order["id"]) == []
    assert [message["chat_id"] for message in bot.sent()] == [104]


def test_one_chat_refused_several_times_does_not_pause_the_bot(service: Api, bot: FakeTelegram) -> None:
    """Senders take turns of a chat ahead of time, so several may be on their way when the first is refused."""
    for _ in range(4):
        send_rate.refused(OTHER, 4)
        service.later(ms=500)
    asked = service.now
    assert sending.send(EXECUTOR, lambda now: sending.BotMessage("?")) == (Outcome.ARRIVED, 0)
    assert service.now - asked < 100


def test_messages_to_a_group_are_at_most_twenty_a_minute(service: Api, bot: FakeTelegram) -> None:
    started, sent = service.now, 0
    while sent < 25:
        outcome, _ = sending.send(-100900, lambda now: sending.BotMessage("?"))
        sent += outcome is Outcome.ARRIVED
        service.later(ms=200)
    assert bot.violations == []
    assert 72_000 <= service.now - started < 90_000


def test_one_chat_refused_again_and_again_pauses_nobody_else(service: Api, bot: FakeTelegram) -> None:
    """By pressing a button, a user can cause any number of refusals."""
    order = service.order(CLIENT)
    bot.fail("answerCallbackQuery", status=429, times=None, more={"retry_after": 20})
    for number in range(5):
        query = {"id": str(number), "from": {"id": OTHER}, "data": "respond:AAAAAAAAAAAA"}
        assert service.update(number, callback_query=query).status == 503
    listen(EXECUTOR)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent(EXECUTOR)) == 1


def test_wait_of_many_hours_does_not_use_up_receives(service: Api, bot: FakeTelegram) -> None:
    """SQS hides a message for at most 12 hours. A message put off is a new one, with at most 15 minutes of delay."""
    notice = {"kind": "completed", "order_id": "AAAAAAAAAAAA", "user_id": 5, "due_at": service.now + 20 * 3_600_000}
    event = service.received(Queue.NOTICES, {**notice, "number": 0})
    assert send_notice.handler(event, api.Context()) == {"batchItemFailures": []}
    message = moto_of("sqs").queues[queue_name(Queue.NOTICES)]._messages[-1]
    assert (json.loads(message.body)["due_at"], message.approximate_receive_count) == (notice["due_at"], 0)
    assert 890_000 < message.delayed_until - time.time() * 1000 <= 900_000


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


def test_offers_and_replies_share_the_turns_of_a_chat(service: Api, bot: FakeTelegram) -> None:
    """The claim of an offer takes the turn of the chat. It leaves a turn that is ahead to the wait before sending."""
    listen(EXECUTOR)
    orders = [service.order(CLIENT, f"@burst_pipe{number}")["id"] for number in range(2)]
    service.update(1, message=said_in(EXECUTOR, "/help"))
    offer(service, EXECUTOR, orders[0])
    service.update(2, message=said_in(EXECUTOR, "/help"))
    offer(service, EXECUTOR, orders[1])
    service.later(minutes=5)
    service.handle(Queue.OFFERS, digest_of(service))
    service.update(3, message=said_in(EXECUTOR, "/help"))
    times = [call.at for call in bot.calls]
    assert len(times) == 5
    assert all(after - before >= 1.5 for before, after in pairwise(times))


def test_long_pause_of_a_chat_outlives_an_offer_to_it(service: Api, bot: FakeTelegram) -> None:
    """The item of a chat is kept for a day after the pause, whatever is written to it meanwhile."""
    listen(EXECUTOR)
    send_rate.pause(EXECUTOR, 2 * 24 * 3600)
    offer(service, EXECUTOR, service.order(CLIENT)["id"])
    item = table.get(keys.pace(EXECUTOR))
    assert item is not None
    assert item["ttl"] * 1000 > item["next_at"]


def test_late_messages_of_all_senders_stay_within_limits() -> None:
    """Each sender may have one late message, from a turn in the second before."""
    events = [
        event
        for resource in api.template()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if str(resource["Properties"].get("Handler")).startswith("functions.notifications.send_")
    ]
    # A schedule invokes one sender at a time.
    senders = sum(
        event["Properties"].get("ScalingConfig", {"MaximumConcurrency": 1})["MaximumConcurrency"] for event in events
    )
    assert senders == 9
    assert -(-1000 // send_rate.BETWEEN_SENDS_MS) + senders <= MESSAGES_A_SECOND


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 500, "applied": True}])
def test_send_is_retried_after_a_5xx(service: Api, bot: FakeTelegram, fault: dict[str, Any]) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", **fault)
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    service.later(ms=30_000)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert [call.status for call in bot.calls] == [fault["status"], 200]


def test_send_is_retried_after_a_timeout(service: Api, bot: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_api.call, "__kwdefaults__", {"read_timeout": 0.1})
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", hang=5)
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    service.later(ms=30_000)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.calls) == 2


@pytest.mark.parametrize("seconds", [25, 120])
@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 500, "applied": True}])
def test_short_outage_does_not_use_up_the_tries(
    service: Api, bot: FakeTelegram, fault: dict[str, Any], seconds: int
) -> None:
    """The messages come back every ten seconds, and new orders with them."""
    listen(EXECUTOR)
    orders = [service.order(CLIENT, f"@burst_pipe{number}")["id"] for number in range(3)]
    [notice] = taken(service, orders[0], OTHER)[:1]
    bot.fail("sendMessage", times=None, **fault)
    for _ in range(0, seconds, 10):
        for order in orders:
            offer(service, EXECUTOR, order)
        service.handle(Queue.NOTICES, notice)
        service.later(ms=10_000)
    assert len([call for call in bot.calls if call.parameters["chat_id"] == EXECUTOR]) <= 2
    bot.script.clear()
    service.later(minutes=5)
    assert offer(service, EXECUTOR, orders[0]) == []
    assert service.handle(Queue.NOTICES, notice) == []
    assert [len(bot.sent(user)) for user in (EXECUTOR, CLIENT)] == [1, 1]


def test_unreachable_telegram_uses_up_no_attempt(
    service: Api, bot: FakeTelegram, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was certainly not sent is retried without limit."""
    listen(EXECUTOR)
    order = service.order(CLIENT)
    url = os.environ["TELEGRAM_API_URL"]
    change(TELEGRAM_API_URL="http://127.0.0.1:9")
    monkeypatch.setattr(api.Context, "get_remaining_time_in_millis", lambda _: 20_000)
    for _ in range(40):
        assert len(offer(service, EXECUTOR, order["id"])) == 1
        service.later(minutes=1)
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
    assert set(bot.mistakes) == ({"sendMessage: token"} if wrong else set())
    bot.mistakes.clear()
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
        service.later(minutes=5)
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


def test_no_message_has_a_link_preview(service: Api, bot: FakeTelegram) -> None:
    """Of whatever kind: an offer, a digest, a notice, a reply, and a message that a press of its button replaced."""
    listen(EXECUTOR)
    orders = [service.order(CLIENT, f"@burst_pipe{number}")["id"] for number in range(2)]
    for order in orders:
        offer(service, EXECUTOR, order)
    digest = digest_of(service)
    [notice] = taken(service, orders[0], OTHER)[:1]
    service.handle(Queue.NOTICES, notice)
    service.later(minutes=5)
    service.handle(Queue.OFFERS, digest)
    service.update(1, message={"chat": {"id": OTHER, "type": "private"}, "text": "/help"})
    pressed = {"message_id": bot.calls[1].result["message_id"], "chat": {"id": CLIENT, "type": "private"}}
    query = {"id": "1", "from": {"id": CLIENT}, "data": f"respond:{orders[0]}", "message": pressed}
    service.update(2, callback_query=query)
    written = [call for call in bot.calls if "text" in call.parameters and "chat_id" in call.parameters]
    assert [(call.method, call.status) for call in written] == [("sendMessage", 200)] * 4 + [("editMessageText", 200)]
    assert all(call.parameters["link_preview_options"] == {"is_disabled": True} for call in written)


def test_markup_in_a_description_is_sent_as_it_was_typed(service: Api, bot: FakeTelegram) -> None:
    """Under a parse mode, Telegram would refuse it, and nobody would hear of the order."""
    typed = "Кран <дом 5> & труба: 1 < 2, *срочно_ [тут]. `!`"
    listen(EXECUTOR)
    order = service.order(CLIENT, description=typed)
    assert offer(service, EXECUTOR, order["id"]) == []
    [sent] = bot.sent(EXECUTOR)
    assert typed in sent["text"]


def test_send_rate_items_expire_within_a_day(service: Api, bot: FakeTelegram) -> None:
    service.update(1, message={"chat": {"id": 5, "type": "private"}, "text": "/help"})
    for chat in (5, None):
        item = table.get(keys.pace(chat))
        assert item is not None
        assert 0 < item["ttl"] - service.now // 1000 <= 24 * 60 * 60
    send_rate.pause(None, 3600)
    silenced = table.get(keys.pace(None))
    assert silenced is not None
    assert silenced["ttl"] * 1000 > silenced["next_at"]
