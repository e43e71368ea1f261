"""HEAD, OPTIONS and methods without a route, on every path of the OpenAPI document of the running service."""

from typing import Any

from shared.domain.days import day_at
from tests.api import Answer
from tests.conftest import OPERATOR
from tests.integration.service import Service, now_ms
from tests.integration.test_notifications import photo_is_sent

WEBAPP = "http://localhost:3000"
OF_ONE_REQUEST = {"apigw-requestid", "date"}


def paths(service: Service) -> dict[str, set[str]]:
    """The methods of each path that has a GET."""
    document = service.call("GET /openapi.json").json["paths"]
    found = {path: {method.upper() for method in methods} for path, methods in document.items() if "get" in methods}
    return found | {path: {"GET"} for path in ("/admin", "/admin/panel.css", "/docs", "/docs/docs.js", "/openapi.json")}


def seen(answer: Answer) -> tuple[int, dict[str, str]]:
    """The status and the headers, without those of one request."""
    return answer.status, {name: value for name, value in answer.headers.items() if name not in OF_ONE_REQUEST}


def test_head_answers_as_get_does_on_every_path(service: Service) -> None:
    """Also of what is compressed. The HTTP client checks that the body of a GET is as long as its header says."""
    order = service.order(service.user())["id"]
    writer, message_id = photo_is_sent(service)
    today = day_at(now_ms())
    query = {"order_id": order, "from": today, "to": today, "query": str(writer), "reason": "Жалоба исполнителя"}
    statuses: dict[str, set[int]] = {}
    for path in paths(service):
        about = str(writer) if "/users/{id}" in path or "/threads/{id}" in path else order
        wanted = {"id": about, "message_id": message_id, "query": query}
        requests: list[dict[str, Any]] = [
            wanted,
            {**wanted, "headers": {"accept-encoding": "gzip"}},
            {**wanted, "user": OPERATOR},
            {"id": "1", "message_id": 1, "query": {"limit": "x"}, "user": OPERATOR},
        ]
        for request in requests:
            asked = {"headers": {"accept-encoding": "identity"}, **request}
            got, head = (service.call(f"{method} {path}", **asked) for method in ("GET", "HEAD"))
            assert seen(head) == seen(got), path
            assert head.text == ""
            if "content-encoding" not in got.headers and got.headers["content-type"] != "image/jpeg":
                assert int(head.headers["content-length"]) == len(got.text.encode())
            assert asked["headers"]["accept-encoding"] in ("gzip", got.headers.get("content-encoding", "identity"))
            statuses.setdefault(path, set()).add(got.status)
    assert all(200 in found or found & {404, 422} for found in statuses.values())
    assert sum(200 in found for found in statuses.values()) > len(statuses) - 3
    assert {200, 401, 404, 422} <= set().union(*statuses.values())


def test_a_method_without_a_route_is_a_405_on_every_path(service: Service) -> None:
    for path, methods in paths(service).items():
        for method in {"POST", "PUT", "PATCH", "DELETE"} - methods:
            refused = service.call(f"{method} {path}", id="AAAAAAAAAAAA")
            assert (refused.status, refused.json["code"]) == (405, "method_not_allowed"), f"{method} {path}"
            assert refused.headers["allow"].split(", ") == sorted({*methods, "HEAD", "OPTIONS"})


def test_a_preflight_is_a_204_on_every_path(service: Service) -> None:
    """In AWS, API Gateway or a function answers it; here the front server does."""
    asked = {
        "origin": WEBAPP,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "authorization",
    }
    for path in [*paths(service), "/api/balance/recharge", "/nowhere"]:
        answer = service.call(f"OPTIONS {path}", id="AAAAAAAAAAAA", headers=asked)
        assert (answer.status, answer.text) == (204, ""), path
        assert answer.headers["access-control-allow-origin"] == WEBAPP
