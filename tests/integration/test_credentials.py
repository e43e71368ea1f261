"""Authentication: three ways to send credentials, refusals, and anonymous calls of public routes (I22)."""

from collections.abc import Callable

import pytest

from infra.local.initdata import signed_init_data
from tests.conftest import BOT_TOKEN
from tests.contract.endpoints import ENDPOINTS
from tests.integration.service import Service, now_ms

ID = 5_900_000_001
DAY = 86_400


def signed(user: object = None, *, age: int = 0, token: str = BOT_TOKEN, **more: str) -> str:
    """initData of user ID, or with another field `user`, signed `age` seconds ago."""
    user = user or {"id": ID, "first_name": "Ира"}
    return signed_init_data(user, token, now_ms() // 1000 - age, **more)  # type: ignore[arg-type]


WAYS: dict[str, Callable[[str], dict[str, str]]] = {
    "Bearer": lambda init_data: {"authorization": f"Bearer {init_data}".strip()},
    "tma": lambda init_data: {"authorization": f"tma {init_data}".strip()},
    "header": lambda init_data: {"x-telegram-init-data": init_data},
}

BAD: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no initData": lambda: "eyJhbGciOiJIUzI1NiJ9.e30.x",
    "another bot's": lambda: signed(token="1:another"),
    "a day old": lambda: signed(age=DAY + 5),
    "of the future": lambda: signed(age=-120),
    "another user put in": lambda: signed().replace(str(ID), str(ID + 1)),
    "a field added": lambda: signed() + "&is_admin=1",
    "a field twice": lambda: signed() + "&auth_date=1",
    "signature removed": lambda: signed().replace("signature=not-checked-here&", ""),
    "no hash": lambda: signed().partition("&hash=")[0],
    "hash in upper case": lambda: signed()[:-64] + signed()[-64:].upper(),
    "hash cut off": lambda: signed()[:-1],
    "bad percent": lambda: signed() + "&x=%G1",
    "over 4 KiB": lambda: signed(start_param="x" * 4096),
    "user is no object": lambda: signed(["user"]),
    "id is a string": lambda: signed({"id": "1"}),
    "id of 0": lambda: signed({"id": 0}),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_sending_credentials_works(service: Service, way: str) -> None:
    """The case of the scheme does not matter; the WebApp sends Bearer."""
    me = service.call("GET /api/users/me", headers=WAYS[way](signed()))
    assert (me.status, me.json["id"], me.json["first_name"]) == (200, ID, "Ира")
    almost_a_day = service.call("GET /api/users/me", headers=WAYS[way](signed(age=DAY - 60)))
    assert almost_a_day.status == 200


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("way", WAYS)
def test_bad_credentials_are_a_401_on_routes_of_users(service: Service, way: str, bad: str) -> None:
    """G7 over HTTP: 401, never 500. Only initData that Telegram signed has expired."""
    answer = service.call("GET /api/users/me", headers=WAYS[way](BAD[bad]()))
    code = {"nothing": "unauthenticated", "a day old": "init_data_expired"}.get(bad, "invalid_init_data")
    assert (answer.status, answer.json["code"]) == (401, code)
    assert answer.json["detail"]


@pytest.mark.parametrize(
    "route", [route for route, endpoint in ENDPOINTS.items() if endpoint.who in ("user", "operator")]
)
def test_every_route_of_users_requires_credentials(service: Service, route: str) -> None:
    """The credentials are checked before the rest of the request."""
    for headers in ({}, WAYS["Bearer"](signed(token="1:another"))):
        answer = service.call(route, id="AAAAAAAAAAAA", headers=headers)
        assert (answer.status, answer.headers["content-type"]) == (401, "application/json")


@pytest.mark.parametrize("bad", BAD)
def test_bad_credentials_are_anonymous_on_public_routes(service: Service, bad: str) -> None:
    """I17: such a call is anonymous and shows no contact."""
    order = service.order(ID)
    headers = WAYS["Bearer"](BAD[bad]())
    seen = service.call("GET /api/orders/{id}", id=order["id"], headers=headers)
    assert (seen.status, seen.json["contact"]) == (200, None)
    assert service.call("GET /api/orders", headers=headers).status == 200
    assert service.call("GET /api/orders", query={"mine": True}, headers=headers).status == 401
    client_view = service.call("GET /api/orders/{id}", id=order["id"], user=ID)
    assert client_view.json["contact"] == order["contact"]


def test_user_name_follows_init_data(service: Service) -> None:
    """A user exists from the first request; later names replace earlier ones."""
    user = service.user()
    first = service.call("GET /api/users/me", user=user, names={"first_name": "Олег", "username": "oleg_1"})
    assert (first.json["first_name"], first.json["username"], first.json["balance"]) == ("Олег", "oleg_1", 0)
    service.call("GET /api/balance", user=user, names={"first_name": "Ольга", "last_name": "К."})
    now = service.call("GET /api/users/me", user=user, names={"first_name": "Ольга", "last_name": "К."}).json
    assert (now["first_name"], now["last_name"], now["username"]) == ("Ольга", "К.", None)


def test_routes_without_users_need_no_credentials(service: Service) -> None:
    """The pages about the API, the cities, and the health check."""
    for route in ("GET /health", "GET /admin", "GET /docs", "GET /openapi.json", "GET /api/cities"):
        assert service.call(route).status == 200
    assert len(service.call("GET /api/cities").json) > 1000
