"""Invalid input of any kind gets a 4xx with the reason in `detail` and changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import api
from tests.api import Answer
from tests.conftest import OPERATOR
from tests.integration.service import Service
from tests.integration.test_notifications import photo_is_sent

ROUTES = sorted(route for route in api.routes() if route != "$default")
WRITES = [route for route in ROUTES if route.split(" ")[0] in ("POST", "PUT")]
WITHOUT_A_BODY = "POST /api/live/ticket"
WITH_AN_ID = [route for route in ROUTES if "{id}" in route]
OF_ONE_USER = [route for route in WITH_AN_ID if "/users/{id}" in route or "/threads/{id}" in route]

BODIES = {
    "nothing": b"",
    "null bytes": b"\0\0\0\0",
    "no JSON": b"{'category': 1}",
    "cut off": b'{"category": "',
    "not UTF-8": b'"\xff\xfe\xd0"',
    "UTF-16": '{"category": "Сантехника"}'.encode("utf-16"),
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "a string": b'"Order"',
    "20000 deep lists": b"[" * 20_000 + b"]" * 20_000,
    "20000 deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "5000 deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "a number of 5000 digits": b"9" * 5_000,
    "a number above any float": b"1e400",
    "NaN": b"NaN",
    "100 kB": b'"' + b"x" * 100_000 + b'"',
    "2 MB": b'"' + b"x" * 2_000_000 + b'"',
    "2 MB of lists": b"[" * 2_000_000,
    "over 10 MB": b'"' + b"x" * 11_000_000 + b'"',
}

WRONG = [None, True, 0, -1, 1.5, 10**400, "", " ", "\0", "x\0" * 20, "\ud800" * 20, "x" * 5000, [], ["x"], {}, {"a": 1}]
"""Values that are wrong for every field, except where a field may be missing or has that type."""

FIELDS: dict[str, dict[str, list[Any]]] = {
    "POST /api/orders": {"category": WRONG, "description": WRONG, "city": WRONG, "contact": WRONG},
    "PUT /api/orders/{id}": {"category": WRONG[1:], "description": WRONG[1:], "contact": WRONG[1:]},
    "PUT /api/users/me/preferences": {
        "categories": [value for value in WRONG if value != []],
        "cities": [value for value in WRONG if value != []] + [["Москва"] * 21, [["Москва"]], ["\ud800"]],
    },
    "PUT /api/users/me/notification-settings": {
        "enabled": [value for value in WRONG[1:] if value is not True],
        "frequency": [*WRONG[1:], 4, 16, "10"],
    },
    "POST /api/balance/recharge": {
        "amount": [*WRONG, "5", 1.0, 100_001, 2**53, 2**64],
        "method": ["", "Картой", "x" * 33, 1, None],
    },
    "POST /api/balance/create-invoice": {
        "amount": [*WRONG, "5", 1.0, 2**53, 2**64],
        "provider": ["", "paypal", 1, ["crypto_pay"], {}],
    },
}

IDS = {
    "null byte": "%00",
    "null byte inside": "AAAAAA%00AAAAA",
    "encoded slash": "AAAA%2FAAAAAAA",
    "dots": "%2e%2e",
    "up": "..%2F..%2Fusers%2Fme",
    "3000 characters": "A" * 3_000,
    "Cyrillic": "%D0%B7%D0%B0%D0%BA%D0%B0%D0%B7",
    "emoji": "%F0%9F%9A%B0",
    "not UTF-8": "%ff%fe",
    "half a surrogate pair": "%ED%A0%80",
    "percent": "%",
    "wild card": "*",
    "a key": "ORDER%23AAAAAAAAAAAA",
    "line break": "AAAAAAAAAAAA%0A",
    "space": "%20",
    "nobody's": "AAAAAAAAAAAA",
}

QUERIES = {
    "GET /api/orders": [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=1e2",
        "limit=" + "9" * 30,
        "limit=%00",
        "limit=5&limit=x",
        "offset=-1",
        "offset=" + "9" * 5_000,
        "status=",
        "status=Active",
        "status=active%00",
        "status=deleted",
        "status=active&status=deleted",
        "category=%D0%A1",
        "category=%ff",
        "city=" + "x" * 5_000,
        "city=%00",
        "city=%F0%9F%9A%B0",
        "mine=2",
        "taken_by_me=%00",
    ],
    "GET /api/balance/transactions": [
        "limit=0",
        "limit=101",
        "cursor=",
        "cursor=-1",
        "cursor=x",
        "cursor=%00",
        "cursor=1%0A",
        "cursor=" + "9" * 100,
    ],
    "GET /api/cities": ["search=", "search=" + "x" * 101],
    "GET /api/reviews": ["rating=0", "rating=6", "rating=x", "limit=0", "limit=101", "mine=x"],
    "GET /api/reviews/check": ["", "order_id=" + "A" * 3_000],
}

NO_HTTP = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "Cyrillic in the path": "GET /api/cities?search=Москва HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "null byte in the path": b"GET /api/orders/\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "a length that is none": b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    "two lengths": b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "chunks that are none": b"POST /api/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a path of 100 kB": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a header of 100 kB": b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "a WebSocket": b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "a method of its own": b"TAKE /api/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "another's method": b"PATCH /api/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "dots in the path": b"GET /api/orders/../users/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "two slashes": b"GET //api//orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}


def refused(answer: Answer) -> Answer:
    """The answer, which must be a 4xx that the WebApp can show."""
    assert 400 <= answer.status < 500, f"{answer.status}: {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    said = answer.json
    assert set(said) == {"detail", "code"}
    assert said["detail"]
    assert isinstance(said["code"], str)
    for field in said["detail"] if isinstance(said["detail"], list) else []:
        assert set(field) == {"loc", "msg", "type"}
    return answer


@pytest.fixture(scope="module")
def target(service: Service) -> Iterator[dict[str, Any]]:
    """A client with an order and money, the target of every test here; at the end their data is unchanged."""
    user = service.user()
    service.recharge(user, 50)
    order = service.order(user)
    settings = {"enabled": True, "frequency": 5}
    preferences = {"categories": ["Клининг"], "cities": ["Казань"]}
    service.call("PUT /api/users/me/notification-settings", user=user, body=settings)
    service.call("PUT /api/users/me/preferences", user=user, body=preferences)
    state = state_of(service, user, order["id"])
    yield {"user": user, "id": order["id"]}
    assert state_of(service, user, order["id"]) == state


@pytest.fixture(scope="module")
def photo(service: Service) -> tuple[int, int]:
    """A user with a support thread, and the id of their message with a photo."""
    return photo_is_sent(service)


def state_of(service: Service, user: int, order_id: str) -> list[Any]:
    """Return everything that the API shows of a user and their order."""
    return [
        service.call("GET /api/users/me", user=user).json,
        service.call("GET /api/users/me/preferences", user=user).json,
        service.call("GET /api/users/me/notification-settings", user=user).json,
        service.ledger(user),
        service.call("GET /api/orders", user=user, query={"mine": True}).json,
        service.call("GET /api/orders/{id}", user=user, id=order_id).json,
    ]


@pytest.mark.parametrize("route", sorted(FIELDS))
@pytest.mark.parametrize("body", BODIES)
def test_bodies(service: Service, target: dict[str, Any], route: str, body: str) -> None:
    """Bodies that are not a JSON object or are too large. A PUT may have an empty object, but not an empty body."""
    answer = refused(service.call(route, **target, raw=BODIES[body]))
    assert (answer.status == 413) == (body in ("100 kB", "2 MB", "2 MB of lists", "over 10 MB", "20000 deep objects"))
    assert (answer.status == 413) == (len(BODIES[body]) > 64 * 1024)


@pytest.mark.parametrize("route", sorted({*WRITES} - {*FIELDS, WITHOUT_A_BODY}))
@pytest.mark.parametrize("body", BODIES)
def test_bodies_of_the_other_writes(service: Service, target: dict[str, Any], route: str, body: str) -> None:
    """Some routes ignore the body; there the refusal comes from the unknown order."""
    refused(service.call(route, user=target["user"], id="AAAAAAAAAAAA", raw=BODIES[body]))


@pytest.mark.parametrize("body", BODIES)
def test_bodies_where_none_is_read(service: Service, target: dict[str, Any], body: str) -> None:
    """A ticket has no body and no order: every body is ignored, except one that is too large."""
    answer = service.call(WITHOUT_A_BODY, user=target["user"], raw=BODIES[body])
    if len(BODIES[body]) > 64 * 1024:
        assert refused(answer).status == 413
    else:
        assert answer.status == 200, answer.text


@pytest.mark.parametrize("route", sorted(FIELDS))
def test_fields(service: Service, target: dict[str, Any], route: str) -> None:
    """Wrong types and values, one field at a time in an otherwise valid request."""
    right: dict[str, Any] = {
        "POST /api/orders": service.order_body(),
        "PUT /api/orders/{id}": service.order_body(),
        "PUT /api/users/me/preferences": {"categories": ["Другое"], "cities": ["Москва"]},
        "PUT /api/users/me/notification-settings": {"enabled": False, "frequency": 15},
        "POST /api/balance/recharge": {"amount": 5, "method": "card"},
        "POST /api/balance/create-invoice": {"amount": 5, "provider": "crypto_pay"},
    }[route]
    for field, values in FIELDS[route].items():
        for value in values:
            answer = refused(service.call(route, **target, body={**right, field: value}))
            assert answer.status in (400, 422), f"{field}={value!r}"
            if answer.status == 422:
                assert [each["loc"][1] for each in answer.json["detail"]] == [field], f"{field}={value!r}"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1e400", "1e400", "1e2", "9" * 5_000, "1_0", "0x10", "05"])
def test_numbers(service: Service, target: dict[str, Any], amount: str) -> None:
    """Values that JSON or Python accept as numbers, but that are no amount of money."""
    refused(service.call("POST /api/balance/recharge", user=target["user"], raw=f'{{"amount": {amount}}}'))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", "x" * 3000])
@pytest.mark.parametrize("route", sorted(FIELDS))
def test_content_types(service: Service, target: dict[str, Any], route: str, content_type: str) -> None:
    """Only JSON is accepted, so a form on another site changes nothing."""
    body = json.dumps({**service.order_body(), "amount": 5, "categories": [], "cities": [], "enabled": False})
    refused(service.call(route, **target, raw=body, headers={"content-type": content_type}))


@pytest.mark.parametrize("order_id", IDS)
@pytest.mark.parametrize("route", WITH_AN_ID)
def test_ids(service: Service, target: dict[str, Any], route: str, order_id: str) -> None:
    """Only the exact id finds an order or a user."""
    by_operator = "/api/admin/" in route
    body: dict[str, Any] | None = {} if route.startswith("PUT") else None
    if by_operator and route.startswith("POST"):
        body = {"reason": "Просто так", "executor_id": target["user"]}
    if route == "POST /api/admin/threads/{id}":
        body = {"action": "take"}
    user = OPERATOR if by_operator else target["user"]
    answer = refused(service.call(route, user=user, id=IDS[order_id], message_id=1, body=body))
    assert answer.status in ((404, 422) if route in OF_ONE_USER else (404,))


@pytest.mark.parametrize("message_id", [*IDS.values(), "0", "-1", "1.0", "1e2", "9" * 30])
def test_message_ids(service: Service, photo: tuple[int, int], message_id: str) -> None:
    """Only the exact id finds a photo of a support thread."""
    route, user = "GET /api/admin/threads/{id}/photos/{message_id}", str(photo[0])
    assert service.call(route, user=OPERATOR, id=user, message_id=photo[1]).status == 200
    answer = refused(service.call(route, user=OPERATOR, id=user, message_id=message_id))
    assert answer.status in (404, 422)


@pytest.mark.parametrize("route", QUERIES)
def test_queries(service: Service, target: dict[str, Any], route: str) -> None:
    """Numbers out of range, unknown values, repeated parameters."""
    for query in QUERIES[route]:
        answer = refused(service.call(route, user=target["user"], query=query))
        assert answer.status == 422, query


def test_unknown_query_parameters_are_ignored(service: Service) -> None:
    """Unknown parameters are ignored; an offset past the end returns an empty page, one beyond 1000 a 422."""
    for query in ("x=%00", "%ff=%fe", "limit[]=5", "&&&", "=", "%", "limit=5&limit=7"):
        assert service.call("GET /api/orders", query=query).status == 200, query
    for search in ("%00", "%ff", "%ED%A0%80", "%F0%9F%9A%B0"):
        assert service.call("GET /api/cities", query=f"search={search}").json == [], search
    far = service.call("GET /api/orders", query={"offset": 1000}).json
    assert far["orders"] == []
    assert service.call("GET /api/orders", query={"offset": 10**30}).status == 422


@pytest.mark.parametrize("request_bytes", NO_HTTP)
def test_non_http_and_unknown_routes_are_refused(service: Service, request_bytes: str) -> None:
    """The front server's own refusals have a `detail`, too."""
    refused(service.send(NO_HTTP[request_bytes]))


def test_emoji_are_stored_unchanged(service: Service) -> None:
    text = "🚰 Прорвало трубу!\n\tСрочно 🙏🏽 «ёлки» — за\u0301мок 👨‍👩‍👧"
    order = service.order(service.user(), description=f"  {text}  ")
    assert order["description"] == text
    assert service.call("GET /api/orders/{id}", id=order["id"]).json["description"] == text


def test_names_with_any_character_are_shown(service: Service) -> None:
    """Names from Telegram may contain any character. Those that nobody sees or that reorder others are removed."""
    user = service.user()
    names = {"first_name": "🦊\u202eтест\0", "last_name": "x" * 300, "username": "a" * 32}
    me = service.call("GET /api/users/me", user=user, names=names)
    assert me.status == 200
    assert me.json["first_name"] == "🦊тест\0"
