"""A new order and its audience: offers, digests, and orders that are no longer offered."""

import os
import re
from collections.abc import Mapping
from typing import Any

import pytest

from functions.notifications import send_offer
from infra.local.fakes.telegram import FakeTelegram
from shared.aws import queues
from shared.aws.queues import Queue
from shared.service_errors import Unavailable
from shared.store import notices, send_rate, subscriptions
from tests import api
from tests.in_process import Api, Change
from tests.messages import CLIENT, EXECUTOR, OTHER, TAKE, digest_of, listen, offer, taken


def test_new_order_reaches_subscribers_but_not_its_client(service: Api, bot: FakeTelegram) -> None:
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


def test_fan_out_that_fails_continues_where_it_failed(
    service: Api, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Another receive of the message would queue the pages before the failure once more."""
    monkeypatch.setattr(subscriptions, "_PAGE", 3)
    audience = list(range(100, 111))
    for user in audience:
        listen(user)
    order = service.order(CLIENT)
    sent: list[int] = []

    def fail(params: dict[str, Any], **_: Any) -> None:
        sent.append(len(params["Entries"]))
        if len(sent) in (3, 5):
            raise ConnectionError

    queues.client().meta.events.register("provide-client-params.sqs.SendMessageBatch", fail)
    message = {"order_id": order["id"], "start": [0, 0], "due_at": service.now}
    assert service.handle(Queue.NEW_ORDERS, message) == []
    offers = service.queued(Queue.OFFERS)
    [rest] = service.queued(Queue.NEW_ORDERS)
    assert len(offers) == 6
    # It fails at once: nothing was queued, so the queue delivers the message again after its visibility timeout.
    assert service.handle(Queue.NEW_ORDERS, rest) == [rest]
    assert service.queued(Queue.NEW_ORDERS) == []
    assert service.handle(Queue.NEW_ORDERS, rest) == []
    offers += service.queued(Queue.OFFERS)
    assert sorted(offer["user_id"] for offer in offers) == audience
    assert service.queued(Queue.NEW_ORDERS) == []
    assert capfd.readouterr().out.count('"BackgroundFailures":[1.0]') == 2


def test_failed_note_of_the_first_offer_fails_no_message(
    service: Api, bot: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metric is optional: the offer has arrived and is recorded."""

    def fail(*_: Any) -> None:
        raise Unavailable

    listen(EXECUTOR)
    order = service.order(CLIENT)
    monkeypatch.setattr(notices, "is_first", fail)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent()) == 1


def test_no_contact_in_queues_messages_or_logs(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
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


def test_offer_delivered_three_times_is_sent_once(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    for _ in range(3):
        assert offer(service, EXECUTOR, order["id"]) == []
        service.later(minutes=7)
    assert len(bot.sent()) == 1


def test_orders_of_one_window_are_one_digest_of_those_left(service: Api, bot: FakeTelegram) -> None:
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
    for other in (10, 11, 12):
        service.recharge(other, 2)
        assert service.call(TAKE, user=other, id=orders[2]).status == 200
    assert service.handle(Queue.OFFERS, digest) == [digest], "early: it stays in the queue"
    service.later(minutes=4)
    assert service.handle(Queue.OFFERS, digest) == []
    _, sent = bot.sent()
    links = [row[0]["url"].partition("startapp=order_")[2] for row in sent["reply_markup"]["inline_keyboard"]]
    assert sorted(links) == sorted(orders[3:])
    for order in orders:
        assert offer(service, EXECUTOR, order) == []
    assert service.handle(Queue.OFFERS, digest) == []
    assert len(bot.sent()) == 2


def test_empty_digest_is_not_sent(service: Api, bot: FakeTelegram) -> None:
    listen(EXECUTOR, frequency=15)
    first, second = (service.order(CLIENT, f"@burst_pipe{number}")["id"] for number in range(2))
    offer(service, EXECUTOR, first)
    offer(service, EXECUTOR, second)
    service.call("DELETE /api/orders/{id}", user=CLIENT, id=second)
    service.later(minutes=15)
    assert service.handle(Queue.OFFERS, digest_of(service)) == []
    assert len(bot.sent()) == 1


@pytest.mark.parametrize("minutes", [59.99, 60])
def test_expired_order_is_not_offered(service: Api, bot: FakeTelegram, minutes: float) -> None:
    listen(EXECUTOR)
    order = service.order(CLIENT)
    service.later(minutes=minutes)
    assert offer(service, EXECUTOR, order["id"]) == []
    assert len(bot.sent()) == (minutes < 60)


def test_order_ending_while_the_sender_waits_is_not_offered(
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


def test_offer_against_current_preferences_is_dropped(service: Api, bot: FakeTelegram) -> None:
    """The index may lag and the queue may be long, so the preferences are checked again before a send."""
    order = service.order(CLIENT)
    listen(EXECUTOR, categories=["Электрика"])
    assert offer(service, EXECUTOR, order["id"]) == []
    assert bot.sent() == []


def brought(service: Api, *messages: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Handle these messages one by one; return what is then in the queue."""
    left = [message for waiting in messages for message in service.handle(Queue.OFFERS, waiting)]
    return [*left, *service.queued(Queue.OFFERS)]


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_outage_longer_than_a_window_loses_no_collected_order(
    service: Api, bot: FakeTelegram, change: Change, monkeypatch: pytest.MonkeyPatch, first: int, ended: bool
) -> None:
    """In whatever order the messages are delivered when Telegram is back, the digest's own included.

    If the first order has ended by then, the other one is the first that the executor hears of and goes out at once.
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


def test_age_of_the_first_notification_is_measured_once(
    service: Api, bot: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    order = service.order(CLIENT)
    for user in (EXECUTOR, OTHER):
        listen(user)
        service.later(ms=1234)
        send_offer._told.clear()  # as another process would do
        offer(service, user, order["id"])
    found = re.findall(r'"FirstNotificationAge":\[([\d.]+)\]', capfd.readouterr().out.replace(" ", ""))
    assert [float(age) for age in found] == [1234.0]


def test_category_edit_announces_the_order_again(service: Api) -> None:
    order = service.order(CLIENT)["id"]
    before = service.image(order)
    service.call("PUT /api/orders/{id}", user=CLIENT, id=order, body={"category": "Электрика"})
    service.order_changed(service.image(order), before)
    assert [message["order_id"] for message in service.queued(Queue.NEW_ORDERS)] == [order]
    service.order_changed(service.image(order), service.image(order))
    assert service.queued(Queue.NEW_ORDERS) == []


def test_repeated_category_edits_are_announced_five_times(service: Api) -> None:
    """Each edit sends a message to the whole audience, and the number of edits is not limited."""
    order = service.order(CLIENT)["id"]
    queued = []
    for category in ["Электрика", "Сантехника"] * 5:
        before = service.image(order)
        assert service.call("PUT /api/orders/{id}", user=CLIENT, id=order, body={"category": category}).status == 200
        service.order_changed(service.image(order), before)
        queued.append(len(service.queued(Queue.NEW_ORDERS)))
    assert queued == [1] * 5 + [0] * 5
