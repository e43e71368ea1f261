"""The error table: every refusal has an answer, and a user can read it."""

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic_core import core_schema

from shared.domain.errors import DomainError
from shared.error_responses import ERROR_RESPONSES, HTTP_ERROR_RESPONSES, ErrorResponse
from shared.http import errors
from shared.service_errors import ProviderError, ServiceError

Refusal = type[DomainError | ServiceError]

ALL = [*ERROR_RESPONSES.values(), *HTTP_ERROR_RESPONSES.values()]


def refusals(of: Refusal) -> Iterator[Refusal]:
    for refusal in of.__subclasses__():
        yield refusal
        yield from refusals(refusal)


def test_every_refusal_has_an_answer_of_its_own() -> None:
    assert set(ERROR_RESPONSES) == {*refusals(DomainError), *refusals(ServiceError)} - {ProviderError}


def test_one_meaning_is_one_code() -> None:
    codes = [answer.code for answer in ALL]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("answer", ALL, ids=lambda answer: answer.code)
def test_an_answer_can_be_shown(answer: ErrorResponse) -> None:
    assert 400 <= answer.status <= 503
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", answer.code)
    assert_a_user_can_read(answer.detail)


@pytest.mark.parametrize("kind", errors._FIELD_SENTENCES)
def test_what_is_wrong_with_a_field_can_be_shown(kind: str) -> None:
    assert kind in get_args(core_schema.ErrorType), "pydantic has no such error"
    assert_a_user_can_read(re.sub(r"\{\w+\}", "1", errors._FIELD_SENTENCES[kind]))


def assert_a_user_can_read(sentence: str) -> None:
    """Russian, but for the names that Russians know by their Latin letters."""
    russian = re.sub(r"@username|JSON|Telegram|true|false", "", sentence)
    assert re.match(r"[А-ЯЁ]", sentence)
    assert not re.search(r"[A-Za-z]", russian)
