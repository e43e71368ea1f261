"""Methods without a route of their own: HEAD answers as GET does, OPTIONS is a 204, any other is a 405."""

import importlib
from typing import Any

import pytest
from botocore.client import BaseClient

from shared.http.routes import allowed_methods
from tests import api
from tests.conftest import OPERATOR
from tests.contract.endpoints import ENDPOINTS
from tests.in_process import Api, Change

GETS = sorted(route for route in api.routes() if route.startswith("GET "))


def answer(service: Api, method: str, route: str, **request: Any) -> api.Answer:
    """The answer of a route's function to a request with another method than the route's."""
    event = service.event_of(route, **request)
    event["requestContext"]["http"]["method"] = method
    return api.invoke(route, event)


def compared(service: Api, route: str, **request: Any) -> api.Answer:
    """The answer to a GET; HEAD must answer the same without content."""
    got, head = (answer(service, method, route, **request) for method in ("GET", "HEAD"))
    assert (head.status, head.headers, head.text) == (got.status, got.headers, "")
    assert int(got.headers.get("content-length", len(got.text.encode()))) == len(got.text.encode())
    return got


@pytest.mark.parametrize("route", GETS)
def test_head_answers_as_get_does(service: Api, route: str) -> None:
    order = service.order(1)["id"]
    request = {"id": "1" if "users/" in route else order, "query": {"order_id": order} if "check" in route else {}}
    statuses = {
        compared(service, route, **request).status,
        compared(service, route, user=OPERATOR if "/admin/" in route else 1, **request).status,
        compared(service, route, user=1, id="0", query={"limit": "x"}).status,
    }
    anyone = route not in ENDPOINTS or ENDPOINTS[route].who.startswith("anyone")
    assert statuses & ({200, 404} if anyone else {401})


def test_head_answers_as_get_does_above_the_limit(service: Api, change: Change) -> None:
    change(READS_PER_HOUR="1")
    for _ in range(2):
        service.call("GET /api/balance", user=1)
    assert compared(service, "GET /api/balance", user=1).status == 429


def test_head_of_an_unknown_path_is_a_404_without_content(service: Api) -> None:
    head = api.invoke("$default", api.event("HEAD", "/nowhere", route="$default"))
    assert (head.status, head.text) == (404, "")


@pytest.mark.parametrize("key", sorted(key for key in api.route_keys() if key.startswith(("ANY ", "OPTIONS "))))
def test_options_is_a_204_without_a_call_to_aws(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A preflight request has no credentials, whatever the route needs."""
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: pytest.fail("a call to AWS"))
    preflight = api.event("OPTIONS", "/api/orders", headers={"origin": "https://app.example.org"}, route=key)
    answer = importlib.import_module(api.route_keys()[key]).handler(preflight, api.Context())
    assert (answer["statusCode"], answer["body"]) == (204, "")


@pytest.mark.parametrize("route", GETS)
def test_another_method_on_the_path_of_a_get_is_a_405(monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    """It has the same body as the answer of the default route, and makes no call to AWS."""
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: pytest.fail("a call to AWS"))
    path = route.removeprefix("GET ").replace("{id}", "1")
    refused = api.invoke(route, api.event("PATCH", path, route=route))
    default = api.invoke("$default", api.event("PATCH", path, route="$default"))
    assert refused.status == default.status == 405
    assert (
        refused.json == default.json == {"detail": "Этот метод здесь не поддерживается", "code": "method_not_allowed"}
    )
    assert refused.headers["allow"] == default.headers["allow"] == allowed_methods(path)
    assert {"GET", "HEAD", "OPTIONS"} <= set(refused.headers["allow"].split(", "))
