"""POST /api/telegram/webhook, and the Bot API as the bot calls it."""

from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.bot.updates import kind_of
from shared.outbound import bot_api, http
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.service_errors import Unavailable
from shared.settings import settings
from tests.conftest import BOT_TOKEN
from tests.in_process import Api, Change


def message(text: str, user: int = 1) -> dict[str, Any]:
    return {"message_id": 5, "from": {"id": user}, "chat": {"id": user, "type": "private"}, "text": text}


# ---------------------------------------------------------------- the webhook


def test_a_command_is_answered(service: Api, telegram: FakeTelegram) -> None:
    assert service.update(1, message=message("/paysupport")).json == {"success": True}
    [sent] = telegram.sent(1)
    assert "Деньги вернём" in sent["text"]


@pytest.mark.parametrize("secret", ["", "wrong", "секрет", "test-webhook-secre", "test-webhook-secret "])
def test_who_does_not_know_the_secret_is_not_telegram(service: Api, telegram: FakeTelegram, secret: str) -> None:
    answer = service.update(1, message=message("/paysupport"), secret=secret)
    assert (answer.status, answer.json["code"]) == (401, "unverified_sender")
    assert telegram.calls == []


def test_a_request_without_the_header_is_refused(service: Api) -> None:
    answer = service.call("POST /api/telegram/webhook", body={"update_id": 1, "message": message("/paysupport")})
    assert answer.status == 401


def test_an_update_is_handled_once(service: Api, telegram: FakeTelegram) -> None:
    for _ in range(3):
        assert service.update(7, message=message("/paysupport")).status == 200
    assert len(telegram.sent()) == 1
    assert service.update(8, message=message("/paysupport")).status == 200
    assert len(telegram.sent()) == 2


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"message": message("вода на полу")},
        {"message": message("/nobody_knows_it")},
        {"message": {"message_id": 1, "photo": []}},
        {"poll": {"id": "1"}},
        {"what_telegram_invents_tomorrow": {"x": 1}},
        {"message": "no message"},
    ],
)
def test_what_nobody_handles_is_fine(service: Api, telegram: FakeTelegram, content: dict[str, Any]) -> None:
    assert service.update(1, **content).status == 200
    assert telegram.calls == []


@pytest.mark.parametrize("raw", ["", "{", "[]", "1", '{"update_id": "1"}', "{}", '{"update_id": true}', "[" * 60_000])
def test_what_is_no_update_is_refused(service: Api, raw: str) -> None:
    answer = service.call(
        "POST /api/telegram/webhook", raw=raw, headers={"x-telegram-bot-api-secret-token": "test-webhook-secret"}
    )
    assert answer.status == 400


@pytest.mark.parametrize("fault", [{"status": 429, "more": {"retry_after": 1}}, {"status": 502}])
def test_an_update_comes_again_while_telegram_is_in_trouble(
    service: Api, telegram: FakeTelegram, fault: dict[str, Any]
) -> None:
    telegram.fail("sendMessage", **fault)
    assert service.update(1, message=message("/paysupport")).status == 503
    assert service.update(1, message=message("/paysupport")).status == 200
    assert len(telegram.sent()) == 1


def test_one_who_blocked_the_bot_is_not_asked_again(service: Api, telegram: FakeTelegram) -> None:
    telegram.fail("sendMessage", status=403, times=None)
    for _ in range(2):
        assert service.update(1, message=message("/paysupport")).status == 200
    assert len(telegram.calls) == 1


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        ({"update_id": 1, "message": {"text": "/start order_abc"}}, "/start"),
        ({"update_id": 1, "message": {"text": "/Start@urgent_bot order_abc"}}, "/start"),
        ({"update_id": 1, "message": {"text": "/start", "successful_payment": {}}}, "successful_payment"),
        ({"update_id": 1, "message": {"text": "see /start"}}, "message"),
        ({"update_id": 1, "message": {"text": " "}}, "message"),
        ({"update_id": 1, "callback_query": {"data": "/start"}}, "callback_query"),
        ({"update_id": 1}, ""),
    ],
)
def test_kinds(update: dict[str, Any], kind: str) -> None:
    assert kind_of(update)[0] == kind


# ---------------------------------------------------------------- the client


def test_a_method_gives_its_result(service: Api, telegram: FakeTelegram) -> None:
    assert bot_api.call("getMe")["is_bot"] is True
    bot_api.call("sendMessage", chat_id=5, text="привет", reply_markup=None)
    assert telegram.sent(5) == [{"chat_id": 5, "text": "привет"}]


@pytest.mark.parametrize(
    ("fault", "code", "retry_after"),
    [
        ({"status": 429, "more": {"retry_after": 17}}, 429, 17),
        ({"status": 403}, 403, None),
        ({"status": 400, "more": {"description": "Bad Request: chat not found"}}, 400, None),
        ({"status": 502}, 502, None),
    ],
)
def test_a_refusal_says_what_to_do(
    service: Api, telegram: FakeTelegram, fault: dict[str, Any], code: int, retry_after: int | None
) -> None:
    telegram.fail("sendMessage", **fault)
    with pytest.raises(BotApiError) as refused:
        bot_api.call("sendMessage", chat_id=5, text="привет")
    assert (refused.value.error_code, refused.value.retry_after) == (code, retry_after)
    assert telegram.sent() == []


def test_silence_ends(service: Api, telegram: FakeTelegram) -> None:
    telegram.fail("sendMessage", hang=5)
    with pytest.raises(BotApiUnreachable) as silent:
        bot_api.call("sendMessage", chat_id=5, text="привет", read_timeout=0.2)
    assert silent.value.maybe_done


def test_nobody_there_is_known_not_to_have_done_it(service: Api) -> None:
    with pytest.raises(BotApiUnreachable) as nobody:
        bot_api.call("sendMessage", chat_id=5, text="привет")
    assert not nobody.value.maybe_done


def test_without_its_token_the_bot_says_nothing(service: Api, telegram: FakeTelegram, change: Change) -> None:
    """F25."""
    change(SECRETS_PREFIX="/nowhere")
    with pytest.raises(Unavailable):
        bot_api.call("sendMessage", chat_id=5, text="привет")
    assert service.update(1, message=message("/paysupport")).status == 503
    assert telegram.calls == []


def test_no_token_and_no_text_in_the_log_or_an_error(
    service: Api, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    caplog.set_level("DEBUG", logger="urllib3")
    for fault in ({"status": 429, "more": {"retry_after": 1}}, {"status": 502}, {"hang": 1}):
        telegram.fail("sendMessage", **fault)
        with pytest.raises((BotApiError, BotApiUnreachable)) as refused:
            bot_api.call("sendMessage", chat_id=5, text="tell-nobody", read_timeout=0.2)
        assert BOT_TOKEN not in repr(refused.value) + str(refused.value.__cause__)
        assert refused.value.__context__ is None or refused.value.__suppress_context__
    telegram.fail("sendMessage", status=502)
    service.update(1, message=message("/paysupport tell-nobody"))
    captured = capfd.readouterr()
    said = caplog.text + captured.out + captured.err
    assert BOT_TOKEN not in said
    assert "tell-nobody" not in said


# ---------------------------------------------------------------- the fake


def test_the_fake_holds_telegrams_limits(service: Api, telegram: FakeTelegram) -> None:
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


def test_the_fake_can_be_told_over_http(service: Api, telegram: FakeTelegram) -> None:
    address = settings().telegram_api_url
    fault = {"method": "sendMessage", "status": 403, "match": {"chat_id": 5}}
    assert http.request("POST", f"{address}/script", body=fault).status == 204
    with pytest.raises(BotApiError):
        bot_api.call("sendMessage", chat_id=5, text="!")
    bot_api.call("sendMessage", chat_id=6, text="!")
    seen = http.request("GET", f"{address}/calls?method=sendMessage").body
    assert [(call["parameters"]["chat_id"], call["status"]) for call in seen["calls"]] == [(5, 403), (6, 200)]
