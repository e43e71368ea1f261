"""The error table: every refusal has an answer, and a user can read it."""

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic_core import core_schema

from shared.answers import ANSWERS, HTTP_ANSWERS, Answer
from shared.domain.errors import DomainError
from shared.http import errors

ALL = [*ANSWERS.values(), *HTTP_ANSWERS.values()]


def refusals(of: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for refusal in of.__subclasses__():
        yield refusal
        yield from refusals(refusal)


def test_every_refusal_has_an_answer_of_its_own() -> None:
    assert set(ANSWERS) == set(refusals())


def test_one_meaning_is_one_code() -> None:
    codes = [answer.code for answer in ALL]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("answer", ALL, ids=lambda answer: answer.code)
def test_an_answer_can_be_shown(answer: Answer) -> None:
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
