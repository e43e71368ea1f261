"""The Bot API's client: results, refusals, silence, and nothing secret in an error."""

import json
import socket
from typing import Any

import pytest
from urllib3.util import Timeout

from infra.local.fakes.telegram import FakeTelegram
from shared.outbound import bot_api, http
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.service_errors import Unavailable
from tests.conftest import BOT_TOKEN
from tests.in_process import Api, Change
from tests.messages import message
from tests.serving import listening


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


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (200, {"ok": False, "error_code": 400, "description": "Bad"}, (400, "Bad", None)),
        (429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 5}}, (429, "", 5)),
        (429, {"ok": False, "error_code": 429, "parameters": {"retry_after": "5"}}, (429, "", None)),
        (400, {"ok": False, "error_code": 403, "parameters": []}, (403, "", None)),
        (503, {"ok": False, "error_code": "400"}, (503, "", None)),
        (400, {"ok": False}, (400, "", None)),
        (401, [], (401, "", None)),
        # A gateway's page, and responses that Telegram never gives.
        (504, None, (504, "", None)),
        (200, None, (502, "", None)),
        (399, {"ok": True}, (502, "", None)),
        (200, {"ok": True}, (502, "", None)),
        (200, {"result": {}}, (502, "", None)),
        (200, {"ok": 1, "result": {}}, (502, "", None)),
    ],
)
def test_each_unexpected_response_is_a_refusal(
    service: Api, change: Change, status: int, body: Any, refused: tuple[int, str, int | None]
) -> None:
    def answer(connection: socket.socket) -> None:
        with connection:
            connection.recv(65_536)
            text = b"<html>" if body is None else json.dumps(body).encode()
            head = f"HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {len(text)}\r\n\r\n"
            connection.sendall(head.encode() + text)

    with listening(answer) as address:
        change(TELEGRAM_API_URL=address)
        with pytest.raises(BotApiError) as error:
            bot_api.call("getMe")
    assert (error.value.error_code, error.value.description, error.value.retry_after) == refused
    assert error.value.args == ("getMe", refused[0])


def test_call_that_times_out_may_have_been_done(service: Api, telegram: FakeTelegram) -> None:
    telegram.fail("sendMessage", hang=5)
    with pytest.raises(BotApiUnreachable) as silent:
        bot_api.call("sendMessage", chat_id=5, text="привет", read_timeout=0.2)
    assert silent.value.maybe_done
    assert silent.value.args == ("sendMessage",)


def test_call_waits_for_five_seconds(service: Api, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def timeout(*, connect: float, read: float) -> Timeout:
        waits.append(read)
        return Timeout(connect=connect, read=read)

    monkeypatch.setattr(http, "Timeout", timeout)
    bot_api.call("getMe")
    bot_api.call("getMe", read_timeout=2.0)
    assert waits == [5.0, 2.0]


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


def test_a_file_of_the_bot_is_downloaded_up_to_its_limit(
    service: Api, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="urllib3")
    telegram.files["a b"] = b"12345"
    assert bot_api.download("a b", most_bytes=5) == b"12345"
    for file_id, most, code in (("a b", 4, 413), ("missing", 5, 400)):
        with pytest.raises(BotApiError) as refused:
            bot_api.download(file_id, most_bytes=most)
        assert refused.value.error_code == code
        assert BOT_TOKEN not in repr(refused.value)
    assert BOT_TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("replies", "code"),
    [
        ([b"HTTP/1.1 404 X\r\ncontent-length: 2\r\n\r\n{}"], 404),
        ([b"HTTP/1.1 206 X\r\ncontent-length: 2\r\n\r\n{}"], 206),
        ([b"HTTP/1.1 200 X\r\ncontent-length: 6\r\n\r\n123456"], 413),
        ([], None),
    ],
    ids=["lost", "in part", "too large", "silent"],
)
def test_a_file_that_does_not_come_whole_is_refused(
    service: Api, change: Change, replies: list[bytes], code: int | None
) -> None:
    found = b'{"ok":true,"result":{"file_path":"a b"}}'
    answers = [b"HTTP/1.1 200 X\r\ncontent-length: %d\r\n\r\n%s" % (len(found), found), *replies]
    paths: list[str] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            paths.append(connection.recv(65_536).decode().split(" ")[1])
            if answers:
                connection.sendall(answers.pop(0).replace(b"\r\n", b"\r\nconnection: close\r\n", 1))

    with listening(answer) as address:
        change(TELEGRAM_API_URL=address)
        with pytest.raises(BotApiError if code else BotApiUnreachable) as refused:
            bot_api.download("photo", most_bytes=5)
    assert paths == [f"/bot{BOT_TOKEN}/getFile", f"/file/bot{BOT_TOKEN}/a%20b"]
    if isinstance(refused.value, BotApiError):
        assert (refused.value.args, refused.value.description) == (("file", code), "")
        assert refused.value.retry_after is None
    else:
        assert isinstance(refused.value, BotApiUnreachable)
        assert (refused.value.args, refused.value.maybe_done) == (("file",), False)
