"""The committed OpenAPI is what the code says, and what the contract says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.checks import openapi
from shared.domain import order
from shared.domain.errors import InvalidContact
from shared.error_responses import ERROR_RESPONSES
from tests.contract.endpoints import ENDPOINTS

SCHEMA: dict[str, Any] = json.loads(openapi.TARGET.read_bytes())
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}


def test_what_is_committed_is_what_the_code_says() -> None:
    assert openapi.schema() == SCHEMA, "run `make openapi` and look at what changed for the WebApp"


def test_every_endpoint_is_described_once() -> None:
    assert set(OPERATIONS) == set(ENDPOINTS)
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("key", ENDPOINTS)
def test_every_answer_is_documented(key: str) -> None:
    """Those that the contract names, those that the request's shape can bring about, and no others."""
    endpoint, operation = ENDPOINTS[key], OPERATIONS[key]
    expected = {endpoint.success, *endpoint.refused, 500, 503}
    if endpoint.who in ("user", "operator"):
        expected.add(401)
    if endpoint.who == "operator":
        expected.add(403)
    if "requestBody" in operation:
        expected |= {400, 413, 422}
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
        expected.add(422)
    assert {int(status) for status in operation["responses"]} == expected


def test_every_code_is_told_of_somewhere() -> None:
    """But what only a field can be: a wrong contact."""
    said = " ".join(
        answer["description"] for operation in OPERATIONS.values() for answer in operation["responses"].values()
    )
    codes = {answer.code for kind, answer in ERROR_RESPONSES.items() if kind is not InvalidContact}
    assert {code for code in codes if f"`{code}`" not in said} == set()


@pytest.mark.parametrize("key", ENDPOINTS)
def test_a_caller_is_told_of_both_ways_to_be_refused_for_now(key: str) -> None:
    said = OPERATIONS[key]["responses"]["503"]["description"]
    assert "`busy`" in said
    assert "`unavailable`" in said


@pytest.mark.parametrize("key", ENDPOINTS)
def test_credentials_are_asked_for_where_the_contract_says(key: str) -> None:
    asked = OPERATIONS[key].get("security")
    match ENDPOINTS[key].who:
        case "anyone":
            assert asked is None
        case "anyone, known if he says who he is":
            assert asked == [{}, {"initData": []}]
        case _:
            assert asked == [{"initData": []}]


@pytest.mark.parametrize("key", ENDPOINTS)
def test_an_answer_has_the_fields_of_the_contract(key: str) -> None:
    endpoint = ENDPOINTS[key]
    response = OPERATIONS[key]["responses"][str(endpoint.success)]
    if endpoint.success == 204:
        assert "content" not in response
        return
    answer = resolved(response["content"]["application/json"]["schema"])
    if endpoint.answer is None:
        assert answer["type"] == "array"
        if endpoint.listed is not None:
            assert set(resolved(answer["items"])["required"]) >= endpoint.listed
        return
    assert set(answer["properties"]) >= endpoint.answer
    assert set(answer["required"]) >= endpoint.answer, "a field that may be missing is no field to rely on"
    if endpoint.listed is not None:
        [listed] = [field for field in answer["properties"].values() if field.get("type") == "array"]
        assert set(resolved(listed["items"])["required"]) >= endpoint.listed


@pytest.mark.parametrize("key", ENDPOINTS)
def test_every_answer_is_closed(key: str) -> None:
    """G6: a response holds what its schema names and nothing else, so a leaked field is a broken schema (I17)."""
    for response in OPERATIONS[key]["responses"].values():
        for content in response.get("content", {}).values():
            for found in objects_in(content["schema"]):
                assert found.get("additionalProperties") is False, found


def test_enumerations_are_those_of_the_contract() -> None:
    schemas = SCHEMA["components"]["schemas"]
    assert set(schemas["Status"]["enum"]) == {"active", "expired", "deleted", "closed_no_response", "completed"}
    categories = ["Сантехника", "Электрика", "Бытовой ремонт", "Клининг"]
    categories += ["Сборка/установка", "Бытовая техника", "Другое"]
    assert schemas["NewOrder"]["properties"]["category"]["enum"] == categories == list(order.CATEGORIES)
    complaints = ["Не отвечал", "Отменил заказ", "Неадекватное поведение", "Ложная информация", "Другое"]
    assert schemas["NewComplaint"]["properties"]["complaint"]["enum"] == complaints
    assert set(schemas["TransactionView"]["properties"]["type"]["enum"]) == {"recharge", "order_take", "refund"}
    assert set(schemas["JudgedView"]["properties"]["type"]["anyOf"][0]["enum"]) == {"review", "complaint"}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference points at."""
    while "$ref" in schema:
        schema = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def objects_in(schema: dict[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """Every object schema within `schema`."""
    if (reference := schema.get("$ref", "")) in seen:
        return
    schema, seen = resolved(schema), seen | {reference} if reference else seen
    if schema.get("type") == "object":
        yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("allOf", [])]
    for part in [*inner, *([schema["items"]] if "items" in schema else [])]:
        yield from objects_in(part, seen)
