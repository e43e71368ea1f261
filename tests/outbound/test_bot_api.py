"""The Bot API's client: results, refusals, silence, and nothing secret in an error."""

from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.service_errors import Unavailable
from tests.conftest import BOT_TOKEN
from tests.in_process import Api, Change
from tests.messages import message


def test_call_returns_the_methods_result(service: Api, telegram: FakeTelegram) -> None:
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
def test_refused_call_raises_its_code_and_retry_after(
    service: Api, telegram: FakeTelegram, fault: dict[str, Any], code: int, retry_after: int | None
) -> None:
    telegram.fail("sendMessage", **fault)
    with pytest.raises(BotApiError) as refused:
        bot_api.call("sendMessage", chat_id=5, text="привет")
    assert (refused.value.error_code, refused.value.retry_after) == (code, retry_after)
    assert telegram.sent() == []


def test_call_that_times_out_may_have_been_done(service: Api, telegram: FakeTelegram) -> None:
    telegram.fail("sendMessage", hang=5)
    with pytest.raises(BotApiUnreachable) as silent:
        bot_api.call("sendMessage", chat_id=5, text="привет", read_timeout=0.2)
    assert silent.value.maybe_done


def test_call_that_cannot_connect_was_not_done(service: Api) -> None:
    with pytest.raises(BotApiUnreachable) as nobody:
        bot_api.call("sendMessage", chat_id=5, text="привет")
    assert not nobody.value.maybe_done


def test_call_without_the_bot_token_is_unavailable(service: Api, telegram: FakeTelegram, change: Change) -> None:
    """F25."""
    change(SECRETS_PREFIX="/nowhere")
    with pytest.raises(Unavailable):
        bot_api.call("sendMessage", chat_id=5, text="привет")
    assert service.update(1, message=message("/paysupport")).status == 503
    assert telegram.calls == []


def test_log_and_errors_hold_no_token_and_no_text(
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
