"""POST /api/telegram/webhook."""

from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from tests.in_process import Api
from tests.messages import message


def test_paysupport_command_is_answered(service: Api, telegram: FakeTelegram) -> None:
    assert service.update(1, message=message("/paysupport")).json == {"success": True}
    [sent] = telegram.sent(1)
    assert "Деньги вернём" in sent["text"]


@pytest.mark.parametrize("secret", ["", "wrong", "секрет", "test-webhook-secre", "test-webhook-secret "])
def test_update_with_a_wrong_secret_is_a_401(service: Api, telegram: FakeTelegram, secret: str) -> None:
    answer = service.update(1, message=message("/paysupport"), secret=secret)
    assert (answer.status, answer.json["code"]) == (401, "unverified_sender")
    assert telegram.calls == []


def test_update_without_a_secret_is_a_401(service: Api) -> None:
    answer = service.call("POST /api/telegram/webhook", body={"update_id": 1, "message": message("/paysupport")})
    assert answer.status == 401


@pytest.mark.parametrize("command", ["/paysupport", "/start"])
def test_repeated_update_is_handled_once(service: Api, telegram: FakeTelegram, command: str) -> None:
    for _ in range(3):
        assert service.update(7, message=message(command)).status == 200
    assert len(telegram.sent()) == 1
    assert service.update(8, message=message(command)).status == 200
    assert len(telegram.sent()) == 2


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"message": {**message("вода на полу"), "chat": {"id": -5, "type": "group"}}},
        {"message": {**message("/nobody_knows_it"), "chat": {"id": -5, "type": "group"}}},
        {"message": {"message_id": 1, "photo": []}},
        {"poll": {"id": "1"}},
        {"what_telegram_invents_tomorrow": {"x": 1}},
        {"message": "no message"},
    ],
)
def test_unhandled_update_is_accepted_and_ignored(
    service: Api, telegram: FakeTelegram, content: dict[str, Any]
) -> None:
    assert service.update(1, **content).status == 200
    assert telegram.calls == []


@pytest.mark.parametrize("raw", ["", "{", "[]", "1", '{"update_id": "1"}', "{}", '{"update_id": true}', "[" * 60_000])
def test_malformed_update_is_a_400(service: Api, raw: str) -> None:
    answer = service.call(
        "POST /api/telegram/webhook", raw=raw, headers={"x-telegram-bot-api-secret-token": "test-webhook-secret"}
    )
    assert answer.status == 400


@pytest.mark.parametrize("fault", [{"status": 429, "more": {"retry_after": 1}}, {"status": 502}])
def test_update_is_a_503_while_telegram_fails(service: Api, telegram: FakeTelegram, fault: dict[str, Any]) -> None:
    telegram.fail("sendMessage", **fault)
    assert service.update(1, message=message("/paysupport")).status == 503
    assert service.update(1, message=message("/paysupport")).status == 200
    assert len(telegram.sent()) == 1


def test_update_of_a_user_who_blocked_the_bot_is_handled_once(service: Api, telegram: FakeTelegram) -> None:
    telegram.fail("sendMessage", status=403, times=None)
    for _ in range(2):
        assert service.update(1, message=message("/paysupport")).status == 200
    assert len(telegram.calls) == 1
