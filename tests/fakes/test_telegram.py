"""The fake Telegram of `infra/local`, which other tests rely on."""

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.outbound import bot_api, http
from shared.outbound.bot_api import BotApiError
from shared.settings import settings
from tests.in_process import Api


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


@pytest.mark.parametrize("options", ["no", {"is_disabled": "yes"}, {"disabled": True}])
def test_fake_telegram_checks_link_preview_options(service: Api, telegram: FakeTelegram, options: object) -> None:
    bot_api.call("sendMessage", chat_id=5, text="!", link_preview_options={"is_disabled": True})
    with pytest.raises(BotApiError) as refused:
        bot_api.call("sendMessage", chat_id=5, text="!", link_preview_options=options)
    assert refused.value.error_code == 400


@pytest.mark.parametrize(
    ("given", "description"),
    [
        ({"from_chat_id": 5, "message_id": 7}, "chat not found"),
        ({"chat_id": -100, "message_id": 7}, "chat not found"),
        ({"chat_id": -100, "from_chat_id": 5}, "message identifier is not specified"),
        ({"chat_id": -100, "from_chat_id": 5, "message_id": 8}, "message can't be forwarded"),
    ],
)
def test_fake_telegram_refuses_to_forward(
    service: Api, telegram: FakeTelegram, given: dict[str, int], description: str
) -> None:
    telegram.protected.add(8)
    with pytest.raises(BotApiError) as refused:
        bot_api.call("forwardMessage", **given)
    assert (refused.value.error_code, refused.value.description) == (400, f"Bad Request: {description}")


def test_fake_telegram_counts_forwarded_messages(service: Api, telegram: FakeTelegram) -> None:
    """The author's account is hidden, as for people with that privacy setting."""
    telegram.limits = True
    forwarded = bot_api.call("forwardMessage", chat_id=-100, from_chat_id=5, message_id=7)
    assert forwarded["forward_origin"]["type"] == "hidden_user"
    with pytest.raises(BotApiError):
        bot_api.call("sendMessage", chat_id=-100, text="!")
    assert len(telegram.violations) == 1
