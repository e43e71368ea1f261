"""G6: every response to a request that Schemathesis generates, valid or invalid, matches the OpenAPI.

The real handlers run over the simulation's DynamoDB. The schema does not know which orders, cities and contacts
exist, so some requests get real ones. Each request is anonymous, has bad credentials, or comes from a user who may
or may not be a party to the orders.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from requests.structures import CaseInsensitiveDict
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.checks import openapi
from infra.local.fakes.crypto_pay import FakeCryptoPay
from infra.local.fakes.telegram import FakeTelegram
from infra.local.fakes.yookassa import FakeYookassa
from shared import clock
from shared.aws import health, queues, secrets
from shared.domain.order import CATEGORIES
from shared.settings import dead_letter_queues, watched_queues
from shared.store import feeds, table
from tests import api
from tests.conftest import OPERATOR, TABLE, WEBHOOK_SECRET, ParameterStore
from tests.contract.endpoints import ENDPOINTS
from tests.fakes import sdk
from tests.fakes.dynamodb import Database
from tests.in_process import Api, moto_of

SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi.TARGET.read_bytes()))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CLIENT, EXECUTOR, STRANGER = 1, 2, 3
# Values for what the schema leaves open, by the name of the field or parameter.
KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "city": st.sampled_from(["Москва", "Казань"]),
    "cities": st.lists(st.sampled_from(["Москва", "Казань"]), max_size=3),
    "categories": st.lists(st.sampled_from(CATEGORIES), max_size=3),
    "contact": st.one_of(
        st.from_regex(r"@[A-Za-z][A-Za-z0-9_]{4,31}", fullmatch=True),
        st.from_regex(r"\+79[0-9]{9}", fullmatch=True),
        st.sampled_from(["@active_pipe", "https://t.me/new_pipe", "8 (916) 123-45-67"]),
    ),
    "description": st.text("Прорвало трубу\n", min_size=30, max_size=990).map(lambda text: f"Потоп{text}вода"),
}


class World(Api):
    """Orders in each state; `ids` are their ids and one that no order has."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = ["AAAAAAAAAAAA"]

    def begin(self) -> None:
        """Create the orders and bring each into its state."""
        self.recharge(EXECUTOR, 1000)
        expired, silent = (self._posted(name, taken=name == "silent") for name in ("expired", "silent"))
        self.later(minutes=61)
        for order in (expired, silent):
            self.timer(order, self.now)
        self._posted("active", taken=False)
        for ending in ("", "close", "complete", "complete", "complete"):
            route = f"POST /api/orders/{{id}}/{ending}" if ending else "DELETE /api/orders/{id}"
            order = self._posted(f"ends{len(self.ids)}", taken=bool(ending))
            assert self.call(route, user=CLIENT, id=order).status < 300
        for name in ("taken", "seized", "grabbed", "caught"):
            self._posted(name, taken=True)
        invoice = self.call("POST /api/balance/create-invoice", user=CLIENT, body={"amount": 5})
        self.ids.append(str(invoice.json["payment_id"]))

    def _posted(self, name: str, *, taken: bool) -> str:
        order: str = self.order(CLIENT, contact=f"@{name}_pipe")["id"]
        if taken:
            assert self.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order).status == 200
        self.ids.append(order)
        return order

    def send(self, case: Case[Any]) -> Response:
        """Send a request to the function that API Gateway would route it to; return its response."""
        sent = requests.Request(**case.as_transport_kwargs(base_url="https://api.example.org")).prepare()
        assert sent.method is not None
        path, _, query = sent.path_url.partition("?")
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body
        assert body is None or isinstance(body, bytes)
        headers = {
            name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in sent.headers.items()
        }
        route = route_of(sent.method, path)
        event = api.event(sent.method, path, raw=body or None, headers=headers, route=route, query={})
        event["rawQueryString"] = query
        answer = api.invoke(route, event)
        return Response(
            status_code=answer.status,
            headers={name.lower(): [value] for name, value in answer.headers.items()},
            content=answer.text.encode(),
            request=sent,
            elapsed=0.0,
            verify=False,
        )


def route_of(method: str, path: str) -> str:
    """The route key that API Gateway matches for a request."""
    for asked in (method, "GET"):  # the route of a GET takes any method
        for key in sorted(api.routes(), key=lambda key: "{" in key):
            if key != "$default" and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", key), f"{asked} {path}"):
                return key
    return "$default"


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, crypto_pay: FakeCryptoPay, telegram: FakeTelegram, yookassa: FakeYookassa
) -> Iterator[World]:
    """The functions over a table with orders in every state, and the fakes of the other services."""
    world = World()
    database = Database(api.table_definition(), name=TABLE, now=lambda: world.now)
    client = table.client.__wrapped__()
    sdk.below_the_client(client, database.execute, sleep=lambda seconds: None, random=lambda: 0.0)
    monkeypatch.setattr(table, "client", lambda: client)
    monkeypatch.setattr(secrets, "_provider", ParameterStore)
    monkeypatch.setattr(clock, "now_ms", lambda: world.now)
    feeds._totals.clear()
    world.begin()
    with mock_aws(config={"core": {"reset_boto3_session": False}}):  # what operators see of queues and alarms
        queues.client.cache_clear()
        health._cloudwatch.cache_clear()
        for url in (*watched_queues().values(), *dead_letter_queues().values()):
            moto_of("sqs").create_queue(url.rpartition("/")[2])
        yield world
    queues.client.cache_clear()
    health._cloudwatch.cache_clear()


def fill_in(draw: st.DataObject, case: Case[Any], world: World) -> None:
    """Replace some values that the schema leaves open by values that exist."""
    if "id" in (case.path_parameters or {}) and draw.draw(st.integers(0, 4)):
        case.path_parameters["id"] = draw.draw(st.sampled_from(world.ids))
    if not case.meta or case.meta.generation.mode.is_negative:
        return
    known = KNOWN | {"order_id": st.sampled_from(world.ids), "executor_id": st.just(EXECUTOR)}
    for given_values in (case.body, case.query):
        if isinstance(given_values, dict):
            for name in given_values.keys() & known.keys():
                if draw.draw(st.integers(0, 4)):
                    given_values[name] = draw.draw(known[name])


def say_who(draw: st.DataObject, case: Case[Any], world: World) -> bool:
    """Sign the request, sign it badly or not at all; return whether it has a user."""
    headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    if case.operation.path == "/api/telegram/webhook" and draw.draw(st.booleans()):
        headers["X-Telegram-Bot-Api-Secret-Token"] = WEBHOOK_SECRET
    callers = [CLIENT, EXECUTOR, CLIENT, EXECUTOR, STRANGER, None, "bad"]
    if case.operation.path.startswith("/api/admin/"):
        callers = [OPERATOR, OPERATOR, OPERATOR, STRANGER, None, "bad"]
    user = draw.draw(st.sampled_from(callers))
    if isinstance(user, int):
        scheme = draw.draw(st.sampled_from(["Bearer", "tma"]))
        headers["Authorization"] = f"{scheme} {api.init_data(user, world.now)}"
    elif user == "bad":
        headers["Authorization"] = "Bearer " + api.init_data(CLIENT, world.now).replace("User1", "User2")
    case.headers = CaseInsensitiveDict(headers)
    return isinstance(user, int)


def hold(world: World, key: str, mode: GenerationMode, examples: int) -> None:
    """Send `number` generated requests to an operation; the OpenAPI must describe each response."""
    method, path = key.split(" ")
    operation = SCHEMA[path][method]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), draw=st.data())
    def every_answer_is_described(case: Case[Any], draw: st.DataObject) -> None:
        fill_in(draw, case, world)
        known = say_who(draw, case, world)
        response = world.send(case)
        rejected = [negative_data_rejection] if known and mode is GenerationMode.NEGATIVE else []
        case.validate_response(response, checks=[*CHECKS, *rejected])
        if ENDPOINTS[key].who in ("user", "operator") and not known:
            assert response.status_code in {400, 401, 413, 422}
            assert b'"detail"' in response.content

    every_answer_is_described()


def can_be_forbidden(key: str) -> bool:
    """Whether the schema can reject any request of the operation."""
    method, path = key.split(" ")
    raw = SCHEMA.raw_schema["paths"][path][method.lower()]
    return "requestBody" in raw or any(parameter["in"] == "query" for parameter in raw.get("parameters", []))


REQUESTS = [(key, GenerationMode.POSITIVE) for key in ENDPOINTS]
REQUESTS += [(key, GenerationMode.NEGATIVE) for key in ENDPOINTS if can_be_forbidden(key)]
each_operation = pytest.mark.parametrize(("key", "mode"), REQUESTS, ids=lambda value: getattr(value, "value", value))


@each_operation
def test_every_response_matches_the_openapi(world: World, key: str, mode: GenerationMode) -> None:
    hold(world, key, mode, examples=12)


@pytest.mark.proof
@each_operation
def test_every_response_to_many_requests_matches_the_openapi(world: World, key: str, mode: GenerationMode) -> None:
    hold(world, key, mode, examples=100)
