"""Unexpected errors: the response is a 500 without details, and the log says where it happened (I18)."""

import json
from io import StringIO
from typing import Any

import pytest

from shared.store import table
from tests import api
from tests.in_process import Api

CONTACT = "@canary_0123abcd"


@pytest.fixture
def broken(service: Api) -> str:
    """Make every write fail with a message that repeats the arguments and the caller, as an SDK's message may."""
    message = f"Parameter validation failed: {{'contact': '{CONTACT}'}}, {api.init_data(1, service.now)}"

    def fail(**_: Any) -> None:
        raise RuntimeError(message)

    table.client().meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", fail)
    return message


def assert_silent(said: str, broken: str) -> None:
    for part in (CONTACT.removeprefix("@"), "Parameter validation", *broken.rpartition(", ")[2].split("&")):
        assert part not in said


def test_unknown_error_is_a_500_with_the_request_id_alone(
    service: Api, broken: str, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    body = {
        "category": "Сантехника",
        "city": "Москва",
        "description": "Прорвало трубу на кухне, вода на полу",
        "contact": CONTACT,
    }
    answer = service.call("POST /api/orders", user=1, body=body)
    assert (answer.status, answer.json) == (
        500,
        {
            "detail": "Внутренняя ошибка, мы уже знаем о ней",
            "code": "internal_error",
            "request_id": api.Context.aws_request_id,
        },
    )
    printed = capfd.readouterr()
    said = log.getvalue() + printed.out + printed.err + answer.text + json.dumps(answer.headers)
    # The operator gets the place of the error, the request id, and a metric for the alarm.
    error, request = (json.loads(line) for line in log.getvalue().splitlines())
    assert (error["level"], error["error"]) == ("ERROR", "builtins.RuntimeError")
    assert error["at"][-1].endswith(" fail")
    assert (request["request_id"], request["status"]) == (api.Context.aws_request_id, 500)
    assert '"UnknownError":[1.0]' in printed.out.replace(" ", "")
    assert_silent(said, broken)


def test_error_code_of_aws_is_logged(service: Api, log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    def elsewhere(params: dict[str, Any], **_: Any) -> None:
        params["TableName"] = "of-somebody-else"

    table.client().meta.events.register("provide-client-params.dynamodb.GetItem", elsewhere)
    assert service.call("GET /api/users/me", user=1).status == 500
    error = json.loads(log.getvalue().splitlines()[0])
    assert error["aws_error"] == "ResourceNotFoundException"
    assert "of-somebody-else" not in log.getvalue()
