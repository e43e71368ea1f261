"""CORS: API Gateway in AWS and the front server of the local run allow the same."""

import asyncio
import re
from typing import Any

import pytest

from infra.local.front import Front
from shared.http.schemas import BOT_CAN_WRITE
from tests import api

CORS: dict[str, Any] = api.template()["Resources"]["Api"]["Properties"]["CorsConfiguration"]
WEBAPP = "https://app.example.org"


def preflight(origin: str) -> dict[str, str]:
    """The headers of the front's answer to a preflight request."""
    return answered("OPTIONS", origin, 204)


def answered(method: str, origin: str, status: int) -> dict[str, str]:
    """The headers of the front's answer to a request that no function handles."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    front = Front("http://127.0.0.1:1", "api", [WEBAPP], concurrency=1)
    headers = [(b"origin", origin.encode()), (b"access-control-request-method", b"PUT")]
    # A separate loop: asyncio.run would close the loop that the functions of other tests use.
    loop = asyncio.new_event_loop()
    scope = {"type": "http", "method": method, "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
    loop.run_until_complete(front(scope, receive, send))
    loop.close()
    assert sent[0]["status"] == status
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_the_front_allows_what_the_template_allows() -> None:
    answered = preflight(WEBAPP)
    assert answered["access-control-allow-origin"] == WEBAPP
    assert answered["access-control-allow-methods"].split(",") == CORS["AllowMethods"]
    assert answered["access-control-allow-headers"].split(",") == [name.lower() for name in CORS["AllowHeaders"]]
    assert answered["access-control-max-age"] == str(CORS["MaxAge"])


def test_cors_exposes_the_headers_that_the_webapp_reads() -> None:
    exposed = answered("GET", WEBAPP, 503)["access-control-expose-headers"]
    assert (
        exposed.split(",") == [name.lower() for name in CORS["ExposeHeaders"]] == ["date", "retry-after", BOT_CAN_WRITE]
    )


def test_every_method_of_a_route_is_allowed() -> None:
    assert {key.split(" ")[0] for key in api.routes() if key != "$default"} <= set(CORS["AllowMethods"])


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", f"{WEBAPP}.evil.example.org"])
def test_a_stranger_is_allowed_nothing(origin: str) -> None:
    assert not [name for name in preflight(origin) if name.startswith("access-control-")]


def test_the_origins_are_a_setting_that_cannot_be_everybody() -> None:
    assert CORS["AllowOrigins"] == "CorsOrigins"
    allowed = api.template()["Parameters"]["CorsOrigins"]["AllowedPattern"]
    assert re.fullmatch(allowed, WEBAPP)
    assert not re.fullmatch(allowed, "*")
    assert not re.fullmatch(allowed, "https://*.example.org")
