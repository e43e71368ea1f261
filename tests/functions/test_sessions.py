"""Operators' credentials: fresh for a change, and renewed by a single-use link of the bot."""

import json
import re
from io import StringIO
from typing import Any

import pytest

from infra.local.fakes.telegram import FakeTelegram
from shared.aws import secrets
from shared.domain import sessions
from shared.store import logins, table
from tests import api
from tests.conftest import OPERATOR, TABLE, WEBHOOK_SECRET
from tests.contract.endpoints import ENDPOINTS
from tests.functions.test_admin import WHY
from tests.in_process import Api, Change

HOUR = 3_600_000
MINUTE = 60_000


def old(service: Api, ms: int, user: int = OPERATOR) -> dict[str, str]:
    """Headers with an initData of this age."""
    return {"authorization": f"tma {api.init_data(user, service.now - ms)}"}


def ban(service: Api, headers: dict[str, str]) -> tuple[int, str | None]:
    answer = service.call("POST /api/admin/users/{id}/ban", id="5", body=WHY, headers=headers)
    return answer.status, answer.json.get("code")


def read(service: Api, headers: dict[str, str]) -> int:
    return service.call("GET /api/admin/actions", headers=headers).status


def ask(service: Api, update: int, user: int = OPERATOR, **chat: Any) -> api.Answer:
    message = {"from": {"id": user}, "chat": {"id": user, "type": "private", **chat}, "text": "/admin"}
    return service.update(update, message=message)


def code_in(bot: FakeTelegram) -> str:
    """The code in the link of the bot's last message."""
    text = json.dumps(bot.sent()[-1])
    [code] = re.findall(r"https?://api\.example\.org/admin#code=([A-Za-z0-9_-]{22})\"", text)
    return str(code)


def exchange(service: Api, code: str) -> api.Answer:
    return service.call("POST /api/admin/session", body={"code": code})


def session_of(service: Api, bot: FakeTelegram, update: int = 1) -> dict[str, str]:
    assert ask(service, update).status == 200
    return {"authorization": f"operator {exchange(service, code_in(bot)).json['session']}"}


# ---------------------------------------------------------------- the age of initData


def test_change_needs_a_fresh_init_data(service: Api) -> None:
    assert ban(service, old(service, HOUR)) == (200, None)
    for age in (HOUR + 1000, 20 * HOUR):
        assert ban(service, old(service, age)) == (401, "credentials_too_old")
        assert read(service, old(service, age)) == 200
    assert ban(service, old(service, 25 * HOUR)) == (401, "init_data_expired")
    assert ban(service, old(service, 20 * HOUR, user=1)) == (403, "not_an_operator")


def test_age_for_a_change_is_a_setting(service: Api, change: Change) -> None:
    change(OPERATOR_WRITE_MAX_AGE_SECONDS="60")
    assert ban(service, old(service, 61_000)) == (401, "credentials_too_old")


@pytest.mark.parametrize("route", [key for key, each in ENDPOINTS.items() if each.who == "operator" and key[0] == "P"])
def test_every_change_checks_the_age(service: Api, route: str) -> None:
    body = {"reason": "жалоба", "order_id": "A" * 12, "executor_id": 2, "author_id": 2, "text": "заметка"}
    id = "A" * 12 if "/orders/" in route else "5"
    answer = service.call(route, id=id, body=body, headers=old(service, 2 * HOUR))
    assert (answer.status, answer.json["code"]) == (401, "credentials_too_old")


# ---------------------------------------------------------------- the link of the bot


def test_bot_gives_an_operator_a_session(service: Api, bot: FakeTelegram) -> None:
    headers = session_of(service, bot)
    assert ban(service, headers) == (200, None)
    assert read(service, headers) == 200
    kinds = {action["kind"] for action in service.call("GET /api/admin/actions", headers=headers).json["actions"]}
    assert kinds == {"session_opened", "user_banned"}


@pytest.mark.parametrize(("scheme", "apps"), [("https", ["https://api.example.org/admin"]), ("http", [])])
def test_bot_offers_the_panel_as_a_mini_app(service: Api, bot: FakeTelegram, scheme: str, apps: list[str]) -> None:
    """Where the address is HTTPS: Telegram refuses any other. Only operators get it."""
    for number, user in enumerate((OPERATOR, 1), start=1):
        message = {"from": {"id": user}, "chat": {"id": user, "type": "private"}, "text": "/admin"}
        headers = {"x-telegram-bot-api-secret-token": WEBHOOK_SECRET, "x-forwarded-proto": scheme}
        body = {"update_id": number, "message": message}
        assert service.call("POST /api/telegram/webhook", body=body, headers=headers).status == 200
    shown = [
        [
            button["web_app"]["url"]
            for row in sent["reply_markup"]["inline_keyboard"]
            for button in row
            if "web_app" in button
        ]
        for sent in bot.sent()
    ]
    assert shown == [apps, []]


def test_link_is_good_once_and_for_five_minutes(service: Api, bot: FakeTelegram) -> None:
    assert ask(service, 1).status == 200
    first = code_in(bot)
    assert exchange(service, first).status == 200
    again = exchange(service, first)
    assert (again.status, again.json["code"]) == (410, "link_used")
    service.later(minutes=1)
    assert ask(service, 2).status == 200
    late = code_in(bot)
    service.later(minutes=5)
    assert exchange(service, late).json["code"] == "link_used"
    assert exchange(service, "A" * 22).json["code"] == "link_used"


def test_code_is_neither_stored_nor_logged(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    assert ask(service, 1).status == 200
    code = code_in(bot)
    stored = json.dumps(table.client().scan(TableName=TABLE)["Items"])
    session = exchange(service, code).json["session"]
    service.call("GET /api/admin/actions", headers={"authorization": f"operator {session}"})
    for secret in (code, session):
        assert secret not in stored + log.getvalue()


def test_bot_gives_no_link_to_others(service: Api, bot: FakeTelegram) -> None:
    assert ask(service, 1, user=5).status == 200
    assert "code=" not in json.dumps(bot.sent())
    count = len(bot.sent())
    assert ask(service, 2, type="group", id=-5).status == 200
    assert len(bot.sent()) == count


def test_log_names_the_operator_of_a_session(service: Api, bot: FakeTelegram, log: StringIO) -> None:
    headers = session_of(service, bot)
    log.truncate(0)
    assert read(service, headers) == 200
    assert json.loads(log.getvalue().strip("\0\n").splitlines()[-1])["user_id"] == OPERATOR


def test_session_ends_after_an_hour(service: Api, bot: FakeTelegram) -> None:
    headers = session_of(service, bot)
    service.later(ms=HOUR - MINUTE)
    assert read(service, headers) == 200
    service.later(minutes=1)
    assert ban(service, headers) == (401, "session_expired")


def test_session_is_for_operators_routes_alone(service: Api, bot: FakeTelegram) -> None:
    headers = session_of(service, bot)
    assert service.call("GET /api/users/me", headers=headers).json["code"] == "unauthenticated"


def test_session_of_a_former_operator_is_refused(service: Api, bot: FakeTelegram) -> None:
    key = secrets.init_data_key()
    session = sessions.sign(5, ends_at=service.now + HOUR, init_data_key=key)
    assert ban(service, {"authorization": f"operator {session}"}) == (403, "not_an_operator")
    logins.put("B" * 22, 5, ends_at=service.now + MINUTE)
    assert exchange(service, "B" * 22).json["code"] == "not_an_operator"


def test_forged_session_is_refused(service: Api) -> None:
    good = sessions.sign(OPERATOR, ends_at=service.now + HOUR, init_data_key=secrets.init_data_key())
    user, end, mac = good.split(".")
    other = sessions.sign(OPERATOR, ends_at=service.now + HOUR, init_data_key=b"another key")
    forged = [f"{OPERATOR + 1}.{end}.{mac}", f"{user}.{int(end) + 1}.{mac}", f"{user}.{end}.{mac.upper()}", other]
    for session in [*forged, "", "я", f"{good}.", f" {good}x", f"{user}.{end}", "9" * 16 + f".{end}.{mac}"]:
        assert ban(service, {"authorization": f"operator {session}"}) == (401, "invalid_init_data"), session
    assert ban(service, {"authorization": f"Operator {good}"}) == (200, None)
