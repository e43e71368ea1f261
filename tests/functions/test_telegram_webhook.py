"""POST /api/telegram/webhook."""

from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from tests.in_process import Api
from tests.messages import message


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
