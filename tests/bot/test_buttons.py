"""The buttons under a message: respond and close, pressed once, twice, late and by other users."""

from itertools import pairwise
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.aws.queues import Queue
from tests.conftest import OPERATOR
from tests.in_process import Api
from tests.messages import CLIENT, EXECUTOR, taken


def press(service: Api, update_id: int, data: str, user: int = CLIENT, message_id: int = 1) -> Any:
    query = {"id": str(update_id), "from": {"id": user}, "data": data}
    message = {"chat": {"id": user, "type": "private"}, "message_id": message_id}
    return service.update(update_id, callback_query={**query, "message": message})


def toasts(bot: FakeTelegram) -> list[str]:
    return [call.parameters["text"] for call in bot.calls if call.method == "answerCallbackQuery"]


def edits(bot: FakeTelegram) -> list[str]:
    return [call.parameters["text"] for call in bot.calls if call.method == "editMessageText"]


def test_respond_button_acts_once_and_edits_its_message(service: Api, bot: FakeTelegram) -> None:
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


def test_pressed_button_replaces_its_own_message(service: Api, bot: FakeTelegram) -> None:
    """In the chat of the press, with a button that opens the order. Of the toasts each answers its own query."""
    order = service.order(CLIENT)["id"]
    [first, *_] = taken(service, order, EXECUTOR)
    service.handle(Queue.NOTICES, first)
    message_id = bot.calls[-1].result["message_id"]
    press(service, 7, f"close:{order}", message_id=message_id)
    toast, edit = (call.parameters for call in bot.calls[-2:])
    assert toast == {"callback_query_id": "7", "text": "Готово"}
    assert edit == {
        "chat_id": CLIENT,
        "message_id": message_id,
        "text": "Заказ «Сантехника, Москва» закрыт.",
        "link_preview_options": {"is_disabled": True},
        "reply_markup": {
            "inline_keyboard": [
                [{"text": "Открыть заказ", "url": f"https://t.me/urgent_test_bot?startapp=order_{order}"}]
            ]
        },
    }


def test_press_of_a_message_too_old_to_edit_is_only_answered(service: Api, bot: FakeTelegram) -> None:
    """Telegram leaves the message out. The command is carried out."""
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    query = {"id": "1", "from": {"id": CLIENT}, "data": f"close:{order}"}
    assert service.update(1, callback_query=query).status == 200
    assert (toasts(bot), edits(bot)) == (["Готово"], [])
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 2


def test_close_button_refunds_executors_once(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    press(service, 1, f"close:{order}")
    press(service, 2, f"close:{order}")
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 2
    assert edits(bot) == ["Заказ «Сантехника, Москва» закрыт.", "Заказ уже не активен"]


def test_order_past_its_hour_offers_respond_but_not_close(service: Api, bot: FakeTelegram) -> None:
    """Taken late, so the answer window outlives the hour. Close is not offered, and pressing it changes nothing."""
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
def test_button_pressed_by_another_user_is_refused(service: Api, bot: FakeTelegram, data: str) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    press(service, 1, data.format(id=order), user=EXECUTOR)
    assert toasts(bot) == ["Это может сделать только автор заказа"]
    assert service.call("GET /api/orders/{id}", id=order).json["status"] == "active"


@pytest.mark.parametrize("data", ["respond:{id}", "close:{id}"])
def test_button_of_a_removed_order_finds_nothing(service: Api, bot: FakeTelegram, data: str) -> None:
    """I25: for strangers, as for an order that was never there. Its client is told that it ended."""
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    remove = "POST /api/admin/orders/{id}/remove"
    assert service.call(remove, user=OPERATOR, id=order, body={"reason": "обман"}).status == 200
    for number, id in enumerate((order, "AAAAAAAAAAAA")):
        press(service, number, data.format(id=id), user=77)
    press(service, 2, data.format(id=order))
    assert toasts(bot) == ["Заказ не найден", "Заказ не найден", "Заказ уже не активен"]


def test_button_pressed_by_a_banned_user_is_refused(service: Api, bot: FakeTelegram) -> None:
    """The update is accepted, so that Telegram does not deliver it again."""
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    service.call("POST /api/admin/users/{id}/ban", user=OPERATOR, id=str(CLIENT), body={"reason": "обман"})
    assert press(service, 1, f"respond:{order}").status == 200
    assert toasts(bot) == ["Ваш аккаунт заблокирован. Если это ошибка, отправьте нашему боту команду /support"]
    assert service.call("GET /api/orders/{id}", user=CLIENT, id=order).json["customer_responded_at"] is None


@pytest.mark.parametrize("data", ["", "respond", "respond:short", "complete:AAAAAAAAAAAA", "respond:AAAAAAAAAAAA:x"])
def test_malformed_button_data_is_ignored(service: Api, bot: FakeTelegram, data: str) -> None:
    for _ in range(2):
        assert press(service, 1, data).status == 200
    assert (toasts(bot), edits(bot)) == (["Готово"], [])


def test_press_repeated_after_a_lost_reply_acts_once(service: Api, bot: FakeTelegram) -> None:
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    bot.fail("answerCallbackQuery", status=502)
    assert press(service, 1, f"close:{order}").status == 503
    assert press(service, 1, f"close:{order}").status == 200
    assert service.call("GET /api/balance", user=EXECUTOR).json["balance"] == 2


def test_repeated_presses_edit_at_most_once_a_second(service: Api, bot: FakeTelegram) -> None:
    for number in range(5):
        assert press(service, number, "respond:AAAAAAAAAAAA").status == 200
    edits = [call.at for call in bot.calls if call.method == "editMessageText"]
    assert len(edits) == 5
    assert all(after - before >= 1 for before, after in pairwise(edits))


def test_press_refused_by_flood_control_pauses_the_presser(service: Api, bot: FakeTelegram) -> None:
    """The next edit in this chat waits as long as Telegram said, and no longer."""
    bot.fail("answerCallbackQuery", status=429, more={"retry_after": 3})
    assert press(service, 1, "respond:AAAAAAAAAAAA").status == 503
    refused_at = service.now
    assert press(service, 1, "respond:AAAAAAAAAAAA").status == 200
    assert [call.method for call in bot.calls] == ["answerCallbackQuery"] * 2 + ["editMessageText"]
    assert 3000 <= service.now - refused_at < 4100


def test_press_that_would_wait_long_is_done_without_an_edit(service: Api, bot: FakeTelegram) -> None:
    bot.fail("answerCallbackQuery", status=429, more={"retry_after": 600})
    assert press(service, 1, "respond:AAAAAAAAAAAA").status == 200
    assert edits(bot) == []


@pytest.mark.parametrize("method", ["answerCallbackQuery", "editMessageText"])
@pytest.mark.parametrize(("status", "answer"), [(400, 200), (403, 200), (401, 200), (502, 503)])
def test_refused_toast_or_edit_fails_no_press(
    service: Api, bot: FakeTelegram, method: str, status: int, answer: int
) -> None:
    """A query that is too old, and a message that is gone, end the press. An outage repeats it."""
    order = service.order(CLIENT)["id"]
    taken(service, order, EXECUTOR)
    bot.fail(method, status=status)
    assert press(service, 1, f"respond:{order}").status == answer
    ended_early = method == "answerCallbackQuery" and status not in (400, 403)
    assert len(edits(bot)) == (0 if ended_early else 1)
