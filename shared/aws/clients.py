"""Clients of AWS services, made for a start that costs little: one session for all, and botocore without boto3.

boto3's own part is resources and S3's transfers, of which nothing is used here and all is imported.
"""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.parsers import JSONParser, ResponseParserFactory

from shared.aws import tracing
from shared.aws.signing import Signer

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

Made = TypeVar("Made")

# Answers that hold neither bytes nor times: what JSON makes of them is what botocore would.
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
    """botocore's parser takes an answer apart shape by shape, which is most of what a page costs."""

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
    """botocore asks for a parser at every answer."""

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
    """A client that connects within 1 s, waits `read_timeout` seconds for an answer, and tries so often (P4)."""
    made = _session().create_client(
        service,
        config=Config(
            connect_timeout=1,
            user_agent="urgent-services",  # else botocore puts one together at every call
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            parameter_validation=validate,
        ),
    )
    if service in ("dynamodb", "ssm"):  # the others are called once an order, not at every request
        Signer(_session()).hook_into(made)
    if daemon := os.environ.get("AWS_XRAY_DAEMON_ADDRESS"):
        tracing.hook_into(made, daemon=daemon)
    return made


def created_at_init(make: Callable[[], Made]) -> "_lru_cache_wrapper[Made]":
    """`make`, called once; in Lambda at once, for an environment starts with more processor than it goes on with."""
    made = cache(make)
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        made()
    return made
