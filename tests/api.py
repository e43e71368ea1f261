"""Invoke a function as API Gateway does, with an HTTP API event."""

import base64
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from infra.local.initdata import signed_init_data
from tests.conftest import BOT_TOKEN

ROOT = Path(__file__).parents[1]


class _Template(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml's where it is there
    """A loader that drops CloudFormation's short tags and keeps their values."""


_Template.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node, deep=True)
    ),
)


@cache
def template() -> dict[str, Any]:
    """template.yaml, read."""
    loaded: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Template)
    return loaded


@cache
def routes() -> dict[str, str]:
    """Route of the contract, as in `GET /api/orders`, to the module of its function, from the template.

    A GET has the route key `ANY /api/orders`. The route of preflight requests is not in the contract.
    """
    return {
        key.replace("ANY ", "GET "): module for key, module in route_keys().items() if not key.startswith("OPTIONS ")
    }


@cache
def route_keys() -> dict[str, str]:
    """Route key of API Gateway to the module of its function, from the template."""
    found = {}
    for resource in template()["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if resource["Type"] == "AWS::Serverless::Function" and event["Type"] == "HttpApi":
                properties = event["Properties"]
                key = f"{properties['Method']} {properties['Path']}" if "Path" in properties else "$default"
                found[key] = resource["Properties"]["Handler"].removesuffix(".handler")
    return found


def table_definition() -> dict[str, Any]:
    """Return the arguments of create_table for the template's table."""
    properties = template()["Resources"]["Table"]["Properties"]
    taken = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    return {name: properties[name] for name in taken}


@dataclass(frozen=True)
class Answer:
    """The response."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Context:
    """The part of the Lambda context that functions use."""

    aws_request_id = "11111111-2222-3333-4444-555555555555"
    function_name = "under-test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:under-test"

    def get_remaining_time_in_millis(self) -> int:
        return 25_000


def init_data(user_id: int, now: int, **names: str) -> str:
    """initData of a user, signed at `now` (epoch ms)."""
    user = {"id": user_id, "first_name": names.pop("first_name", f"User{user_id}"), **names}
    return signed_init_data(user, BOT_TOKEN, now // 1000)


def event(
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    raw: str | bytes | None = None,
    headers: Mapping[str, str] | None = None,
    route: str | None = None,
    source_ip: str = "192.0.2.1",
) -> dict[str, Any]:
    """Build the API Gateway event of a request; `raw` is a body that is not JSON.

    `route` is one of `routes()` if the path has parameters or the route is of another method.
    """
    key = (route or f"{method} {path}").replace("GET ", "ANY ")
    query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in (query or {}).items()}
    text = raw if raw is not None else json.dumps(body) if body is not None else None
    is_base64 = isinstance(text, bytes)
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": {
            "host": "api.example.org",
            **({"content-type": "application/json"} if text is not None else {}),
            **(headers or {}),
        },
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": source_ip},
            "requestId": "request",
            "routeKey": key,
            "stage": "$default",
        },
        "body": base64.b64encode(text).decode() if isinstance(text, bytes) else text,
        "isBase64Encoded": is_base64,
    }


def invoke(route: str, request: dict[str, Any]) -> Answer:
    """Invoke the route's function with the event."""
    handler = importlib.import_module(routes()[route]).handler
    answer = handler(request, Context())
    return Answer(answer["statusCode"], answer.get("body") or "", answer["headers"])
