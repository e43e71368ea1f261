"""What one send leads to: its outcome, the wait before another try, its metric, and what is known of the chat."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared import clock
from shared.bot import buttons, sending
from shared.bot.sending import BotMessage, app_button, dropped, markup
from shared.domain.delivery import Outcome
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiUnreachable
from shared.store import keys, send_rate, table, users
from tests.domain.test_inbox import HOUR, order
from tests.in_process import Api, Change, read_metrics
from tests.messages import EXECUTOR, listen

APP = "https://t.me/urgent_test_bot?startapp"
HELLO = BotMessage("Привет", [[{"text": "Да", "callback_data": "yes"}]])


@pytest.fixture(autouse=True)
def no_metrics() -> Iterator[None]:
    """No metric is left from, or to, another test."""
    read_metrics()
    yield
    read_metrics()


def send(message: BotMessage | None = HELLO, chat: int = EXECUTOR, **more: Any) -> tuple[Outcome, float]:
    return sending.send(chat, lambda now: message, **more)


# ---------------------------------------------------------------- outcomes


@pytest.mark.parametrize(
    ("fault", "outcome", "seconds", "counted"),
    [
        ({"status": 500}, Outcome.IN_DOUBT, 0, {}),
        ({"status": 502}, Outcome.IN_DOUBT, 0, {}),
        ({"status": 429, "more": {"retry_after": 7}}, Outcome.MISSED, 7, {"TelegramSaidTooMany": [1]}),
        ({"status": 429, "more": {"text": "{}"}}, Outcome.MISSED, 1, {"TelegramSaidTooMany": [1]}),
        ({"status": 403}, Outcome.UNREACHABLE, 0, {}),
        ({"status": 400, "more": {"description": "Bad Request: chat not found"}}, Outcome.UNREACHABLE, 0, {}),
        ({"status": 400, "more": {"description": "Bad Request: message is too long"}}, Outcome.REFUSED, 0, {}),
        ({"status": 401}, Outcome.MISSED, 10, {"BackgroundFailures": [1]}),
        ({"status": 404}, Outcome.MISSED, 10, {"BackgroundFailures": [1]}),
    ],
    ids=str,
)
def test_refused_send_has_the_outcome_of_its_error(
    service: Api, bot: FakeTelegram, fault: dict[str, Any], outcome: Outcome, seconds: float, counted: dict[str, Any]
) -> None:
    listen(EXECUTOR)
    bot.fail("sendMessage", **fault)
    assert send() == (outcome, seconds)
    assert read_metrics() == counted
    assert users.get(EXECUTOR).chat_open is (False if outcome is Outcome.UNREACHABLE else None)
    paced = table.get(keys.pace(EXECUTOR)) or {}
    assert paced["next_at"] - service.now == pytest.approx(max(seconds * 1000 * (fault["status"] == 429), 1500), abs=50)


def test_sent_message_arrives_as_composed_and_is_counted(service: Api, bot: FakeTelegram) -> None:
    assert send() == (Outcome.ARRIVED, 0)
    assert read_metrics() == {"NotificationsSent": [1]}
    [sent] = bot.sent(EXECUTOR)
    assert (sent["text"], sent["reply_markup"]) == ("Привет", {"inline_keyboard": [list(row) for row in HELLO.buttons]})


def test_question_opens_a_reply_and_other_messages_do_not(service: Api, bot: FakeTelegram) -> None:
    send(BotMessage("Вопрос", is_question=True))
    service.later(ms=2000)
    send(BotMessage("Ответ"))
    assert [sent.get("reply_markup") for sent in bot.sent(EXECUTOR)] == [{"force_reply": True}, None]


def test_message_is_composed_after_the_wait_and_may_be_none(service: Api, bot: FakeTelegram) -> None:
    send_rate.pause(EXECUTOR, 2)
    at: list[int] = []

    def nothing(now: int) -> None:
        at.append(now)

    started = service.now
    assert sending.send(EXECUTOR, nothing) == (Outcome.ENDED, 0)
    assert (bot.calls, at) == ([], [clock.now_ms()])
    assert at[0] - started >= 2000
    assert read_metrics() == {}


def test_chat_whose_turn_is_far_ahead_is_missed_for_that_long(service: Api, bot: FakeTelegram) -> None:
    send_rate.pause(EXECUTOR, 100)
    assert send() == (Outcome.MISSED, 100)
    assert bot.calls == []
    assert send(has_turn=True) == (Outcome.ARRIVED, 0), "the turn of the chat was taken before"


@pytest.mark.parametrize(("maybe_done", "result"), [(True, (Outcome.IN_DOUBT, 0)), (False, (Outcome.MISSED, 10))])
def test_lost_connection_is_in_doubt_only_if_it_may_have_sent(
    service: Api, monkeypatch: pytest.MonkeyPatch, maybe_done: bool, result: tuple[Outcome, float]
) -> None:
    def unreachable(method: str, **parameters: object) -> None:
        raise BotApiUnreachable(method, maybe_done=maybe_done)

    monkeypatch.setattr(bot_api, "call", unreachable)
    assert send() == result
    assert read_metrics() == {}


def test_send_without_a_token_is_missed_and_counted_as_failure(service: Api, change: Change) -> None:
    change(SECRETS_PREFIX="/nowhere")
    assert send() == (Outcome.MISSED, 10)
    assert read_metrics() == {"BackgroundFailures": [1]}


@pytest.mark.parametrize(("orders", "count"), [([], 1), (["A"], 1), (["A", "B", "C"], 3)])
def test_dropped_orders_are_counted_and_logged(orders: list[str], count: int, log: StringIO) -> None:
    """A message about no order counts as one."""
    dropped(Outcome.LATE, EXECUTOR, orders)
    assert read_metrics() == {"DroppedLate": [count]}
    line = json.loads(log.getvalue())
    assert (line["reason"], line["user_id"], line["order_ids"]) == ("late", EXECUTOR, orders)


# ---------------------------------------------------------------- buttons


def test_app_button_opens_the_app_at_the_order() -> None:
    stored = order(1)
    assert app_button("Открыть", None) == {"text": "Открыть", "url": APP}
    assert app_button("Открыть", "A" * 12)["url"] == f"{APP}=order_{'A' * 12}"
    assert app_button("Открыть", stored)["url"] == f"{APP}=order_{stored.id}"


def test_markup_has_rows_of_buttons_or_is_none() -> None:
    assert markup([]) is None
    assert markup([({"text": "a"},), ({"text": "b"}, {"text": "c"})]) == {
        "inline_keyboard": [[{"text": "a"}], [{"text": "b"}, {"text": "c"}]]
    }


@pytest.mark.parametrize(("now", "may_close"), [(HOUR - 1, True), (HOUR, False)])
def test_client_gets_the_buttons_that_still_work(now: int, may_close: bool) -> None:
    """Their data is what a press sends back: an action of `buttons.press`, and the order."""
    stored = order(1)
    respond = {"text": "Я ответил", "callback_data": f"respond:{stored.id}"}
    close = {"text": "Закрыть", "callback_data": f"close:{stored.id}"}
    shown = [respond, close] if may_close else [respond]
    assert buttons.of(stored, now) == [shown, [{"text": "Открыть заказ", "url": f"{APP}=order_{stored.id}"}]]
