"""What nobody thought of: a request gets a 500 that says nothing, other work fails and comes again (I18)."""

import json
from io import StringIO
from typing import Any

import pytest

from shared.handlers.background import HandlerFailed
from shared.store import table
from tests import api
from tests.in_process import Api

CONTACT = "@canary_0123abcd"


@pytest.fixture
def broken(service: Api) -> str:
    """Every write fails, with a message as an SDK's may be: it repeats what it was called with, and who called."""
    message = f"Parameter validation failed: {{'contact': '{CONTACT}'}}, {api.init_data(1, service.now)}"

    def fail(**_: Any) -> None:
        raise RuntimeError(message)

    table.client().meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", fail)
    return message


def assert_silent(said: str, broken: str) -> None:
    for part in (CONTACT.removeprefix("@"), "Parameter validation", *broken.rpartition(", ")[2].split("&")):
        assert part not in said


def test_a_request_is_answered_500_with_its_id_alone(
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
    # What an operator needs is there: where it happened, under which id, and a metric for the alarm.
    error, request = (json.loads(line) for line in log.getvalue().splitlines())
    assert (error["level"], error["error"]) == ("ERROR", "builtins.RuntimeError")
    assert error["at"][-1].endswith(" fail")
    assert (request["request_id"], request["status"]) == (api.Context.aws_request_id, 500)
    assert '"UnknownError":[1.0]' in printed.out.replace(" ", "")
    assert_silent(said, broken)


def test_work_that_nobody_waits_for_fails_and_comes_again(
    service: Api, log: StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    order = service.order(1, CONTACT)
    service.later(minutes=60)
    message = f"no luck with {CONTACT}"

    def fail(**_: Any) -> None:
        raise RuntimeError(message)

    table.client().meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", fail)
    with pytest.raises(HandlerFailed) as failed:
        service.timer(order["id"], service.now)
    assert str(failed.value) == "RuntimeError"
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__  # Lambda logs what it is shown of an error
    image = service.image(order["id"])
    assert service.lock_expired(order["id"], service.now) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert service.image(order["id"]) == image
    printed = capfd.readouterr()
    said = log.getvalue() + printed.out + printed.err
    assert said.count('"BackgroundFailures":[1.0]') + said.count('"BackgroundFailures": [1.0]') == 2
    assert CONTACT.removeprefix("@") not in said


def test_what_aws_calls_an_error_is_logged(service: Api, log: StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    def elsewhere(params: dict[str, Any], **_: Any) -> None:
        params["TableName"] = "of-somebody-else"

    table.client().meta.events.register("provide-client-params.dynamodb.GetItem", elsewhere)
    assert service.call("GET /api/users/me", user=1).status == 500
    error = json.loads(log.getvalue().splitlines()[0])
    assert error["aws_error"] == "ResourceNotFoundException"
    assert "of-somebody-else" not in log.getvalue()
