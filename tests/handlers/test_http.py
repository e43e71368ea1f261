"""Responses of the fast path, without FastAPI, equal those of FastAPI."""

import importlib
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.handlers.http import MAX_BODY
from shared.http.app import serve
from shared.http.headers import SECURITY
from tests import api
from tests.in_process import Api

QUICK = ("functions.meta.get_health", "functions.cities.list")
SLOW = {name: serve(importlib.import_module(name).make_router()) for name in QUICK}
ROUTES = {"functions.meta.get_health": "/health", "functions.cities.list": "/api/cities"}

QUERIES = [
    "",
    "search=%D0%BA%D0%B0%D0%B7",
    "search=",
    "search",
    "search=a&search=b",
    "other=1",
    "search=x&other=1",
    "search=%FF%FE",
    "search=+",
    f"search={'a' * 100}",
    f"search={'a' * 101}",
    "search=a;b",
    "&&search=a&",
    "%zz=%",
    "search=%D0%B9%D0%BE%D1%88",
    "search=%D0%B8%CC%86%D0%BE%D1%88",  # the same letters of two code points
    "search=" + "%E2%80%8B" * 101 + "%D0%BA",
    "search=" + "%E3%85%A4" * 20,
]


def answers(name: str, raw_query: str) -> list[dict[str, Any]]:
    """The responses of the function and of FastAPI alone."""
    found = []
    for answer in (importlib.import_module(name).handler, SLOW[name]):
        event = {**api.event("GET", ROUTES[name]), "rawQueryString": raw_query}
        answered = answer(event, api.Context())
        for every in ("cache-control", *SECURITY):
            answered["headers"].pop(every, None)
        found.append(answered)
    return found


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("raw_query", QUERIES)
def test_fast_path_answers_as_fastapi_does(name: str, raw_query: str) -> None:
    quick, slow = answers(name, raw_query)
    assert quick == slow


@given(st.text(alphabet="search=&%;+0aяЁ", max_size=24))
@settings(deadline=None, max_examples=60)
def test_fast_path_answers_any_query_as_fastapi_does(raw_query: str) -> None:
    quick, slow = answers("functions.cities.list", raw_query)
    assert quick == slow


@pytest.mark.parametrize("typed", ["й", "и\u0306", "и\u200b\u0306", "\u3164Й\u2060"])
def test_search_finds_a_letter_however_it_is_encoded(typed: str) -> None:
    for answer in answers("functions.cities.list", urlencode({"search": f"{typed}ошкар"})):
        assert (answer["statusCode"], answer["body"]) == (200, '["Йошкар-Ола"]')


def test_body_over_the_limit_is_a_413(service: Api) -> None:
    for size, status in ((MAX_BODY, 422), (MAX_BODY + 1, 413)):
        answer = service.call("POST /api/orders", user=1, raw='"' + "a" * (size - 2) + '"')
        assert answer.status == status
