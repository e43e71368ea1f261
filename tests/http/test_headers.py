"""The security headers of every response, which protect a browser."""

import pytest

from shared.handlers.http import MAX_BODY
from shared.store import orders
from tests import api
from tests.in_process import Api, Change

SECURITY = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def test_every_answer_has_the_security_headers(service: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on refusals by a rule, by the framework and by the body limit, and on unexpected errors."""
    answers = [
        service.call("GET /api/users/me", user=1),
        service.call("GET /api/users/me"),
        service.call("GET /api/orders", query={"limit": 0}),
        service.call("POST /api/orders", user=1, raw="a" * (MAX_BODY + 1)),
        api.invoke("$default", api.event("GET", "/x", route="$default")),
    ]
    monkeypatch.setattr(orders, "get", lambda order_id: 1 / 0)
    answers.append(service.call("GET /api/orders/{id}", id="AAAAAAAAAAAA"))
    assert [answer.status for answer in answers] == [200, 401, 422, 413, 404, 500]
    for answer in answers:
        assert SECURITY.items() <= answer.headers.items()
    for route in ("GET /docs", "GET /admin", "GET /docs/{file}", "GET /admin/{file}"):
        assert SECURITY.keys() <= service.call(route).headers.keys()


def test_no_cache_serves_an_expired_response(service: Api, change: Change) -> None:
    """I12: while the origin fails, CloudFront serves an expired response without end unless the response forbids it."""
    change(FEED_CACHE_SECONDS="2")
    cacheable = set()
    for route in api.routes().keys() - {"$default"}:
        control = service.call(route, id="AAAAAAAAAAAA").headers["cache-control"].split(", ")
        if control != ["no-store"]:
            cacheable.add(route)
            assert {"must-revalidate", "stale-if-error=0"} <= set(control), route
    assert cacheable == {"GET /admin", "GET /api/orders", "GET /docs", "GET /openapi.json"}
