"""Every text of a request is in NFC and free of invisible characters before anything looks at it (I24)."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.text import clean
from shared.store import table
from tests.api import Answer
from tests.conftest import OPERATOR, TABLE
from tests.contract.endpoints import ENDPOINTS, TEXTS
from tests.contract.test_openapi import OPERATIONS, Place, resolved, strings_in
from tests.in_process import Api

FILLERS = "\u3164" * 20

# A valid value of each field and parameter. Nobody has such an order, so what needs one is a 404 once it is valid.
VALID: dict[str, Any] = {
    "amount": 5,
    "author_id": 2,
    "categories": ["Бытовой ремонт"],
    "action": "answer",
    "category": "Бытовой ремонт",
    "cities": ["Йошкар-Ола"],
    "city": "Йошкар-Ола",
    "comment": "Ещё зайду, всё понравилось",
    "complaint": "Ложная информация",
    "contact": "+7 916 123-45-67",
    "description": "Ещё один мой кран течёт",
    "executor_id": 2,
    "key": "a-random-key",
    "order_id": "AAAAAAAAAAAA",
    "rating": 5,
    "reason": "Ещё одна жалоба",
    "receipt_contact": "anna@example.org",
    "query": "900",
    "queue": "NotificationDeadLetters",
    "search": "йошкар",
    "seen": 1,
    "text": "Ещё один ответ",
}
MAY_BE_EMPTY = {"comment"}
# Parameters that a route needs, and that are no texts.
NEEDED = {"GET /api/admin/stats": {"from": "2026-09-10", "to": "2026-09-10"}}
FREE = {"comment", "description", "reason", "text"}

PLACES = {
    f"{key} {place.name}": (key, place)
    for key, operation in OPERATIONS.items()
    for place in strings_in(operation)
    if place.name in TEXTS
}


def sent(service: Api, key: str, place: Place, change: Callable[[str], str]) -> Answer:
    """The response to a valid request of which the string at one place is changed."""
    schemas = OPERATIONS[key].get("requestBody", {}).get("content", {})
    bodies = [resolved(content["schema"]) for content in schemas.values()]
    bodies += [resolved(part) for body in bodies for part in body.get("oneOf", [])]
    fields = {name for body in bodies for name in body.get("properties", {})}
    query = {each["name"] for each in OPERATIONS[key].get("parameters", []) if each["in"] == "query"}
    request: dict[str, Any] = {
        "body": {name: VALID[name] for name in sorted(fields) if name in VALID} or None,
        "query": {name: VALID[name] for name in sorted(query) if name in VALID} | NEEDED.get(key, {}),
    }
    request[place.where] = changed(request[place.where], place.path, change)
    user = OPERATOR if ENDPOINTS[key].who == "operator" else 1
    return service.call(key, user=user, id="AAAAAAAAAAAA" if "/orders/" in key else "2", **request)


def changed(value: Any, path: tuple[str, ...], change: Callable[[str], str]) -> Any:
    """`value` with `change` made to the string at a path within it."""
    if not path:
        return change(value)
    if path[0] == "*":
        return [changed(each, path[1:], change) for each in value]
    return {**value, path[0]: changed(value[path[0]], path[1:], change)}


def padded(value: str) -> str:
    """The text as another keyboard may send it: decomposed, and with more invisible characters than fit any field."""
    decomposed = unicodedata.normalize("NFD", value)
    return f"\u200b{decomposed[:2]}\u00ad{decomposed[2:]}{FILLERS * 55}"


@pytest.mark.parametrize(("key", "place"), PLACES.values(), ids=PLACES)
def test_nothing_but_invisible_characters_is_a_422(service: Api, key: str, place: Place) -> None:
    answer = sent(service, key, place, lambda _: FILLERS)
    if place.name in MAY_BE_EMPTY:
        assert answer.status != 422
    else:
        [field] = answer.json["detail"]
        assert (answer.status, field["loc"][0]) == (422, place.where)
        assert place.path[0] in field["loc"]  # after the alternative of the body, if there are some


@pytest.mark.parametrize(("key", "place"), PLACES.values(), ids=PLACES)
def test_padded_text_is_what_it_looks_like(service: Api, key: str, place: Place) -> None:
    """The same response as for the text itself, and nothing invisible is stored."""
    padding = sent(service, key, place, padded)
    stored = json.dumps(table.client().scan(TableName=TABLE)["Items"], ensure_ascii=False)
    assert clean(stored) == stored
    assert padding.status == sent(service, key, place, str).status or padding.status == 201
    assert padding.status not in (422, 500)
    assert clean(padding.text) == padding.text


@pytest.mark.parametrize("name", [name for name, (_, place) in PLACES.items() if place.name in FREE])
def test_free_text_keeps_its_other_limits(service: Api, name: str) -> None:
    """Cleaning does away neither with the longest length nor with the refusal of control characters."""
    key, place = PLACES[name]
    assert sent(service, key, place, lambda text: f"{text}{'ж' * 2001}").status == 422
    for control in "\x00\x0b\x0c\x1f\x7f\x80\x85\x9f":
        answer = sent(service, key, place, control.join)  # between all of its characters
        assert [field["type"] for field in answer.json["detail"]] == ["control_character"], repr(control)
    assert sent(service, key, place, "\t\r\n".join).status != 422
