"""Authentication through whole functions: one that requires credentials and one with optional ones (I22, G7, F25)."""

import json
from io import StringIO
from typing import Any

import pytest

from shared.http.auth import InitData
from shared.store import table
from tests.conftest import BOT_TOKEN, OPERATOR, SECRETS, TABLE
from tests.in_process import START, Api, Change
from tests.signing import encoded, mac, signed

ME = "GET /api/users/me"
ORDER = "GET /api/orders/{id}"

SIGNED = signed([("user", '{"id":5167898484,"first_name":"Пётр"}'), ("auth_date", str(START // 1000))], BOT_TOKEN)
BAD = {
    "nothing in it": " ",
    "garbage": "garbage",
    "no hash": encoded([("user", '{"id":42}'), ("auth_date", str(START // 1000))]),
    "somebody else's id": SIGNED.replace("5167898484", "5167898485"),
    "too old": signed([("user", '{"id":42}'), ("auth_date", str(START // 1000 - 86_401))], BOT_TOKEN),
    "of tomorrow": signed([("user", '{"id":42}'), ("auth_date", str(START // 1000 + 86_400))], BOT_TOKEN),
    "no auth_date": signed([("user", '{"id":42}')], BOT_TOKEN),
    "no user": signed([("auth_date", str(START // 1000))], BOT_TOKEN),
    "a user with a string for an id": signed([("user", '{"id":"42"}'), ("auth_date", str(START // 1000))], BOT_TOKEN),
    "of another bot": signed([("user", '{"id":42}'), ("auth_date", str(START // 1000))], "42:another"),
    "twice": f"{SIGNED}&{SIGNED}",
    "two of them, as a gateway joins two headers": f"{SIGNED},{SIGNED}",
    "upper case": SIGNED.upper(),
    "too long": SIGNED + "&a=" + "b" * 5000,
    "not ASCII": SIGNED + "é",
    "bad UTF-8": SIGNED + "&a=%ff",
    "nested": f"user={'[' * 3800}&hash={mac([('user', '[' * 3800)], BOT_TOKEN)}",
    "null bytes": "\x00" + SIGNED,
}

# Only old initData that is well signed is expired.
CODES = {"nothing in it": "unauthenticated", "too old": "init_data_expired"}


def ways(sent: str) -> list[dict[str, str]]:
    """The headers of each way to send initData."""
    return [
        {"authorization": f"Bearer {sent}"},
        {"Authorization": f"bearer {sent}"},
        {"AUTHORIZATION": f"BEARER {sent}"},
        {"authorization": f"tma {sent}"},
        {"authorization": f"TMA {sent}"},
        {"authorization": f"Tma   {sent} "},
        {"x-telegram-init-data": sent},
        {"X-Telegram-Init-Data": sent},
        {"x-telegram-init-data": f" {sent} "},
        # Credentials of another scheme, such as those of a proxy, are ignored.
        {"authorization": "Basic dXNlcjpwYXNz", "x-telegram-init-data": sent},
        {"authorization": "Bearer ", "x-telegram-init-data": sent},
        {"authorization": "tma   ", "x-telegram-init-data": sent},
    ]


def test_openapi_tells_how_credentials_are_sent_and_refused() -> None:
    model = InitData(required=True).model.model_dump(exclude_none=True)
    description = model.pop("description")
    assert model.pop("type_").value == "http"
    assert model == {"scheme": "bearer", "bearerFormat": "initData"}
    for word in ("tma <initData>", "X-Telegram-Init-Data", *CODES.values(), "invalid_init_data", "session_expired"):
        assert word in description, word


# ---------------------------------------------------------------- required


def test_init_data_is_accepted_in_each_header(service: Api) -> None:
    for headers in ways(SIGNED):
        answer = service.call(ME, headers=headers)
        assert answer.status == 200, headers
        assert (answer.json["id"], answer.json["first_name"]) == (5167898484, "Пётр")


def test_first_credentials_sent_decide(service: Api) -> None:
    """Good credentials in another header do not replace bad ones: a request has one sender."""
    headers = {"authorization": f"Bearer {BAD['of another bot']}", "x-telegram-init-data": SIGNED}
    assert service.call(ME, headers=headers).status == 401


def test_bad_credentials_are_401(service: Api) -> None:
    for what, sent in BAD.items():
        for headers in ways(sent):
            answer = service.call(ME, headers=headers)
            assert answer.status == 401, what
            assert set(answer.json) == {"detail", "code"}
            assert answer.json["detail"]
            assert answer.json["code"] == CODES.get(what, "invalid_init_data")


def test_no_credentials_are_401(service: Api) -> None:
    for headers in (
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "tma"},
        {"authorization": SIGNED},
        {"authorization": f"Basic {SIGNED}"},
        {"authorization": f"Bearer{SIGNED}"},
        {"authorization": f"Bearer\t{SIGNED}"},
        {"authorization": f"ꓔma {SIGNED}"},
        {"x-telegram-init-data": ""},
        {"cookie": f"authorization=Bearer {SIGNED}"},
        {"x-telegram-user-id": "42"},
    ):
        for route in (ME, "DELETE /api/orders/{id}"):
            answer = service.call(route, headers=headers, id="AAAAAAAAAAAA")
            assert answer.status == 401, (route, headers)
        assert answer.json == {"detail": "Откройте приложение в Telegram, чтобы войти", "code": "unauthenticated"}


def test_user_id_comes_from_the_credentials_alone(service: Api) -> None:
    query = {"id": 7, "user_id": 7, "user": '{"id":7}'}
    answer = service.call(ME, user=42, query=query, headers={"x-user-id": "7", "x-telegram-init-data": BAD["twice"]})
    assert (answer.status, answer.json["id"]) == (200, 42)


def test_caller_is_not_carried_over_to_the_next_request(service: Api) -> None:
    """One Lambda environment serves many users in turn."""
    assert service.call(ME, user=1).json["id"] == 1
    assert service.call(ME).status == 401
    assert service.call(ME, user=2).json["id"] == 2


def test_init_data_age_is_measured_by_the_server(service: Api) -> None:
    headers = {"authorization": f"tma {SIGNED}"}
    service.later(ms=86_400_000)
    assert service.call(ME, headers=headers).status == 200
    service.later(ms=1)
    refused = service.call(ME, headers=headers)
    assert (refused.status, refused.json["code"]) == (401, "init_data_expired")


def test_old_credentials_say_what_helps(service: Api) -> None:
    """Telegram Desktop and iOS keep initData for days: only a restart of Telegram itself gets another."""
    detail = service.call(ME, headers={"authorization": f"tma {BAD['too old']}"}).json["detail"]
    assert "из бота" in detail
    assert "перезапустите сам Telegram" in detail


def test_forged_credentials_are_never_called_expired(service: Api) -> None:
    """The signature is checked before the age is believed."""
    old = str(START // 1000 - 86_401)
    for sent in (
        encoded([("user", '{"id":42}'), ("auth_date", old), ("hash", "0" * 64)]),
        encoded([("user", '{"id":42}'), ("auth_date", old)]),
        signed([("user", '{"id":42}'), ("auth_date", old)], "42:another"),
        SIGNED.replace(str(START // 1000), old),
        BAD["too old"].replace("42", "43"),
        f"{BAD['too old']}&{BAD['too old']}",
    ):
        answer = service.call(ME, headers={"authorization": f"tma {sent}"})
        assert (answer.status, answer.json["code"]) == (401, "invalid_init_data")


# ---------------------------------------------------------------- optional


def test_bad_credentials_are_anonymous_where_optional(service: Api) -> None:
    order = service.order(5167898484)
    for what, sent in BAD.items():
        for headers in ways(sent):
            answer = service.call(ORDER, id=order["id"], headers=headers)
            assert (answer.status, answer.json["contact"]) == (200, None), what


def test_good_credentials_count_where_optional(service: Api) -> None:
    order = service.order(5167898484, contact="@burst_pipe")
    for headers in ways(SIGNED):
        assert service.call(ORDER, id=order["id"], headers=headers).json["contact"] == "@burst_pipe"
    assert service.call(ORDER, id=order["id"], user=2).json["contact"] is None
    assert service.call(ORDER, id=order["id"]).json["contact"] is None


@pytest.mark.parametrize(
    ("route", "own"),
    [
        ("GET /api/orders", "mine"),
        ("GET /api/orders", "taken_by_me"),
        ("GET /api/reviews", "mine"),
        ("GET /api/reviews", "written"),
    ],
)
def test_own_lists_say_what_is_wrong_with_credentials(service: Api, route: str, own: str) -> None:
    """Optional for everybody's list, required for one's own."""
    for what, sent in BAD.items():
        answer = service.call(route, query={own: "true"}, headers={"authorization": f"tma {sent}"})
        assert (answer.status, answer.json["code"]) == (401, CODES.get(what, "invalid_init_data")), what
        assert service.call(route, headers={"authorization": f"tma {sent}"}).status == 200
    assert service.call(route, query={own: "true"}).json["code"] == "unauthenticated"
    assert service.call(route, query={own: "true"}, headers={"authorization": f"tma {SIGNED}"}).status == 200


# ---------------------------------------------------------------- the user's name (I22)


def test_operators_are_the_listed_users_alone(service: Api) -> None:
    """Everybody else gets a 403, and an action is recorded under its own operator."""
    why = {"reason": "письмо"}
    for operator in (OPERATOR, 901):
        assert (
            service.call("POST /api/admin/users/{id}/ban", user=operator, id=str(operator + 5), body=why).status == 200
        )
    refused = service.call("POST /api/admin/users/{id}/ban", user=1, id="2", body=why)
    assert (refused.status, refused.json["code"]) == (403, "not_an_operator")
    actions = service.call("GET /api/admin/actions", user=OPERATOR).json["actions"]
    assert sorted((action["operator_id"], action["user_id"]) for action in actions) == [
        (OPERATOR, OPERATOR + 5),
        (901, 906),
    ]


def test_reads_of_identified_callers_are_rate_limited(service: Api, change: Change) -> None:
    """The bucket admits one read an hour and the instance one a minute, so the third read is refused."""
    change(READS_PER_HOUR="1")
    order = service.order(1)["id"]
    assert [service.call("GET /api/balance", user=2).status for _ in range(3)] == [200, 200, 429]
    assert [service.call(ORDER, user=3, id=order).status for _ in range(3)] == [200, 200, 429]
    assert [service.call(ORDER, id=order).status for _ in range(3)] == [200] * 3
    recharge = {"amount": 1}
    assert {service.call("POST /api/balance/recharge", user=2, body=recharge).status for _ in range(3)} == {200}


def test_user_name_follows_init_data(service: Api) -> None:
    def me(**names: str) -> tuple[str, str, str | None]:
        answer = service.call(ME, user=42, names=names).json
        return answer["first_name"], answer["last_name"], answer["username"]

    assert me(first_name="Анна", last_name="Смирнова", username="anna_s") == ("Анна", "Смирнова", "anna_s")
    assert me(first_name="Анна", last_name="Кузнецова", username="anna_k") == ("Анна", "Кузнецова", "anna_k")
    assert me(first_name="Аня") == ("Аня", "", None)


def test_user_name_is_stored_with_any_write(service: Api) -> None:
    service.call(
        "PUT /api/users/me/preferences", user=42, body={"categories": [], "cities": []}, names={"first_name": "Анна"}
    )
    assert stored_name(42) == "Анна"
    service.order(42)
    assert stored_name(42) == "User42"
    service.call("POST /api/balance/recharge", user=42, body={"amount": 2}, names={"first_name": "Аня"})
    assert stored_name(42) == "Аня"


def test_user_name_that_cannot_be_stored_is_cleaned(service: Api) -> None:
    user = json.dumps({"id": 42, "first_name": "\ud83d", "last_name": "\u0000", "username": "я" * 200})
    sent = signed([("user", user.replace("\\u044f", "я")), ("auth_date", str(START // 1000))], BOT_TOKEN)
    answer = service.call(ME, headers={"authorization": f"tma {sent}"})
    assert (answer.json["first_name"], answer.json["last_name"], answer.json["username"]) == ("?", "\x00", "я" * 128)


def stored_name(user_id: int) -> str:
    items = table.client().scan(TableName=TABLE)["Items"]
    [name] = [
        item["first_name"]["S"] for item in items if item["pk"]["S"] == f"USER#{user_id}" and "first_name" in item
    ]
    return name


# ---------------------------------------------------------------- the log


def test_log_holds_nothing_of_the_credentials(service: Api, log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    secret = [
        BOT_TOKEN,
        BOT_TOKEN.split(":")[1],
        SECRETS["init-data-key"],
        "%7B%22id%22",
        "Пётр",
        "auth_date=",
        "hash=",
    ]
    for sent in [SIGNED, *BAD.values()]:
        for headers in ways(sent):
            service.call(ME, headers=headers)
        secret += [part.partition("=")[2] for part in sent.split("&") if part.startswith(("hash=", "user="))]
    service.call(ORDER, id="no-such-order", headers={"authorization": f"tma {SIGNED}"})
    printed = capfd.readouterr()
    written = log.getvalue() + printed.out + printed.err
    assert not [part for part in secret if len(part) > 3 and part.casefold() in written.casefold()]


def test_log_names_the_user_and_the_refusals_reason(service: Api, log: StringIO) -> None:
    def line(sent: str) -> Any:
        log.seek(0)
        log.truncate()
        service.call(ME, headers={"authorization": f"tma {sent}"})
        return json.loads(log.getvalue())

    assert line(SIGNED)["user_id"] == 5167898484
    refused = line(BAD["too old"])
    assert (refused["status"], refused["code"], refused["reason"]) == (401, "init_data_expired", "expired")
    assert "user_id" not in refused
