"""What an HTTP handler adds to a function: other methods, limits, headers, one log line and its metrics."""

import json
import warnings
from io import StringIO
from typing import Any

import pytest

from shared.handlers.http import MAX_BODY, logged
from shared.http.headers import SECURITY
from shared.observability import logger, metrics
from tests import api

SERVED = {"statusCode": 200, "headers": {"content-length": "2"}, "body": "{}", "isBase64Encoded": False}


class Served:
    """A function that keeps the events that it gets, behind the handler."""

    def __init__(self, **headers: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._headers = headers

    def __call__(self, method: str = "GET", route: str = "GET /health", **request: Any) -> dict[str, Any]:
        return logged(self._serve)(api.event(method, "/health", route=route, **request), api.Context())

    def _serve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        self.events.append(event)
        return {**SERVED, "headers": {**SERVED["headers"], **self._headers}}  # type: ignore[dict-item]


@pytest.mark.parametrize("key", ["GET /health", "POST /api/orders"])
def test_options_is_answered_before_the_function(key: str) -> None:
    served = Served()
    answer = served("OPTIONS", key)
    headers = {"cache-control": "no-store", **SECURITY}
    assert answer == {"statusCode": 204, "headers": headers, "body": "", "isBase64Encoded": False}
    assert served.events == []


def test_head_is_the_get_without_its_body() -> None:
    """The function sees a GET, and nothing else of the event is changed."""
    got, headed = Served(), Served()
    answers = [got("GET"), headed("HEAD")]
    assert headed.events == got.events
    assert answers[1] == {**answers[0], "body": ""}
    assert answers[0]["body"] == "{}"


@pytest.mark.parametrize(
    ("method", "key", "status"),
    [("GET", "GET /health", 200), ("POST", "POST /health", 200), ("PUT", "POST /health", 200)],
)
def test_method_of_a_route_is_served(method: str, key: str, status: int) -> None:
    """A key with a method gets no other from API Gateway. FastAPI would refuse it."""
    served = Served()
    assert (served(method, key)["statusCode"], len(served.events)) == (status, 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_method_of_a_get_is_a_405_that_names_its_methods(method: str, log: StringIO) -> None:
    served = Served()
    answer = served(method)
    assert (answer["statusCode"], answer["headers"]["allow"], served.events) == (405, "GET, HEAD, OPTIONS", [])
    assert answer["headers"]["content-type"] == "application/json"
    assert json.loads(answer["body"])["code"] == json.loads(log.getvalue())["code"] == "method_not_allowed"


@pytest.mark.parametrize(("size", "status"), [(None, 200), (0, 200), (MAX_BODY, 200), (MAX_BODY + 1, 413)])
def test_body_above_64_kib_does_not_reach_the_function(size: int | None, status: int, log: StringIO) -> None:
    served = Served()
    answer = served("POST", "POST /api/orders", raw=None if size is None else "a" * size)
    assert (answer["statusCode"], len(served.events)) == (status, 1 if status == 200 else 0)
    if status == 413:
        assert (json.loads(answer["body"])["code"], answer["isBase64Encoded"]) == ("body_too_large", False)
        assert json.loads(log.getvalue())["code"] == "body_too_large"
    assert MAX_BODY == 65_536


def test_functions_headers_replace_those_of_every_response() -> None:
    plain, own = Served()(), Served(**{"cache-control": "max-age=2", "x-content-type-options": "own"})()
    assert plain["headers"] == {"cache-control": "no-store", **SECURITY, "content-length": "2"}
    assert (own["headers"]["cache-control"], own["headers"]["x-content-type-options"]) == ("max-age=2", "own")
    assert own["headers"].keys() == plain["headers"].keys()


def test_request_is_one_log_line_with_its_route_not_its_path(log: StringIO) -> None:
    """I18. The keys of the request before are gone."""
    logger.append_keys(user_id=77)
    Served()("POST", "POST /api/orders")
    line = json.loads(log.getvalue())
    about = {"message": "request", "method": "POST", "route": "POST /api/orders", "status": 200}
    assert {**about, "request_id": api.Context.aws_request_id}.items() <= line.items()
    assert 0 <= line["ms"] < 10_000
    assert "/health" not in log.getvalue()
    assert "user_id" not in line


def test_metrics_are_printed_once_and_only_if_there_are_any(capfd: pytest.CaptureFixture[str]) -> None:
    metrics.add_metric("TooOften", "Count", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Powertools warns of an empty flush
        Served()()
        Served()()
    assert capfd.readouterr().out.count('"TooOften":[1.0]') == 1
