"""The error response of an invalid field: its place, a Russian sentence with the bound, and a stable name (422)."""

import json
from io import StringIO
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from shared.domain.order import Status
from shared.http import errors
from tests.conftest import OPERATOR
from tests.in_process import Api


class Body(BaseModel):
    amount: int


# By pydantic's error type: a type, a value that breaks it, the sentence. FastAPI itself makes `json_invalid`.
SENTENCES: dict[str, tuple[Any, object, str]] = {
    "missing": (Body, {}, "Обязательное поле"),
    "string_type": (str, 5, "Нужна строка"),
    "string_too_short": (Annotated[str, Field(min_length=3)], "a", "Слишком коротко: нужно не меньше 3 символов"),
    "string_too_long": (Annotated[str, Field(max_length=3)], "long", "Слишком длинно: можно не больше 3 символов"),
    "string_unicode": (Annotated[str, Field(max_length=9)], "\ud800", "Недопустимые символы"),
    "string_pattern_mismatch": (Annotated[str, Field(pattern="^a$")], "b", "Недопустимое значение"),
    "int_type": (int, None, "Нужно целое число"),
    "int_parsing": (int, "x", "Нужно целое число"),
    "int_from_float": (int, 1.5, "Нужно целое число"),
    "int_parsing_size": (int, "1" * 5000, "Слишком большое число"),
    "greater_than_equal": (Annotated[int, Field(ge=3)], 2, "Нужно не меньше 3"),
    "less_than_equal": (Annotated[int, Field(le=3)], 4, "Нужно не больше 3"),
    "bool_type": (bool, None, "Нужно true или false"),
    "bool_parsing": (bool, "perhaps", "Нужно true или false"),
    "literal_error": (Literal["a"], "b", "Недопустимое значение"),
    "enum": (Status, "b", "Недопустимое значение"),
    "list_type": (list[int], 5, "Нужен список"),
    "too_long": (Annotated[list[int], Field(max_length=1)], [1, 2], "Слишком много: можно не больше 1"),
    "too_short": (Annotated[list[int], Field(min_length=1)], [], "Слишком мало: нужно не меньше 1"),
    "model_attributes_type": (Body, 5, "Нужен объект JSON"),
    "dict_type": (dict[str, int], 5, "Нужен объект JSON"),
}


def test_every_field_sentence_has_an_example() -> None:
    assert SENTENCES.keys() | {"json_invalid"} == errors._FIELD_SENTENCES.keys()


@pytest.mark.parametrize("kind", SENTENCES)
def test_field_error_has_its_sentence_with_the_bound(kind: str) -> None:
    accepted, value, sentence = SENTENCES[kind]
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(accepted).validate_python(value, from_attributes=True)
    [field] = refused.value.errors()
    assert (field["type"], errors._sentence(dict(field))) == (kind, sentence)


def test_unlisted_field_error_keeps_its_own_sentence() -> None:
    assert errors._sentence({"type": "unknown_city", "msg": "Такого города нет в списке"}).startswith("Такого города")


ORDER = {"category": "Другое", "city": "Москва", "description": "Упал шкаф, нужна помощь", "contact": "@wardrobe"}
CONTACT_SENTENCE = "Укажите @username или российский телефон"
REVIEW = {"order_id": "A" * 12, "rating": 5}
REFUSED: list[tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = [
    ("POST /api/balance/recharge", {"raw": "{"}, [("1", "Тело запроса - не JSON", "json_invalid")]),
    ("POST /api/balance/recharge", {"body": 5}, [("", "Нужен объект JSON", "model_attributes_type")]),
    ("POST /api/balance/recharge", {"body": {}}, [("amount", "Обязательное поле", "missing")]),
    ("POST /api/orders", {"body": ORDER | {"city": "Нигде"}}, [("city", "Такого города нет в списке", "unknown_city")]),
    (
        "POST /api/orders",
        {"body": ORDER | {"category": "Прочее"}},
        [("category", "Такой категории нет", "unknown_category")],
    ),
    ("POST /api/orders", {"body": ORDER | {"contact": 5}}, [("contact", "Нужна строка", "string_type")]),
    ("POST /api/orders", {"body": ORDER | {"contact": "я"}}, [("contact", CONTACT_SENTENCE, "invalid_contact")]),
    (
        "POST /api/orders",
        {"body": ORDER | {"description": "ы" * 19, "contact": "я"}},
        [
            ("description", "Слишком коротко: нужно не меньше 20 символов", "string_too_short"),
            ("contact", CONTACT_SENTENCE, "invalid_contact"),
        ],
    ),
    *(
        (
            "POST /api/orders",
            {"body": ORDER | {"description": f"Упал шкаф,{odd}нужна помощь"}},
            [("description", "Недопустимые символы", "control_character")],
        )
        for odd in map(chr, (0, 8, 0x0B, 0x0C, 0x0E, 0x1F, 0x7F, 0x9F))
    ),
    (
        "PUT /api/orders/{id}",
        {"body": {"description": "ы" * 19}},
        [("description", "Слишком коротко: нужно не меньше 20 символов", "string_too_short")],
    ),
    (
        "POST /api/balance/create-invoice",
        {"body": {"amount": 5, "receipt_contact": "я"}},
        [("receipt_contact", "Укажите электронную почту или российский телефон", "invalid_receipt_contact")],
    ),
    (
        "POST /api/reviews/executor",
        {"body": {"order_id": "A" * 12, "complaint": "я"}},
        [("complaint", "Такой жалобы нет в списке", "unknown_complaint")],
    ),
    (
        "POST /api/reviews/client",
        {"body": REVIEW | {"comment": "ы" * 501}},
        [("comment", "Слишком длинно: можно не больше 500 символов", "string_too_long")],
    ),
    (
        "POST /api/admin/orders/{id}/remove",
        {"body": {"reason": "ы"}},
        [("reason", "Слишком коротко: нужно не меньше 3 символов", "string_too_short")],
    ),
]


@pytest.mark.parametrize(("route", "request_", "fields"), REFUSED)
def test_invalid_field_is_answered_with_place_sentence_and_name(
    service: Api, log: StringIO, route: str, request_: dict[str, Any], fields: list[tuple[str, str, str]]
) -> None:
    """The log has the places alone, for what was typed may be a contact (I18)."""
    user = OPERATOR if "/admin/" in route else 1
    answer = service.call(route, user=user, id="A" * 12, **request_)
    expected = [
        {"loc": ["body", *([int(name) if name.isdigit() else name] if name else [])], "msg": sentence, "type": kind}
        for name, sentence, kind in fields
    ]
    assert (answer.status, answer.json) == (422, {"detail": expected, "code": "invalid_request"})
    logged = json.loads(log.getvalue().splitlines()[-1])
    assert (logged["code"], logged["fields"]) == ("invalid_request", [field["loc"] for field in expected])
