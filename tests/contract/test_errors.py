"""The error table: every refusal has an error response, in Russian that a user can read."""

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic_core import core_schema

from shared.domain.errors import AmountOutOfLimits, DomainError
from shared.error_responses import ERROR_RESPONSES, HTTP_ERROR_RESPONSES, ErrorResponse, response_to
from shared.http import errors
from shared.service_errors import ProviderError, ServiceError

Refusal = type[DomainError | ServiceError]

ALL = [*ERROR_RESPONSES.values(), *HTTP_ERROR_RESPONSES.values()]


def refusals(of: Refusal) -> Iterator[Refusal]:
    for refusal in of.__subclasses__():
        yield refusal
        yield from refusals(refusal)


def test_every_refusal_has_its_own_error_response() -> None:
    assert set(ERROR_RESPONSES) == {*refusals(DomainError), *refusals(ServiceError)} - {ProviderError}


def test_each_error_code_has_one_meaning() -> None:
    codes = [answer.code for answer in ALL]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("answer", ALL, ids=lambda answer: answer.code)
def test_every_error_text_is_readable_russian(answer: ErrorResponse) -> None:
    assert 400 <= answer.status <= 503
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", answer.code)
    assert_a_user_can_read(answer.detail)


@pytest.mark.parametrize("kind", errors._FIELD_SENTENCES)
def test_every_field_error_is_readable_russian(kind: str) -> None:
    assert kind in get_args(core_schema.ErrorType), "pydantic has no such error"
    assert_a_user_can_read(re.sub(r"\{\w+\}", "1", errors._FIELD_SENTENCES[kind]))


def assert_a_user_can_read(sentence: str) -> None:
    """Check that a text is Russian, apart from names that are usually written in Latin letters."""
    russian = re.sub(r"@username|/support|/admin|JSON|Telegram|true|false", "", sentence)
    assert re.match(r"[А-ЯЁ]", sentence)
    assert not re.search(r"[A-Za-z]", russian)


def test_response_to_an_amount_has_its_limits() -> None:
    sentence = "Этим способом можно пополнить баланс на сумму от 100 до 500 ₽"
    assert response_to(AmountOutOfLimits(100, 500)) == (422, "amount_out_of_limits", sentence)
