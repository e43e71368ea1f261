"""Two ways to call a function: as API Gateway invokes it, and below HTTP.

The first covers handler, event, validation and initData. It costs ten times as much as the function itself. The second
calls the endpoint with the parsed parameters and maps its errors to the same error responses.
"""

import asyncio
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.responses import Response

from shared.domain.errors import DomainError
from shared.domain.init_data import TelegramUser
from shared.domain.order import Status
from shared.error_responses import ERROR_RESPONSES
from shared.service_errors import ServiceError
from tests import api
from tests.simulation.audit_log import OPERATORS
from tests.simulation.aws import Context
from tests.simulation.records import Answer, Request
from tests.simulation.world import World


@cache
def function_of(route: str) -> str:
    """Return the function of a route, for example `orders.take`."""
    return api.routes()[route].removeprefix("functions.")


@cache
def _endpoint(route: str) -> tuple[Callable[..., Any], dict[str, Callable[[Any], Any]], frozenset[str]]:
    """Return a route's endpoint, the parsers of its body parameters, and the names of all parameters."""
    method, _, path = route.partition(" ")
    [found] = [
        each
        for each in importlib.import_module(api.routes()[route]).router.routes
        if each.path == path and method in each.methods
    ]
    hints = get_type_hints(found.endpoint)
    names = frozenset(inspect.signature(found.endpoint).parameters)
    bodies: dict[str, Callable[[Any], Any]] = {
        name: TypeAdapter(hint).validate_python
        for name, hint in hints.items()
        if name in names
        and all(isinstance(one, type) and issubclass(one, BaseModel) for one in get_args(hint) or [hint])
    }
    return found.endpoint, bodies, names


def below_http(request: Request) -> Answer:
    """Call the route's endpoint and return its response."""
    endpoint, bodies, names = _endpoint(request.route)
    given = _parsed(request.query)
    if "caller" in names:
        given["caller"] = None if request.user is None else TelegramUser(request.user, f"User{request.user}", "", None)
    if "operator" in names and request.user in OPERATORS:
        given["operator"] = TelegramUser(request.user, f"User{request.user}", "", None)
    if "user_id" in names and request.id is not None:
        given["user_id"] = int(request.id)
    if "order_id" in names and request.id is not None:
        given["order_id"] = request.id
    if "payment_id" in names and request.id is not None:
        given["payment_id"] = int(request.id)
    if "response" in names:
        given["response"] = Response()
    try:
        for name, parse in bodies.items():
            given[name] = parse(request.body or {})
    except ValidationError:  # a time of a repeated request that has passed meanwhile
        return Answer(422, {"detail": [], "code": "invalid_request"})
    try:
        endpoint(**given).send(None)
    except StopIteration as returned:
        result = returned.value
    except (DomainError, ServiceError) as error:
        answer = next(ERROR_RESPONSES[kind] for kind in type(error).__mro__ if kind in ERROR_RESPONSES)
        return Answer(answer.status, {"detail": answer.detail, "code": answer.code})
    return Answer(200, _dumped(result))


def _parsed(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a query as the endpoint takes them."""
    given = dict(query)
    if "status" in given:
        given["status"] = Status(given["status"])
    for name, parameter in (("from", "first"), ("to", "last")):
        if name in given:
            given[parameter] = date.fromisoformat(given.pop(name))
    return given


def _dumped(result: Any) -> Any:
    if isinstance(result, list):
        return [_dumped(one) for one in result]
    if isinstance(result, Response):
        return _read(bytes(result.body), result.media_type or "")
    return result.model_dump() if isinstance(result, BaseModel) else result


def _read(content: bytes | str, media_type: str) -> Any:
    """Parse the content of a response. That of another type than JSON is of no further interest."""
    return json.loads(content) if content and "json" in media_type else None


class ThroughHttp:
    """Call the route's handler with API Gateway's event."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._free_loops: list[asyncio.AbstractEventLoop] = []

    def __call__(self, request: Request) -> Answer:
        method, path = request.route.split(" ")
        headers = {}
        if request.user is not None:
            headers = {"authorization": f"Bearer {api.init_data(request.user, self._world.now)}"}
        event = api.event(
            method,
            path.replace("{id}", request.id or "").replace("{message_id}", f"{request.query.get('message_id')}"),
            query=request.query,
            body=request.body,
            headers=headers,
            route=request.route,
        )
        return self.invoke(request.route, event)

    def invoke(self, route: str, event: dict[str, Any]) -> Answer:
        """Call a route's handler with an event and return its response."""
        # Each invocation has its own process, and therefore its own event loop.
        loop = self._free_loops.pop() if self._free_loops else asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            handler = importlib.import_module(api.routes()[route]).handler
            answer = handler(event, Context(self._world))
        finally:
            self._free_loops.append(loop)
        self._world.check_alive()  # Mangum turns every exception into a response
        return Answer(answer["statusCode"], _read(answer.get("body") or "", answer["headers"].get("content-type", "")))

    def close(self) -> None:
        """Close the event loops, if there were any, and give the thread a new one."""
        if self._free_loops:
            asyncio.set_event_loop(asyncio.new_event_loop())
        for loop in self._free_loops:
            loop.close()
