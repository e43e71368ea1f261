"""Secrets in SSM: missing, removed, replaced, or behind a hanging SSM (F25)."""

import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

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
    later(299)
    assert service.call(ME, user=42).status == 200
    later(2)
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
