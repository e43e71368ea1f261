"""Notices to the client and the executors of an order: takes, reminders, answers, ends and refunds."""

from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.aws.queues import Queue
from tests.conftest import OPERATOR
from tests.in_process import Api
from tests.messages import CLIENT, EXECUTOR, OTHER, notices, taken


def test_client_hears_of_takes_and_reminders_until_the_answer(service: Api, bot: FakeTelegram) -> None:
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
    assert service.handle(Queue.NOTICES, asked[0]) == [asked[0]], "early: it stays in the queue"
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
def test_executors_hear_of_answer_completion_and_close(service: Api, bot: FakeTelegram, route: str, text: str) -> None:
    order = service.order(CLIENT)["id"]
    for user in (EXECUTOR, OTHER):
        taken(service, order, user)
    path = f"POST /api/orders/{{id}}/{route}"
    queued = notices(service, lambda: service.call(path, user=CLIENT, id=order), order)
    assert service.handle(Queue.NOTICES, *queued) == []
    assert service.handle(Queue.NOTICES, *queued) == []
    assert sorted(message["chat_id"] for message in bot.sent()) == [EXECUTOR, OTHER]
    assert all(text in message["text"] for message in bot.sent())


def test_no_response_close_tells_executors_of_the_refund(service: Api, bot: FakeTelegram) -> None:
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
def test_removed_order_is_told_to_client_and_executors(service: Api, bot: FakeTelegram, answered: bool) -> None:
    """The executors are also told that they were refunded (I7)."""
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    if answered:
        service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order)
    queued = notices(service, lambda: operate(service, "remove", order), order)
    assert service.handle(Queue.NOTICES, *queued, *queued) == []
    assert [(message["chat_id"], message["text"]) for message in bot.sent()] == [
        (CLIENT, "Ваш заказ «Сантехника, Москва» снят оператором. Если это ошибка, отправьте мне команду /support."),
        (EXECUTOR, "Заказ «Сантехника, Москва» снят оператором. 2 ₽ вернулись на ваш баланс."),
    ]
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 2


def test_removal_of_a_completed_order_promises_no_refund(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order)
    queued = notices(service, lambda: operate(service, "remove", order), order)
    assert service.handle(Queue.NOTICES, *queued) == []
    assert [(message["chat_id"], message["text"]) for message in bot.sent()] == [
        (CLIENT, "Ваш заказ «Сантехника, Москва» снят оператором. Если это ошибка, отправьте мне команду /support."),
    ]
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 0


def test_operator_refund_is_told_to_that_executor_alone(service: Api, bot: FakeTelegram) -> None:
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
