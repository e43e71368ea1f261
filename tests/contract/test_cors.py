"""CORS: API Gateway in AWS and the front server of the local run allow the same."""

import asyncio
import re
from typing import Any

import pytest

from infra.local.aws import Apis
from infra.local.front import Front
from infra.local.settings import ORIGIN, LocalSettings, SettingError
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

    front = Front("http://127.0.0.1:1", Apis("api", "live"), [WEBAPP], concurrency=1)
    headers = [(b"origin", origin.encode()), (b"access-control-request-method", b"PUT")]
    # A separate loop: asyncio.run would close the loop that the functions of other tests use.
    loop = asyncio.new_event_loop()
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
    }
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
    for everybody in ("*", "https://*", "https://*.example.org", "null", ""):
        assert not re.fullmatch(ORIGIN, everybody)


@pytest.mark.parametrize(
    "origin",
    [
        WEBAPP,
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "https://app.example.org:8443",
        "http://app.example.org:443",
        "https://app.example.org:80",
        "https://a-b.xn--80ak6aa92e.xn--p1ai",
        "https://1c.ru",
    ],
)
def test_an_origin_that_a_browser_sends_is_accepted(origin: str) -> None:
    assert LocalSettings.read({"CORS_ORIGINS": f"{origin}, {WEBAPP}"}).cors_origins == (origin, WEBAPP)


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.org/",
        "https://app.example.org/app",
        "https://app.example.org?a",
        "https://app.example.org#a",
        "https://App.example.org",
        "HTTPS://app.example.org",
        "https://app.example.org:443",
        "http://app.example.org:80",
        "https://app.example.org:",
        "https://app.example.org:0443",
        "https://user@app.example.org",
        "https://app.example.org https://b.example.org",
        "https://app.example.org\n",
        "https://приложение.рф",
        "https://app..example.org",
        "https://-app.example.org",
        "https://127.1",
        "http://127.000.0.1",
        "https://",
        "app.example.org",
        "//app.example.org",
        "ftp://app.example.org",
        "file://",
        "*",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    """It would be compared with the Origin header and never equal it. The message says what is valid."""
    assert not re.fullmatch(ORIGIN, origin)
    for text in (origin.replace("\n", "/"), f"{WEBAPP},{origin}/", f"{WEBAPP},"):
        with pytest.raises(SettingError, match=r"^CORS_ORIGINS must be origins as browsers send them, .* not '"):
            LocalSettings.read({"CORS_ORIGINS": text})
