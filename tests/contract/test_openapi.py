"""The committed OpenAPI equals the generated one and matches the contract in `endpoints.py`."""

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import pytest

from infra.checks import openapi
from shared.domain import order
from shared.domain.errors import InvalidContact, InvalidReceiptContact
from shared.error_responses import ERROR_RESPONSES
from tests.contract.endpoints import ENDPOINTS, TEXTS, TOKENS

SCHEMA: dict[str, Any] = json.loads(openapi.TARGET.read_bytes())
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}


def test_the_committed_openapi_equals_the_generated_one() -> None:
    assert openapi.schema() == SCHEMA, "run `make openapi` and look at what changed for the WebApp"


def test_every_endpoint_is_described_once() -> None:
    assert set(OPERATIONS) == set(ENDPOINTS)
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("key", ENDPOINTS)
def test_every_status_is_documented(key: str) -> None:
    """Exactly the statuses of the contract and those that the form of the request can cause."""
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


def test_every_error_code_is_documented() -> None:
    """Except codes that occur only for a field, such as an invalid contact."""
    said = " ".join(
        answer["description"] for operation in OPERATIONS.values() for answer in operation["responses"].values()
    )
    of_a_field = (InvalidContact, InvalidReceiptContact)
    codes = {answer.code for kind, answer in ERROR_RESPONSES.items() if kind not in of_a_field}
    assert {code for code in codes if f"`{code}`" not in said} == set()


@pytest.mark.parametrize("key", ENDPOINTS)
def test_every_503_documents_busy_and_unavailable(key: str) -> None:
    said = OPERATIONS[key]["responses"]["503"]["description"]
    assert "`busy`" in said
    assert "`unavailable`" in said


@pytest.mark.parametrize("key", ENDPOINTS)
def test_openapi_security_matches_the_contract(key: str) -> None:
    asked = OPERATIONS[key].get("security")
    match ENDPOINTS[key].who:
        case "anyone":
            assert asked is None
        case "anyone, known if they send credentials":
            assert asked == [{}, {"initData": []}]
        case _:
            assert asked == [{"initData": []}]


@pytest.mark.parametrize("key", ENDPOINTS)
def test_response_fields_match_the_contract(key: str) -> None:
    endpoint = ENDPOINTS[key]
    response = OPERATIONS[key]["responses"][str(endpoint.success)]
    if endpoint.success == 204:
        assert "content" not in response
        return
    if "application/json" not in response["content"]:
        assert (set(response["content"]), endpoint.answer) == ({"image/jpeg"}, None)
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
def test_every_response_schema_is_closed(key: str) -> None:
    """G6: a response holds what its schema names and nothing else, so a leaked field is a broken schema (I17)."""
    for response in OPERATIONS[key]["responses"].values():
        for content in response.get("content", {}).values():
            for found in objects_in(content["schema"]):
                assert found.get("additionalProperties") is False, found


def test_enumerations_match_the_contract() -> None:
    schemas = SCHEMA["components"]["schemas"]
    assert set(schemas["Status"]["enum"]) == {"active", "expired", "deleted", "closed_no_response", "completed"}
    categories = ["Сантехника", "Электрика", "Бытовой ремонт", "Клининг"]
    categories += ["Сборка/установка", "Бытовая техника", "Другое"]
    assert schemas["NewOrder"]["properties"]["category"]["enum"] == categories == list(order.CATEGORIES)
    complaints = ["Не отвечал", "Отменил заказ", "Неадекватное поведение", "Ложная информация", "Другое"]
    assert schemas["NewComplaint"]["properties"]["complaint"]["enum"] == complaints
    assert set(schemas["TransactionView"]["properties"]["type"]["enum"]) == {
        "recharge",
        "order_take",
        "refund",
        "debt_repayment",
    }
    assert set(schemas["JudgedView"]["properties"]["type"]["anyOf"][0]["enum"]) == {"review", "complaint"}


def test_every_string_of_a_request_is_a_text_or_a_token() -> None:
    """So tests/contract/test_text.py knows what has to be cleaned."""
    names = {place.name for operation in OPERATIONS.values() for place in strings_in(operation)}
    assert names == TEXTS | TOKENS


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
    inner = [*schema.get("properties", {}).values(), *alternatives(schema)]
    for part in [*inner, *([schema["items"]] if "items" in schema else [])]:
        yield from objects_in(part, seen)


def alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of which one, some or all hold."""
    return [part for which in ("anyOf", "allOf", "oneOf") for part in schema.get(which, [])]


class Place(NamedTuple):
    """The place of a string in a request: body or query, and a path of keys, with `*` for each item of a list."""

    where: Literal["body", "query"]
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        return [key for key in self.path if key != "*"][-1]


def strings_in(operation: dict[str, Any]) -> Iterator[Place]:
    """Every string in the requests of an operation, but for its path."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            yield from (
                Place("query", (parameter["name"], *path)) for path in sorted(string_paths(parameter["schema"]))
            )
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield from (Place("body", path) for path in sorted(string_paths(content["schema"])))


def string_paths(schema: dict[str, Any]) -> set[tuple[str, ...]]:
    """The paths to the strings within `schema`."""
    schema = resolved(schema)
    found: set[tuple[str, ...]] = {()} if schema.get("type") == "string" else set()
    found |= {path for part in alternatives(schema) for path in string_paths(part)}
    inner = {**schema.get("properties", {}), **({"*": schema["items"]} if "items" in schema else {})}
    return found | {(key, *path) for key, part in inner.items() for path in string_paths(part)}
