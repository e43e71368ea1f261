"""The sandbox at `/`: a client's phone beside those of executors, with the bot's chats and the fakes of payments.

    /                  the page
    /sandbox/<file>    its files: page/, the compiled client/, vendored packages
    /sandbox/people    GET: the people, each with fresh initData, JSON
    /sandbox/clock     GET, PUT {"is_short": bool}: how long the next orders live

It signs initData with the bot's token, so it exists only beside the fake Telegram, and answers only a browser that
names this machine. No deployed package contains infra/.
"""

import asyncio
import base64
import hashlib
import re
import time
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from infra.local.aws import STACK, EmbeddedAws
from infra.local.fakes.http import json_object
from infra.local.initdata import signed_init_data
from infra.local.settings import OWN_HOSTS, ROOT, SANDBOX, LocalSettings

_HERE = Path(__file__).parent
_INDEX = _HERE / "page" / "index.html"
_FOLDERS = (_HERE / "page", _HERE / "client", _HERE / "vendor", ROOT / "static" / "admin" / "vendor")
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript"}

# Made-up people. Their ids are far from those that the documents use.
CLIENT = {"id": 2001, "first_name": "Анна", "last_name": "Петрова", "username": "anna_petrova"}
EXECUTORS = (
    {"id": 2011, "first_name": "Борис", "last_name": "Слесарев", "username": "boris_master"},
    {"id": 2012, "first_name": "Вера", "last_name": "Токарева", "username": "vera_remont"},
    {"id": 2013, "first_name": "Глеб", "last_name": "Мастеров", "username": "gleb_na_chas"},
    {"id": 2014, "first_name": "Дина", "last_name": "Быстрова", "username": "dina_bystro"},
)

# Minutes of an order and of its answer window where the switch is on: sixty times as fast as an hour and 15 minutes.
SHORT = {"ORDER_LIFETIME_MINUTES": "1.0", "NO_RESPONSE_CLOSE_MINUTES": "0.25"}
# The functions that read them for what they write: the one at the post, the other at the first take.
_TIMED = ("CreateOrder", "TakeOrder")


class Clock:
    """How long the next orders live: settings of functions in the embedded AWS, changed there."""

    def __init__(self, aws: EmbeddedAws, settings: LocalSettings) -> None:
        self._functions = aws.client("lambda")
        self._stack = aws.client("cloudformation")
        self._usual = {
            "ORDER_LIFETIME_MINUTES": str(settings.order_lifetime_minutes),
            "NO_RESPONSE_CLOSE_MINUTES": str(settings.no_response_close_minutes),
        }

    def is_short(self) -> bool:
        """Whether the next order lives for a minute."""
        return all(SHORT.items() <= self._variables(self._name(function)).items() for function in _TIMED)

    def set(self, *, is_short: bool) -> None:
        """Change what the next posts and first takes get; orders keep what they have."""
        for function in _TIMED:
            name = self._name(function)
            before = self._variables(name)
            variables = {**before, **(SHORT if is_short else self._usual)}
            if variables == before:
                continue  # an update would end the function's processes
            self._functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def _variables(self, name: str) -> dict[str, str]:
        found: dict[str, str] = self._functions.get_function_configuration(FunctionName=name)["Environment"][
            "Variables"
        ]
        return found

    def _name(self, function: str) -> str:
        found = self._stack.describe_stack_resource(StackName=STACK, LogicalResourceId=function)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])


def people(bot_token: str) -> list[dict[str, Any]]:
    """Return the people, the client first, each with initData that is signed now."""
    roles = [("client", CLIENT), *(("executor", executor) for executor in EXECUTORS)]
    return [
        {
            "id": user["id"],
            "name": user["first_name"],
            "role": role,
            "init_data": signed_init_data({**user, "language_code": "ru"}, bot_token, int(time.time())),
        }
        for role, user in roles
    ]


def pages(settings: LocalSettings) -> dict[str, str]:
    """Return the path of the page by its title; empty where there is no sandbox."""
    return {"Sandbox": "/"} if settings.has_fake_telegram else {}


def app(settings: LocalSettings, aws: EmbeddedAws) -> Starlette | None:
    """Build the app; None where the bot writes to real people."""
    if not pages(settings):
        return None
    clock = Clock(aws, settings)
    files = {path.name: path for folder in _FOLDERS for path in folder.iterdir() if path.suffix in _MEDIA_TYPES}

    async def page(_: Request) -> Response:
        return FileResponse(_INDEX, headers=_headers({"content-security-policy": _policy(settings.port)}))

    async def file(request: Request) -> Response:
        path = files.get(request.path_params["file"])
        if path is None:
            return Response(status_code=404)
        return FileResponse(path, media_type=_MEDIA_TYPES[path.suffix], headers=_headers())

    async def get_people(_: Request) -> Response:
        return JSONResponse({"people": people(settings.bot_token)}, headers=_headers({"cache-control": "no-store"}))

    async def get_clock(_: Request) -> Response:
        return JSONResponse({"is_short": await asyncio.to_thread(clock.is_short)})

    async def put_clock(request: Request) -> Response:
        match await json_object(request):
            case {"is_short": bool(is_short)}:
                await asyncio.to_thread(clock.set, is_short=is_short)
                return JSONResponse({"is_short": is_short})
        return JSONResponse({"detail": "is_short must be a boolean"}, 422)

    return Starlette(
        routes=[
            Route("/", page),
            Route(f"{SANDBOX}/people", get_people),
            Route(f"{SANDBOX}/clock", get_clock),
            Route(f"{SANDBOX}/clock", put_clock, methods=["PUT"]),
            Route(f"{SANDBOX}/{{file}}", file),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=OWN_HOSTS)],
    )


def _headers(more: dict[str, str] | None = None) -> dict[str, str]:
    return {"cache-control": "no-cache", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"} | (
        more or {}
    )


def _policy(port: int) -> str:
    """The Content-Security-Policy of the page. Its import map is the one script inside it, allowed by its hash."""
    [import_map] = re.findall(r'(?s)<script type="importmap">(.*?)</script>', _INDEX.read_text())
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src data:;"
        f" connect-src 'self' ws://localhost:{port} ws://127.0.0.1:{port}; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
