"""Clients of AWS services with a short cold start: one session for all clients, and botocore without boto3.

boto3 adds resources and S3 transfers. Nothing here uses them, and boto3 would import all of them.
"""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from botocore.parsers import JSONParser, ResponseParserFactory

from shared.aws import signing, tracing

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

Created = TypeVar("Created")

# Response shapes without bytes and timestamps. For these, the parsed JSON is exactly what botocore returns.
_PLAIN = frozenset(
    {
        "BatchGetItemOutput",
        "GetItemOutput",
        "PutItemOutput",
        "QueryOutput",
        "ScanOutput",
        "TransactWriteItemsOutput",
        "UpdateItemOutput",
    }
)


class _PlainParser(JSONParser):
    """A fast parser for `_PLAIN` responses. botocore's parser walks shape by shape, most of the CPU time of a page."""

    def parse(self, response: Any, shape: Any) -> Any:
        if response["status_code"] != 200 or shape is None or shape.name not in _PLAIN:
            return super().parse(response, shape)
        parsed = json.loads(response["body"] or "{}")
        headers = {name.lower(): value for name, value in response["headers"].items()}
        parsed["ResponseMetadata"] = {
            "RequestId": headers.get("x-amzn-requestid", ""),
            "HTTPStatusCode": 200,
            "HTTPHeaders": headers,
        }
        return parsed


class _Parsers(ResponseParserFactory):
    """A factory that reuses one parser. botocore asks it for a parser at every response."""

    def __init__(self) -> None:
        super().__init__()
        self._plain = _PlainParser()

    def create_parser(self, protocol_name: str) -> Any:
        return self._plain if protocol_name == "json" else super().create_parser(protocol_name)


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", _Parsers())
    return session


def client(service: str, *, read_timeout: int, attempts: int = 2, validate: bool = False) -> Any:
    """Return a client. Connect timeout 1 s, `read_timeout` in seconds, at most `attempts` attempts per call (P4)."""
    created = _session().create_client(
        service,
        config=Config(
            connect_timeout=1,
            user_agent="urgent-services",  # otherwise botocore composes one at every call
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            parameter_validation=validate,
        ),
    )
    if service in ("dynamodb", "ssm"):  # the others are not called at every request
        signing.Signer(_session()).hook_into(created)
    if daemon := os.environ.get("AWS_XRAY_DAEMON_ADDRESS"):
        tracing.hook_into(created, daemon=daemon)
    return created


def signed_headers(method: str, url: str, body: bytes, *, service: str) -> dict[str, str]:
    """Return the headers that sign a request to AWS of which botocore has no client here. Raises NoCredentialsError."""
    session = _session()
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return signing.signed_headers(method, url, body, credentials.get_frozen_credentials(), _region(), service)


@cache
def _region() -> str:
    region: str = _session().get_config_variable("region")
    return region


def created_at_init(make: Callable[[], Created]) -> "_lru_cache_wrapper[Created]":
    """Cache `make()`. In Lambda, call it during init, where the environment has a full vCPU."""
    cached = cache(make)
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        cached()
    return cached
