"""From an order's change to a message on somebody's phone, over a fake Telegram."""

import itertools
import os
import re
from collections.abc import Callable, Mapping
from io import StringIO
from itertools import pairwise
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from functions.notifications import send_offer
from infra.local.fakes.telegram import MESSAGES_A_SECOND, FakeTelegram
from shared.aws import secrets
from shared.aws.queues import Queue
from shared.commands import users as user_commands
from shared.domain.delivery import HELD_MS
from shared.domain.init_data import TelegramUser
from shared.outbound import bot_api
from shared.store import keys, send_rate, table, users
from tests import api
from tests.conftest import BOT_TOKEN, OPERATOR
from tests.in_process import HANDLERS, TOKEN_PATH, Api, Change

CLIENT, EXECUTOR, OTHER = 1, 2, 3
TAKE = "POST /api/orders/{id}/take"


class Killed(BaseException):
    """The sender's process is gone."""


@pytest.fixture
def bot(service: Api, telegram: FakeTelegram) -> FakeTelegram:
    """Telegram with its limits, by the test's clock."""
    telegram.limits = True
    telegram._clock = lambda: service.now / 1000
    return telegram


def listen(user: int, frequency: int = 5, categories: list[str] | None = None) -> None:
    caller = TelegramUser(user, f"User{user}", "", None)
    user_commands.save_notifications(caller, enabled=True, frequency=frequency)
    user_commands.save_preferences(caller, categories=categories or [], cities=[])


def offer(service: Api, user: int, order_id: str) -> list[Any]:
    return service.handle(Queue.OFFERS, {"user_id": user, "order_id": order_id, "due_at": service.now})


def digest_of(service: Api) -> dict[str, Any]:
    [digest] = service.queued(Queue.OFFERS)
    return digest


def notices(service: Api, change: Callable[[], object], order_id: str) -> list[dict[str, Any]]:
    """The notices that a change of an order puts into the queue."""
    before = service.image(order_id)
    change()
    service.order_changed(service.image(order_id), before)
    return service.queued(Queue.NOTICES)


def taken(service: Api, order_id: str, user: int) -> list[dict[str, Any]]:
    service.recharge(user, 2)
    return notices(service, lambda: service.call(TAKE, user=user, id=order_id), order_id)


# ---------------------------------------------------------------- new orders


def test_a_new_order_reaches_who_wants_it_and_not_its_author(service: Api, bot: FakeTelegram) -> None:
    for user in (CLIENT, EXECUTOR, OTHER):
        listen(user, categories=["Электрика"] if user == OTHER else ["Сантехника"])
    order = service.order(CLIENT)
    service.order_changed(service.image(order["id"]))
    [new] = service.queued(Queue.NEW_ORDERS)
    assert service.handle(Queue.NEW_ORDERS, new) == []
    [queued] = service.queued(Queue.OFFERS)
    assert queued == {"user_id": EXECUTOR, "order_id": order["id"], "due_at": service.now}
    assert service.handle(Queue.OFFERS, queued) == []
    [sent] = bot.sent()
    assert sent["chat_id"] == EXECUTOR
    assert "Сантехника, Москва" in sent["text"]
    assert "60 мин" in sent["text"]
    [[button]] = sent["reply_markup"]["inline_keyboard"]
    assert button["url"] == f"https://t.me/urgent_test_bot?startapp=order_{order['id']}"


def test_no_contact_anywhere_on_the_way(service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]) -> None:
    """I18."""
    listen(EXECUTOR)
    order = service.order(CLIENT, "@canary_contact")
    service.order_changed(service.image(order["id"]))
    offers = [{"user_id": EXECUTOR, "order_id": order["id"], "due_at": service.now}]
    said = [*service.queued(Queue.NEW_ORDERS), *offers]
    service.handle(Queue.OFFERS, *offers)
    queued = taken(service, order["id"], EXECUTOR)
    service.handle(Queue.NOTICES, queued[0])
    assert "canary" not in repr([*said, *queued, bot.sent()]) + capfd.readouterr().out


def test_the_queue_may_bring_an_offer_twice(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    for _ in range(3):
        assert offer(service, EXECUTOR, order["id"]) == []
        service.later(minutes=7)
    assert len(bot.sent()) == 1


def test_what_comes_inside_the_window_is_one_digest_without_what_is_gone(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    orders = [service.order(CLIENT, f"@burst_pipe{number}")["id"] for number in range(5)]
    offer(service, EXECUTOR, orders[0])
    service.later(minutes=1)
    for order in orders[1:]:
        offer(service, EXECUTOR, order)
    assert len(bot.sent()) == 1
    digest = digest_of(service)
    assert digest["due_at"] == digest["window_ends_at"] == service.now + 4 * 60_000
    assert service.call("DELETE /api/orders/{id}", user=CLIENT, id=orders[1]).status == 204
    for taker in (10, 11, 12):
        service.recharge(taker, 2)
        assert service.call(TAKE, user=taker, id=orders[2]).status == 200
    assert service.handle(Queue.OFFERS, digest) == [digest], "early: it comes again"
    service.later(minutes=4)
    assert service.handle(Queue.OFFERS, digest) == []
    _, sent = bot.sent()
    links = [row[0]["url"].partition("startapp=order_")[2] for row in sent["reply_markup"]["inline_keyboard"]]
    assert sorted(links) == sorted(orders[3:])
    for order in orders:
        assert offer(service, EXECUTOR, order) == []
    assert service.handle(Queue.OFFERS, digest) == []
    assert len(bot.sent()) == 2


def test_a_digest_of_nothing_is_not_sent(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR, frequency=15)
    first, second = (service.order(CLIENT, f"@burst_pipe{number}")["id"] for number in range(2))
    offer(service, EXECUTOR, first)
    offer(service, EXECUTOR, second)
    service.call("DELETE /api/orders/{id}", user=CLIENT, id=second)
    service.later(minutes=15)
    assert service.handle(Queue.OFFERS, digest_of(service)) == []
    assert len(bot.sent()) == 1


@pytest.mark.parametrize("minutes", [59.99, 60])
def test_no_message_about_an_order_after_its_end(service: Api, bot: FakeTelegram, minutes: float) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    service.later(minutes=minutes)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent()) == (minutes < 60)


def test_an_order_that_ends_while_the_sender_waits_is_not_sent(
    service: Api, bot: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    acquire = send_rate.acquire

    def slow(chat_id: int | None) -> None:
        acquire(chat_id)
        service.later(minutes=60)

    monkeypatch.setattr(send_rate, "acquire", slow)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert bot.sent() == []


def test_who_changed_his_mind_hears_nothing(service: Api, bot: FakeTelegram) -> None:
    """The index may lag, and the queue may be long."""
    order = service.order(CLIENT)
    listen(EXECUTOR, categories=["Электрика"])
    assert offer(service, EXECUTOR, order["id"]) == []
    assert bot.sent() == []


# ---------------------------------------------------------------- what goes wrong


def test_who_blocked_the_bot_leaves_the_audience_until_he_starts_it(service: Api, bot: FakeTelegram) -> None:
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


def test_a_pause_that_telegram_asks_for_holds_for_everybody(service: Api, bot: FakeTelegram) -> None:
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


def test_a_pause_longer_than_a_sender_lives_puts_the_message_back(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", status=429, more={"retry_after": 600})
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert len(offer(service, EXECUTOR, order["id"])) == 1
    assert len(bot.calls) == 1
    service.later(minutes=10)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent()) == 1


def test_senders_keep_telegrams_limits(service: Api, bot: FakeTelegram) -> None:
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


def test_messages_that_are_late_on_their_way_are_not_too_many() -> None:
    """Each sender may have one, of a turn in the second before."""
    events = [
        event
        for it in api.template()["Resources"].values()
        for event in it.get("Properties", {}).get("Events", {}).values()
    ]
    senders = sum(event["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency", 0) for event in events)
    assert senders >= 6
    assert -(-1000 // send_rate.BETWEEN_SENDS_MS) + senders <= MESSAGES_A_SECOND


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 500, "applied": True}])
def test_telegrams_trouble_is_waited_for(service: Api, bot: FakeTelegram, fault: dict[str, Any]) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", **fault)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert [call.status for call in bot.calls] == [fault["status"], 200]


def test_telegrams_silence_is_a_doubt(service: Api, bot: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_api.call, "__kwdefaults__", {"read_timeout": 0.1})
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", hang=0.5)
    started = service.now
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.calls) == 2
    assert service.now - started >= 10_000


def test_nobody_at_telegrams_address_is_none(
    service: Api, bot: FakeTelegram, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often: what was certainly not sent may be sent."""
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
    """Makes the bot's token another one, or takes it away, for an instance that has not read it."""

    def become(value: str | None) -> None:
        ssm = boto3.client("ssm")
        if value is None:
            ssm.delete_parameter(Name=TOKEN_PATH)
        else:
            ssm.put_parameter(Name=TOKEN_PATH, Value=value, Type="SecureString", Overwrite=True)
        secrets._provider.cache_clear()

    return become


@pytest.mark.parametrize("wrong", [None, "42:another"], ids=["no token", "another bot's"])
def test_what_telegram_was_not_asked_or_would_not_hear_is_in_no_doubt(
    service: Api,
    bot: FakeTelegram,
    monkeypatch: pytest.MonkeyPatch,
    token: Callable[[str | None], None],
    log: StringIO,
    wrong: str | None,
) -> None:
    """F25: as often as the queue brings it; it goes out when the token is right again."""
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


def brought(service: Api, *messages: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the queue has after it brought these, one by one."""
    left = [message for it in messages for message in service.handle(Queue.OFFERS, it)]
    return [*left, *service.queued(Queue.OFFERS)]


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_after_an_outage_longer_than_a_window_nothing_collected_is_lost(
    service: Api, bot: FakeTelegram, change: Change, monkeypatch: pytest.MonkeyPatch, first: int, ended: bool
) -> None:
    """Whichever message comes first when Telegram is back, the digest's own among them.

    Where the first order ended by then, the other one is the first that he hears of, and goes out at once.
    """
    listen(EXECUTOR)
    orders = [service.order(CLIENT, f"@burst_pipe{number}")["id"] for number in range(2)]
    url = os.environ["TELEGRAM_API_URL"]
    change(TELEGRAM_API_URL="http://127.0.0.1:9")
    monkeypatch.setattr(api.Context, "get_remaining_time_in_millis", lambda _: 20_000)
    offers = [{"user_id": EXECUTOR, "order_id": order, "due_at": service.now} for order in orders]
    waiting = brought(service, *offers)
    assert len(waiting) == 3, "the two, and a digest"
    service.later(minutes=6)
    waiting = brought(service, *waiting)
    if ended:
        service.call("DELETE /api/orders/{id}", user=CLIENT, id=orders[0])
    change(TELEGRAM_API_URL=url)
    waiting = brought(service, waiting.pop(first), *waiting)
    assert len(bot.sent()) == 1
    service.later(minutes=5)
    assert brought(service, *waiting) == []
    assert [any(order in str(sent) for sent in bot.sent()) for order in orders] == [not ended, True]


def test_a_message_in_doubt_is_given_up_at_last(service: Api, bot: FakeTelegram) -> None:
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


def test_a_message_that_telegram_does_not_take_is_an_alarm(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    bot.fail("sendMessage", status=400, more={"description": "Bad Request: can't parse entities"})
    assert offer(service, EXECUTOR, order["id"]) == []
    assert "DroppedRefused" in capfd.readouterr().out
    assert users.get(EXECUTOR).listens


@pytest.mark.parametrize("queue", list(Queue))
def test_a_message_that_makes_no_sense_fails_alone(
    service: Api, bot: FakeTelegram, queue: Queue, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks into the dead letters finds it there, and not its neighbours."""
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


def test_the_first_notification_of_an_order_is_measured_once(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    order = service.order(CLIENT)
    for user in (EXECUTOR, OTHER):
        listen(user)
        service.later(ms=1234)
        send_offer._told.clear()  # as another process would
        offer(service, user, order["id"])
    found = re.findall(r'"FirstNotificationAge":\[([\d.]+)\]', capfd.readouterr().out.replace(" ", ""))
    assert [float(age) for age in found] == [1234.0]


# ---------------------------------------------------------------- who dies half way

Deadly = Callable[[Queue, dict[str, Any], int], list[str] | None]


@pytest.fixture(params=["before", "after"])
def dies(request: pytest.FixtureRequest, service: Api, monkeypatch: pytest.MonkeyPatch) -> Deadly:
    """Handles a message and dies before or after its how manieth call of AWS or Telegram.

    The calls that were done; None where there were fewer, and it lived.
    """
    aws, telegram = BaseClient._make_api_call, bot_api.call  # type: ignore[attr-defined]

    def handle(queue: Queue, message: dict[str, Any], number: int) -> list[str] | None:
        event = service.received(queue, message)
        numbers, done = itertools.count(1), []

        def counted(name: str, call: Callable[[], Any]) -> Any:
            deadly = next(numbers) == number
            if deadly and request.param == "before":
                raise Killed
            try:
                return call()
            finally:
                done.append(name)
                if deadly:
                    raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", lambda *call: counted(call[1], lambda: aws(*call)))
            patch.setattr(bot_api, "call", lambda name, **given: counted(name, lambda: telegram(name, **given)))
            try:
                HANDLERS[queue].handler(event, api.Context())
            except Killed:
                send_offer._told.clear()
                return done
        return None

    return handle


def again(service: Api, queue: Queue, message: dict[str, Any]) -> None:
    """The queue brings a message until it is done, and once more."""
    for _ in range(3):
        service.later(ms=HELD_MS)
        left = service.handle(queue, message)
    assert left == []


def in_doubt(done: list[str]) -> bool:
    """Whether a sender died between Telegram's answer and writing it down."""
    return "sendMessage" in done and "PutItem" not in done[done.index("sendMessage") :]


def an_offer(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    listen(100 + number)
    order = service.order(CLIENT, f"@pipe_number{number}")
    return Queue.OFFERS, {"user_id": 100 + number, "order_id": order["id"], "due_at": service.now}, 100 + number


def a_digest(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    for what in (an_offer, collected):
        _, message, user = what(service, number)
        service.handle(Queue.OFFERS, message)
    digest = digest_of(service)
    service.later(minutes=5)
    return Queue.OFFERS, digest, user


def collected(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    order = service.order(CLIENT, f"@other_pipe{number}")
    return Queue.OFFERS, {"user_id": 100 + number, "order_id": order["id"], "due_at": service.now}, 100 + number


def a_notice(service: Api, number: int) -> tuple[Queue, dict[str, Any], int]:
    order = service.order(100 + number, f"@pipe_number{number}")
    return Queue.NOTICES, taken(service, order["id"], EXECUTOR)[0], 100 + number


@pytest.mark.parametrize("what", [an_offer, a_digest, a_notice])
def test_wherever_a_sender_dies_nobody_is_lost_and_nobody_flooded(
    service: Api, bot: FakeTelegram, dies: Deadly, what: Callable[[Api, int], tuple[Queue, dict[str, Any], int]]
) -> None:
    """Twice only where he died after Telegram took it and before he wrote that down."""
    for number in itertools.count(1):
        queue, message, user = what(service, number)
        before = len(bot.sent(user))
        done = dies(queue, message, number)
        if done is None:
            break
        if done.count("PutItem") == 1:
            assert service.handle(queue, message) == [message], "whoever claimed it may still be about"
        again(service, queue, message)
        assert len(bot.sent(user)) - before == 1 + in_doubt(done), done
    assert number > 6, "each of its calls"


def test_wherever_one_who_collects_dies_the_order_is_in_the_digest(
    service: Api, bot: FakeTelegram, dies: Deadly
) -> None:
    for number in itertools.count(1):
        _, message, user = an_offer(service, number)
        service.handle(Queue.OFFERS, message)
        _, message, _ = collected(service, number)
        done = dies(Queue.OFFERS, message, number)
        again(service, Queue.OFFERS, message)
        service.later(minutes=5)
        for digest in service.queued(Queue.OFFERS):
            again(service, Queue.OFFERS, digest)
        _, told = bot.sent(user)
        assert message["order_id"] in str(told), done
        if done is None:
            break
    assert number > 3, "each of its calls"


def test_wherever_one_who_finds_the_audience_dies_everybody_is_found(service: Api, dies: Deadly) -> None:
    audience = set(range(100, 112))
    for user in audience:
        listen(user)
    order = service.order(CLIENT)
    message = {"order_id": order["id"], "start": [0, 0], "due_at": service.now}
    for number in itertools.count(1):
        done = dies(Queue.NEW_ORDERS, message, number)
        assert service.handle(Queue.NEW_ORDERS, message) == []
        assert {offer["user_id"] for offer in service.queued(Queue.OFFERS)} == audience, done
        if done is None:
            break
    assert number > 6, "each of its calls"


# ---------------------------------------------------------------- an order's news


def test_the_client_is_told_of_takes_and_asked_while_he_has_not_answered(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    started = service.now
    first, *asked = taken(service, order, EXECUTOR)
    assert [message["due_at"] - started for message in (first, *asked)] == [0, 300_000, 600_000]
    assert service.handle(Queue.NOTICES, first) == []
    [second] = taken(service, order, OTHER)
    service.later(ms=1000)
    assert service.handle(Queue.NOTICES, second) == []
    assert [message["chat_id"] for message in bot.sent()] == [CLIENT, CLIENT]
    assert "всего их 2" in bot.sent()[1]["text"]
    [[answer, close], _] = bot.sent()[0]["reply_markup"]["inline_keyboard"]
    assert (answer["text"], close["text"]) == ("Я ответил", "Закрыть")
    assert service.handle(Queue.NOTICES, asked[0]) == [asked[0]], "early: it comes again"
    service.later(minutes=5)
    assert service.handle(Queue.NOTICES, asked[0]) == []
    assert "Осталось 10 мин" in bot.sent()[2]["text"]
    assert service.handle(Queue.NOTICES, first, asked[0], second) == [], "they were sent"
    service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order)
    service.later(minutes=5)
    assert service.handle(Queue.NOTICES, asked[1]) == []
    assert len(bot.sent()) == 3


@pytest.mark.parametrize(
    ("route", "text"),
    [("respond", "Клиент ответил"), ("complete", "выполненным"), ("close", "2 ₽ вернулись")],
)
def test_executors_hear_what_became_of_it(service: Api, bot: FakeTelegram, route: str, text: str) -> None:
    order = service.order(CLIENT)["id"]
    for user in (EXECUTOR, OTHER):
        taken(service, order, user)
    path = f"POST /api/orders/{{id}}/{route}"
    queued = notices(service, lambda: service.call(path, user=CLIENT, id=order), order)
    assert service.handle(Queue.NOTICES, *queued) == []
    assert service.handle(Queue.NOTICES, *queued) == []
    assert sorted(message["chat_id"] for message in bot.sent()) == [EXECUTOR, OTHER]
    assert all(text in message["text"] for message in bot.sent())


def test_a_no_response_close_tells_of_the_refund(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    service.later(minutes=15)
    [queued] = notices(service, service.sweep, order)
    assert service.handle(Queue.NOTICES, queued) == []
    assert "2 ₽ вернулись" in bot.sent(EXECUTOR)[0]["text"]
    service.later(minutes=120)
    assert service.handle(Queue.NOTICES, {**queued, "user_id": OTHER}) == [], "redriven late it is no news"
    assert bot.sent(OTHER) == []


@pytest.mark.parametrize("answered", [False, True])
def test_of_a_removed_order_its_client_and_its_takers_hear(service: Api, bot: FakeTelegram, answered: bool) -> None:
    """And of the money, which is back (I7)."""
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    if answered:
        service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order)
    queued = notices(service, lambda: operate(service, "remove", order), order)
    assert service.handle(Queue.NOTICES, *queued, *queued) == []
    assert [(message["chat_id"], message["text"]) for message in bot.sent()] == [
        (CLIENT, "Ваш заказ «Сантехника, Москва» снят оператором. Если это ошибка, напишите в поддержку."),
        (EXECUTOR, "Заказ «Сантехника, Москва» снят оператором. 2 ₽ вернулись на ваш баланс."),
    ]
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 2


def test_who_is_paid_back_by_an_operator_hears_of_it_and_others_do_not(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    for user in (EXECUTOR, OTHER):
        taken(service, order, user)
    service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order)
    refund = notices(service, lambda: operate(service, "refund", order, executor_id=EXECUTOR), order)
    service.handle(Queue.NOTICES, *refund)
    close = notices(service, lambda: service.call("POST /api/orders/{id}/close", user=CLIENT, id=order), order)
    service.handle(Queue.NOTICES, *close)
    closed = "Клиент закрыл заказ «Сантехника, Москва»."
    assert [message["text"] for message in bot.sent(EXECUTOR)] == [
        "Оператор вернул деньги за заказ «Сантехника, Москва»: 2 ₽ снова на вашем балансе.",
        f"{closed} 2 ₽ за него уже вернулись на ваш баланс.",
    ]
    assert [message["text"] for message in bot.sent(OTHER)] == [closed]


def operate(service: Api, what: str, order_id: str, **body: Any) -> None:
    path = f"POST /api/admin/orders/{{id}}/{what}"
    assert service.call(path, user=OPERATOR, id=order_id, body={"reason": "жалоба", **body}).status == 200


def test_who_edits_the_category_finds_another_audience(service: Api) -> None:
    order = service.order(CLIENT)["id"]
    before = service.image(order)
    service.call("PUT /api/orders/{id}", user=CLIENT, id=order, body={"category": "Электрика"})
    service.order_changed(service.image(order), before)
    assert [message["order_id"] for message in service.queued(Queue.NEW_ORDERS)] == [order]
    service.order_changed(service.image(order), service.image(order))
    assert service.queued(Queue.NEW_ORDERS) == []


def test_who_edits_the_category_to_and_fro_is_heard_of_no_more(service: Api) -> None:
    """Each change is as many messages as it has an audience, and a client may make as many changes as he likes."""
    order = service.order(CLIENT)["id"]
    queued = []
    for category in ["Электрика", "Сантехника"] * 5:
        before = service.image(order)
        assert service.call("PUT /api/orders/{id}", user=CLIENT, id=order, body={"category": category}).status == 200
        service.order_changed(service.image(order), before)
        queued.append(len(service.queued(Queue.NEW_ORDERS)))
    assert queued == [1] * 5 + [0] * 5


# ---------------------------------------------------------------- the chat


def press(service: Api, update_id: int, data: str, user: int = CLIENT, message_id: int = 1) -> Any:
    query = {"id": str(update_id), "from": {"id": user}, "data": data}
    message = {"chat": {"id": user, "type": "private"}, "message_id": message_id}
    return service.update(update_id, callback_query={**query, "message": message})


def toasts(bot: FakeTelegram) -> list[str]:
    return [call.parameters["text"] for call in bot.calls if call.method == "answerCallbackQuery"]


def edits(bot: FakeTelegram) -> list[str]:
    return [call.parameters["text"] for call in bot.calls if call.method == "editMessageText"]


def test_a_button_does_what_the_endpoint_does_once_and_edits_its_message(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    [first, *_] = taken(service, order, EXECUTOR)
    service.handle(Queue.NOTICES, first)
    message_id = bot.calls[-1].result["message_id"]
    for update in (1, 1, 2):
        assert press(service, update, f"respond:{order}", message_id=message_id).status == 200
    assert service.call("GET /api/orders/{id}", id=order).json["customer_responded_at"] is not None
    assert toasts(bot) == ["Готово", "Вы уже отметили, что ответили"]
    assert set(edits(bot)) == {"Вы отметили, что ответили исполнителям по заказу «Сантехника, Москва»."}
    keyboard = bot.calls[-1].parameters["reply_markup"]["inline_keyboard"]
    assert [[button["text"] for button in row] for row in keyboard] == [["Открыть заказ"]]


def test_the_close_button_refunds(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    press(service, 1, f"close:{order}")
    press(service, 2, f"close:{order}")
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 2
    assert edits(bot) == ["Заказ «Сантехника, Москва» закрыт.", "Заказ уже не активен"]


def test_when_only_the_hour_is_over_he_can_still_answer(service: Api, bot: FakeTelegram) -> None:
    """Taken late: the answer window outlives the hour. What cannot be done is not offered, and a try harms nothing."""
    order = service.order(CLIENT)["id"]
    service.later(minutes=55)
    first, reminder, _ = taken(service, order, EXECUTOR)
    assert service.handle(Queue.NOTICES, first) == []
    service.later(minutes=5)
    assert service.handle(Queue.NOTICES, reminder) == []
    rows = [message["reply_markup"]["inline_keyboard"][0] for message in bot.sent(CLIENT)]
    assert [[button["text"] for button in row] for row in rows] == [["Я ответил", "Закрыть"], ["Я ответил"]]
    press(service, 1, f"close:{order}")
    assert (toasts(bot), edits(bot)) == (["Заказ уже не активен"], [])
    press(service, 2, f"respond:{order}")
    assert toasts(bot)[1:] == ["Готово"]
    assert service.call("GET /api/orders/{id}", id=order).json["customer_responded_at"] is not None


@pytest.mark.parametrize("data", ["respond:{id}", "close:{id}"])
def test_nobody_elses_button_works(service: Api, bot: FakeTelegram, data: str) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    press(service, 1, data.format(id=order), user=EXECUTOR)
    assert toasts(bot) == ["Это может сделать только автор заказа"]
    assert service.call("GET /api/orders/{id}", id=order).json["status"] == "active"


def test_who_is_banned_presses_in_vain(service: Api, bot: FakeTelegram) -> None:
    """And Telegram does not bring his press again."""
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    service.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(CLIENT), body={"reason": "обман"})
    assert press(service, 1, f"respond:{order}").status == 200
    assert toasts(bot) == ["Ваш аккаунт заблокирован. Напишите в поддержку"]
    assert service.call("GET /api/orders/{id}", id=order).json["customer_responded_at"] is None


@pytest.mark.parametrize("data", ["", "respond", "respond:short", "complete:AAAAAAAAAAAA", "respond:AAAAAAAAAAAA:x"])
def test_an_odd_button_is_fine(service: Api, bot: FakeTelegram, data: str) -> None:
    assert press(service, 1, data).status == 200
    assert edits(bot) == []


def test_a_press_whose_answer_telegram_loses_is_made_once(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    bot.fail("answerCallbackQuery", status=502)
    assert press(service, 1, f"close:{order}").status == 503
    assert press(service, 1, f"close:{order}").status == 200
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 2


@pytest.mark.parametrize(
    ("text", "answered", "link"),
    [
        ("/start", "Срочные услуги", "?startapp"),
        ("/start order_AAAAAAAAAAAA", "Вот заказ", "?startapp=order_AAAAAAAAAAAA"),
        ("/start order_'; DROP", "Срочные услуги", "?startapp"),
        ("/help", "Что я умею", "?startapp"),
    ],
)
def test_commands(service: Api, bot: FakeTelegram, text: str, answered: str, link: str) -> None:
    service.update(1, message={"chat": {"id": 5, "type": "private"}, "text": text})
    [sent] = bot.sent(5)
    assert answered in sent["text"]
    assert sent["reply_markup"]["inline_keyboard"][0][0]["url"] == f"https://t.me/urgent_test_bot{link}"


def test_commands_are_answered_at_the_bots_pace(service: Api, bot: FakeTelegram) -> None:
    """Also where Telegram wants nobody to write: then the update comes again."""
    for number in range(40):
        assert service.update(number, message=said_in(1000 + number % 4, "/paysupport")).status == 200
    assert (len(bot.sent()), bot.violations) == (40, [])
    send_rate.pause(600)
    assert service.update(100, message=said_in(5, "/paysupport")).status == 503
    service.later(minutes=10)
    assert service.update(100, message=said_in(5, "/paysupport")).status == 200
    assert len(bot.sent(5)) == 1


def said_in(chat: int, text: str) -> dict[str, Any]:
    return {"chat": {"id": chat, "type": "private"}, "text": text}


@pytest.mark.parametrize("command", ["/start", "/start order_AAAAAAAAAAAA", "/help", "/paysupport"])
def test_a_command_in_a_group_is_not_answered(service: Api, bot: FakeTelegram, command: str) -> None:
    """Telegram allows twenty messages a minute there: who wants the bot to be silent could make it say more."""
    name, _, payload = command.partition(" ")
    for number, chat in enumerate(("group", "supergroup", "channel")):
        message = {"chat": {"id": -100, "type": chat}, "text": f"{name}@urgent_test_bot {payload}"}
        assert service.update(number, message=message).status == 200
    assert bot.calls == []
    assert table.get(keys.user(-100)) is None


def test_buttons_pressed_without_end_are_answered_at_the_chats_pace(service: Api, bot: FakeTelegram) -> None:
    for number in range(5):
        assert press(service, number, "respond:AAAAAAAAAAAA").status == 200
    edits = [call.at for call in bot.calls if call.method == "editMessageText"]
    assert len(edits) == 5
    assert all(after - before >= 1 for before, after in pairwise(edits))


def test_the_pace_of_a_chat_is_forgotten(service: Api, bot: FakeTelegram) -> None:
    service.update(1, message={"chat": {"id": 5, "type": "private"}, "text": "/help"})
    for chat in (5, None):
        item = table.get(keys.pace(chat))
        assert item is not None
        assert 0 < item["ttl"] - service.now // 1000 <= 24 * 60 * 60
    send_rate.pause(3600)
    silenced = table.get(keys.pace(None))
    assert silenced is not None
    assert silenced["ttl"] * 1000 > silenced["next_at"]


def test_what_telegram_says_of_the_chat_is_kept(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    chat = {"id": EXECUTOR, "type": "private"}
    for number, (status, listens) in enumerate((("kicked", False), ("member", True), ("kicked", False))):
        service.update(number, my_chat_member={"chat": chat, "new_chat_member": {"status": status}})
        assert users.get(EXECUTOR).listens is listens
    service.update(9, message={"chat": chat, "write_access_allowed": {}})
    assert users.get(EXECUTOR).listens
    service.update(10, my_chat_member={"chat": {**chat, "type": "group"}, "new_chat_member": {"status": "left"}})
    assert users.get(EXECUTOR).listens


def test_enabling_notifications_says_whether_the_bot_may_write(service: Api, bot: FakeTelegram) -> None:
    route = "PUT /api/users/me/notification-settings"

    def says(**names: Any) -> str:
        answer = service.call(route, user=EXECUTOR, body={"enabled": True}, names=names)
        assert answer.json == {"success": True}
        shown = service.call("GET /api/users/me/notification-settings", user=EXECUTOR, names=names)
        assert shown.headers["x-bot-can-write"] == answer.headers["x-bot-can-write"]
        return answer.headers["x-bot-can-write"]

    assert says() == "false"
    assert says(allows_write_to_pm=True) == "true"
    service.update(1, message={"chat": {"id": EXECUTOR, "type": "private"}, "text": "/start"})
    assert says() == "true"
    user_commands.save_chat(EXECUTOR, is_open=False)
    assert says(allows_write_to_pm=True) == "false"
