"""Each kind of error that a route may raise: its response, its log line and its metric."""

import json
import re
from io import StringIO
from typing import Any, NamedTuple

import pytest
from fastapi import APIRouter
from starlette.exceptions import HTTPException

from shared.domain import errors
from shared.error_responses import ERROR_RESPONSES
from shared.handlers.http import http_handler
from shared.http.errors import error_responses
from shared.http.schemas import ErrorView
from shared.service_errors import Busy, ProviderNotConfigured, ProviderUnavailable, Unavailable
from tests import api

SECRET = "@canary_0123abcd"


class Result(NamedTuple):
    answer: api.Answer
    log: list[dict[str, Any]]
    metrics: dict[str, Any]


def raised(error: Exception, log: StringIO, capfd: pytest.CaptureFixture[str], method: str = "GET") -> Result:
    """Invoke a route that raises the error."""
    router = APIRouter()

    @router.get("/x")
    def fail() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise error from (cause if isinstance(error, Unavailable) else None)

    log.truncate(0)
    log.seek(0)
    capfd.readouterr()
    answer = http_handler(router)(api.event(method, "/x", route="POST /x"), api.Context())
    printed = capfd.readouterr().out
    assert SECRET not in printed + log.getvalue() + answer["body"]
    metrics = [json.loads(line) for line in printed.splitlines() if "_aws" in line]
    counted = {
        metric["Name"]: each[metric["Name"]]
        for each in metrics
        for metric in each["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    return Result(
        api.Answer(answer["statusCode"], answer["body"], answer["headers"]),
        [json.loads(line) for line in log.getvalue().splitlines()],
        counted,
    )


SENT = {"detail", "code"}


@pytest.mark.parametrize(
    ("error", "metrics"),
    [
        (errors.OrderNotFound(), {}),
        (errors.Banned(), {}),
        (errors.InsufficientBalance(), {}),
        (errors.Unauthenticated(), {}),
        (Busy(), {"Unavailable": [1]}),
        (Unavailable(), {"Unavailable": [1]}),
        (ProviderUnavailable(), {"ProviderErrors": [1]}),
        (ProviderNotConfigured(), {"ProviderErrors": [1]}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_expected_error_is_answered_logged_and_counted(
    error: Exception, metrics: dict[str, Any], log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """A refusal is one line with its code. A failure of ours has its cause and place as well, and its own metric."""
    result = raised(error, log, capfd)
    expected = ERROR_RESPONSES[type(error)]  # type: ignore[index]
    assert (result.answer.status, result.metrics) == (expected.status, metrics)
    assert result.answer.json == {"detail": expected.detail, "code": expected.code}
    [line] = result.log
    assert (line["message"], line["status"], line["code"]) == ("request", expected.status, expected.code)
    assert ("cause" in line, "reason" in line) == (expected.status == 503, False)
    if expected.status == 503:
        cause = KeyError if isinstance(error, Unavailable) else type(error)
        assert line["cause"]["error"] == f"{cause.__module__}.{cause.__qualname__}"
        assert line["cause"]["at"][-1].endswith(" fail")


@pytest.mark.parametrize("error", [errors.InvalidInitData("hash"), errors.InitDataExpired("auth_date")])
def test_refused_credentials_are_logged_with_their_reason(
    error: errors.InvalidInitData, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    result = raised(error, log, capfd)
    assert (result.answer.status, result.log[0]["reason"]) == (401, error.reason)
    assert result.answer.json.keys() == SENT


def test_rate_limit_says_when_to_come_back_and_is_counted(log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    result = raised(errors.TooOften(17), log, capfd)
    assert (result.answer.status, result.answer.headers["retry-after"]) == (429, "17")
    assert result.metrics == {"TooOften": [1]}


def test_other_errors_have_no_retry_after(log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    assert "retry-after" not in raised(errors.Banned(), log, capfd).answer.headers


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (HTTPException(400, SECRET), 400, "bad_request"),
        (HTTPException(404, SECRET), 404, "not_found"),
        (HTTPException(413, SECRET, {"x-more": "1"}), 413, "body_too_large"),
        (HTTPException(418, SECRET), 418, "bad_request"),
    ],
)
def test_framework_error_keeps_status_and_headers_not_words(
    error: HTTPException, status: int, code: str, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """A status without a response of its own is a bad request."""
    result = raised(error, log, capfd)
    assert (result.answer.status, result.answer.json["code"], result.answer.json.keys()) == (status, code, SENT)
    assert result.log[0]["code"] == code
    assert result.answer.headers.get("x-more") == (error.headers or {}).get("x-more")
    assert result.metrics == {}


def test_method_without_a_route_is_a_405_with_allow(log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    result = raised(Busy(), log, capfd, method="PUT")
    assert (result.answer.status, result.answer.json["code"]) == (405, "method_not_allowed")
    assert result.answer.headers["allow"] == "GET"


def test_unknown_error_is_a_counted_500(log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    result = raised(RuntimeError(SECRET), log, capfd)
    assert (result.answer.status, result.metrics) == (500, {"UnknownError": [1]})
    assert result.answer.json.keys() == SENT | {"request_id"}
    assert (result.log[0]["message"], result.log[0]["error"]) == ("unknown error", "builtins.RuntimeError")


def test_each_request_is_logged_with_its_own_keys(log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    """The environment is the same, and the line of the second request has nothing of the first."""
    assert raised(errors.InvalidInitData("hash"), log, capfd).log[0]["reason"] == "hash"
    [line] = raised(errors.Banned(), log, capfd).log
    assert "reason" not in line
    about = {"request_id": api.Context.aws_request_id, "method": "GET", "route": "POST /x", "status": 403}
    assert about.items() <= line.items()


# ---------------------------------------------------------------- the same in the OpenAPI


USER_CODES = ["unauthenticated", "init_data_expired", "invalid_init_data"]


def documented(*kinds: type[errors.DomainError]) -> dict[int | str, list[str]]:
    """Return the codes in the descriptions by status."""
    responses = error_responses(*kinds)
    assert all(response["model"] is ErrorView for response in responses.values())
    return {status: re.findall(r"`(\w+)`: [А-ЯЁ]", response["description"]) for status, response in responses.items()}


def test_documented_responses_have_every_code_by_status() -> None:
    """Those of every route as well, by ascending status."""
    assert list(documented(errors.TooOften, errors.InvalidInitData, errors.Banned, errors.NotYourOrder).items()) == [
        (401, USER_CODES),
        (403, ["banned", "not_your_order"]),
        (429, ["too_often"]),
        (500, ["internal_error"]),
        (503, ["busy", "unavailable"]),
    ]


def test_documented_responses_of_operators_have_their_session() -> None:
    of_operators = documented(errors.InvalidInitData, errors.NotAnOperator)
    assert sorted(of_operators[401]) == sorted([*USER_CODES, "session_expired", "credentials_too_old"])
    assert of_operators[403] == ["not_an_operator"]


def test_documented_429_has_retry_after_and_no_other_has() -> None:
    responses = error_responses(errors.TooOften, errors.Banned)
    assert [status for status, response in responses.items() if "headers" in response] == [429]
    assert responses[429]["headers"]["Retry-After"]["schema"] == {"type": "integer"}


def test_route_without_credentials_documents_no_401() -> None:
    assert list(error_responses(errors.OrderNotFound)) == [404, 500, 503]
