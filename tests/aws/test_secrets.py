"""Secrets in SSM: missing, removed, replaced, or behind an SSM that hangs, fails or throttles (F25)."""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from shared.aws import secrets
from tests.conftest import BOT_TOKEN
from tests.http.test_auth import BAD, ME, ORDER, SIGNED
from tests.in_process import INIT_DATA_KEY_PATH, START, Api
from tests.signing import key_of, signed


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Advance the clock of the cached parameters."""
    passed = 0.0

    def later(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(secrets, "time", SimpleNamespace(time=lambda: time.time() + passed))
    return later


def assert_refused_without_the_secret(service: Api) -> None:
    order_id = "AAAAAAAAAAAA"
    for headers in ({"authorization": f"tma {SIGNED}"}, {"authorization": f"tma {BAD['too old']}"}):
        for route in (ME, ORDER):
            answer = service.call(route, id=order_id, headers=headers)
            assert (answer.status, answer.json["code"]) == (503, "unavailable")
            assert answer.json["detail"]
    # Without credentials there is nothing to check.
    assert service.call(ME).status == 401
    assert service.call(ORDER, id=order_id).status == 404


def test_init_data_key_missing_at_cold_start_is_a_503(service: Api, later: Any) -> None:
    boto3.client("ssm").delete_parameter(Name=INIT_DATA_KEY_PATH)
    assert_refused_without_the_secret(service)
    boto3.client("ssm").put_parameter(Name=INIT_DATA_KEY_PATH, Value=key_of(BOT_TOKEN).hex(), Type="SecureString")
    later(61)
    assert service.call(ME, user=42).status == 200


def test_missing_parameter_is_cached_for_one_minute(service: Api, later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers with credentials cannot use up the account's rate limit of SSM."""
    boto3.client("ssm").delete_parameter(Name=INIT_DATA_KEY_PATH)
    read, asked = secrets._provider()._read, []

    def counted(path: str) -> str | None:
        asked.append(path)
        return read(path)

    monkeypatch.setattr(secrets._provider(), "_read", counted)
    for _ in range(10):
        assert service.call(ME, user=42).status == 503
    assert len(asked) == 1
    later(61)
    assert service.call(ME, user=42).status == 503
    assert len(asked) == 2


def test_init_data_key_missing_at_refresh_is_a_503(service: Api, later: Any) -> None:
    assert service.call(ME, user=42).status == 200
    boto3.client("ssm").delete_parameter(Name=INIT_DATA_KEY_PATH)
    later(239)
    assert service.call(ME, user=42).status == 200
    later(62)
    assert_refused_without_the_secret(service)


def test_new_init_data_key_is_used_within_five_minutes(service: Api, later: Any) -> None:
    assert service.call(ME, user=42).status == 200
    boto3.client("ssm").put_parameter(
        Name=INIT_DATA_KEY_PATH, Value=key_of("42:new").hex(), Type="SecureString", Overwrite=True
    )
    later(301)
    assert service.call(ME, user=42).status == 401
    fresh = signed([("user", '{"id":42}'), ("auth_date", str(START // 1000))], "42:new")
    assert service.call(ME, headers={"authorization": f"tma {fresh}"}).status == 200


def answer_with(code: str, status: int) -> list[str]:
    """Make SSM answer each read with an error from now on; return the parameters read since."""
    asked: list[str] = []

    def refuse(params: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        asked.append(json.loads(params["body"])["Name"])
        error = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return SimpleNamespace(status_code=status), error

    secrets._provider()._client.meta.events.register("before-call.ssm.GetParameter", refuse)
    return asked


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServerError", 500)])
def test_expired_secret_is_used_for_an_hour_of_an_outage(
    service: Api, later: Any, log: StringIO, capfd: pytest.CaptureFixture[str], code: str, status: int
) -> None:
    """F25: SSM is called once a minute meanwhile; after the hour, requests are refused."""
    assert service.call(ME, user=42).status == 200
    asked = answer_with(code, status)
    later(301)
    for _ in range(20):
        assert service.call(ME, user=42).status == 200
    assert service.call(ME, headers={"authorization": f"tma {BAD['of another bot']}"}).status == 401
    assert len(asked) == 1
    later(61)
    assert service.call(ME, user=42).status == 200
    assert len(asked) == 2
    assert capfd.readouterr().out.count('"StaleSecrets":[1.0]') == 2
    assert log.getvalue().count('"message":"stale secret"') == 2
    later(3600 - 362 + 239)
    assert service.call(ME, user=42).status == 200
    later(62)
    assert_refused_without_the_secret(service)


def test_expired_secret_is_replaced_when_the_outage_ends(service: Api, later: Any) -> None:
    assert service.call(ME, user=42).status == 200
    secrets._provider()._client.meta.events.register_first("before-call.ssm.GetParameter", in_turn := Outage())
    later(301)
    assert service.call(ME, user=42).status == 200
    assert in_turn.calls == 1
    boto3.client("ssm").put_parameter(
        Name=INIT_DATA_KEY_PATH, Value=key_of("42:new").hex(), Type="SecureString", Overwrite=True
    )
    later(61)
    assert service.call(ME, user=42).status == 401


class Outage:
    """The first read is not answered; the later ones are."""

    calls = 0

    def __call__(self, **_: Any) -> None:
        self.calls += 1
        if self.calls == 1:
            raise EndpointConnectionError(endpoint_url="https://ssm")


def test_parameter_that_may_not_be_read_any_more_is_a_503(service: Api, later: Any) -> None:
    """An answer of SSM is no outage: a permission that was taken away counts at the next refresh."""
    assert service.call(ME, user=42).status == 200
    answer_with("AccessDeniedException", 400)
    later(301)
    assert_refused_without_the_secret(service)


def test_missing_secret_is_never_replaced_by_an_earlier_one(service: Api, later: Any) -> None:
    """F25: SSM said that the parameter is gone; an outage after that does not bring its value back."""
    assert service.call(ME, user=42).status == 200
    boto3.client("ssm").delete_parameter(Name=INIT_DATA_KEY_PATH)
    later(301)
    assert_refused_without_the_secret(service)
    answer_with("ThrottlingException", 400)
    later(61)
    assert_refused_without_the_secret(service)


def test_instances_refresh_at_different_times(service: Api, later: Any) -> None:
    """A hundred instances that start together do not call SSM in the same second."""
    client, read_at = secrets._provider()._client, Counter[int]()
    stores = [secrets._ParameterStore(client) for _ in range(100)]
    for store in stores:
        store.get(INIT_DATA_KEY_PATH)
    asked: list[str] = []
    client.meta.events.register("before-call.ssm.GetParameter", lambda model, **_: asked.append(model.name))
    for seconds in range(10, 310, 10):
        later(10)
        for store in stores:
            store.get(INIT_DATA_KEY_PATH)
        read_at[seconds] = len(asked)
        asked.clear()
    assert read_at.total() == 100
    assert all(seconds >= 240 for seconds in read_at.elements())
    assert max(read_at.values()) < 50


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_hanging_parameter_store_is_a_503_in_time(monkeypatch: pytest.MonkeyPatch, service: Api, mute: str) -> None:
    """The response is sent long before the function's timeout (P4)."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", mute)
    secrets._provider.cache_clear()
    started = time.monotonic()
    answer = service.call(ME, user=42)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert time.monotonic() - started < 6
