"""The fake Telegram of `infra/local`, which other tests rely on."""

from contextlib import suppress

import httpx
import pytest

from infra.local.fakes.telegram import JPEG, FakeTelegram
from shared.outbound import bot_api, http
from shared.outbound.bot_api import BotApiError
from shared.settings import settings
from tests.in_process import Api
from tests.serving import serving_fake


def test_fake_telegram_enforces_its_limits(service: Api, telegram: FakeTelegram) -> None:
    telegram.limits = True
    now = 0.0
    telegram._clock = lambda: now

    def send(chat: int) -> int:
        try:
            bot_api.call("sendMessage", chat_id=chat, text="!")
        except BotApiError as refused:
            return refused.error_code
        return 200

    assert [send(chat) for chat in range(30)] == [200] * 30
    assert send(30) == 429
    now = 1.0
    assert [send(30), send(30), send(31)] == [200, 429, 200]
    assert len(telegram.violations) == 2


def test_fake_telegram_takes_faults_over_http(service: Api, telegram: FakeTelegram) -> None:
    address = settings().telegram_api_url
    fault = {"method": "sendMessage", "status": 403, "match": {"chat_id": 5}}
    assert http.request("POST", f"{address}/script", body=fault).status == 204
    with pytest.raises(BotApiError):
        bot_api.call("sendMessage", chat_id=5, text="!")
    bot_api.call("sendMessage", chat_id=6, text="!")
    seen = http.request("GET", f"{address}/calls?method=sendMessage").body
    assert [(call["parameters"]["chat_id"], call["status"]) for call in seen["calls"]] == [(5, 403), (6, 200)]


def test_a_chat_shows_its_messages_as_they_are_now(service: Api, telegram: FakeTelegram) -> None:
    """An edited text replaces the one before; messages of other chats are not there."""
    key = {"text": "Закрыть", "callback_data": "close:1"}
    sent = bot_api.call("sendMessage", chat_id=5, text="Заказ взяли", reply_markup={"inline_keyboard": [[key]]})
    bot_api.call("sendMessage", chat_id=6, text="Другому")
    chat = f"{settings().telegram_api_url}/chats/5"
    message = {"id": sent["message_id"], "text": "Заказ взяли", "buttons": [key]}
    assert http.request("GET", chat).body == {"messages": [message]}
    bot_api.call("editMessageText", chat_id=5, message_id=sent["message_id"], text="Закрыт")
    assert http.request("GET", chat).body == {"messages": [{**message, "text": "Закрыт", "buttons": []}]}


def test_fake_telegram_keeps_what_was_sent_to_it(service: Api, telegram: FakeTelegram) -> None:
    """A refusal of an unknown file is no mistake of the caller's form."""
    [size] = telegram.photo()
    assert bot_api.download(size["file_id"], most_bytes=size["file_size"]) == JPEG
    for file_id, most, status in (("unknown", 1000, 400), (size["file_id"], size["file_size"] - 1, 413)):
        with pytest.raises(BotApiError) as refused:
            bot_api.download(file_id, most_bytes=most)
        assert refused.value.error_code == status
    assert telegram.mistakes == []


def test_malformed_message_is_refused_and_recorded(
    service: Api, telegram: FakeTelegram, capfd: pytest.CaptureFixture[str]
) -> None:
    """The record has the place and the rule, and nothing that was sent. `make run` shows it, on standard error."""
    for row in ([], [{"text": "Да", "callback_data": "x" * 65}]):
        with suppress(BotApiError):
            bot_api.call("sendMessage", chat_id=5, text="!", reply_markup={"inline_keyboard": [row]})
    assert [call.status for call in telegram.calls] == [200, 400]
    assert telegram.mistakes == ["sendMessage: reply_markup.inline_keyboard.0.0.callback_data: maxBytes 64"]
    assert f"The fake of Telegram refuses {telegram.mistakes[0]}" in capfd.readouterr().err
    telegram.mistakes.clear()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "sendMessage", {}, b'{"chat_id": 5, "text": "!"}', 400),
        ("POST", "sendMessage", {"content-type": "application/json"}, b"chat_id=5&text=!", 400),
        ("POST", "sendMessage", {"content-type": "application/json"}, b"[]", 400),
        ("GET", "sendMessage?chat_id=5&text=!", {}, None, 400),
        ("PUT", "sendMessage", {"content-type": "application/json"}, b'{"chat_id": 5, "text": "!"}', 405),
        ("POST", "sendMesage", {"content-type": "application/json"}, b'{"chat_id": 5, "text": "!"}', 404),
        ("POST", "send/Message", {"content-type": "application/json"}, b'{"chat_id": 5, "text": "!"}', 404),
    ],
)
def test_wrong_http_is_refused_and_recorded(
    service: Api,
    telegram: FakeTelegram,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None,
    status: int,
) -> None:
    answer = httpx.request(
        method, f"{settings().telegram_api_url}/bot{telegram.token}/{path}", headers=headers, content=body
    )
    assert (answer.status_code, len(telegram.mistakes), telegram.sent()) == (status, 1, [])
    telegram.mistakes.clear()


def test_json_in_a_text_stays_a_text(service: Api, telegram: FakeTelegram) -> None:
    bot_api.call("sendMessage", chat_id=5, text='{"a": [1]}')
    assert [message["text"] for message in telegram.sent(5)] == ['{"a": [1]}']


def test_pre_checkout_answer_has_ten_seconds(service: Api, telegram: FakeTelegram) -> None:
    """https://core.telegram.org/bots/api#precheckoutquery"""
    now = 0.0
    telegram._clock = lambda: now
    link = bot_api.call(
        "createInvoiceLink",
        title="!",
        description="!",
        payload="1.1",
        provider_token="",
        currency="XTR",
        prices=[{"label": "!", "amount": 1}],
    )
    query = telegram.pre_checkout_query(link, payer_id=1)
    answer = {"pre_checkout_query_id": query["id"], "ok": True}
    now = 10.0
    assert bot_api.call("answerPreCheckoutQuery", **answer) is True
    now = 10.1
    for late in (answer, {**answer, "pre_checkout_query_id": "unknown"}):
        with pytest.raises(BotApiError, match="400"):
            bot_api.call("answerPreCheckoutQuery", **late)


def test_served_fake_ends_with_a_check_of_mistakes() -> None:
    fake = FakeTelegram("42:TEST-token-of-nobody")
    with pytest.raises(AssertionError), serving_fake(fake) as url:
        http.request("POST", f"{url}/bot{fake.token}/sendMessage", body={"chat_id": 5})
