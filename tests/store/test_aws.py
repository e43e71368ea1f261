"""What is hooked into botocore does what botocore does, for less."""

import json
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import ServiceModel
from botocore.parsers import JSONParser
from hypothesis import given
from hypothesis import strategies as st

from shared.aws import clients, signing
from shared.store import table

AT = datetime(2026, 11, 25, 6, 0, 7, tzinfo=UTC)

KEYS = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", min_size=1)
SERVICES = st.sampled_from(
    [
        ("dynamodb", "https://dynamodb.eu-central-1.amazonaws.com/", "DynamoDB_20120810.GetItem"),
        ("dynamodb", "http://127.0.0.1:4566/", "DynamoDB_20120810.TransactWriteItems"),
        ("ssm", "https://ssm.eu-central-1.amazonaws.com/", "AmazonSSM.GetParameter"),
    ]
)


class Frozen(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return AT


@given(SERVICES, st.binary(min_size=1), KEYS, KEYS, st.none() | KEYS, st.sampled_from(["eu-central-1", "ru-central1"]))
def test_the_signature_is_botocores(
    called: tuple[str, str, str], body: bytes, access_key: str, secret_key: str, token: str | None, region: str
) -> None:
    service, url, target = called
    credentials = Credentials(access_key, secret_key, token)

    def request() -> AWSRequest:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
        return AWSRequest("POST", url, headers, body)

    ours, theirs = request(), request()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing, "datetime", Frozen)
        patch.setattr(botocore.auth, "get_current_datetime", lambda: AT)
        for _ in range(2):  # an attempt, and another with the same request
            signing.sign(ours, credentials.get_frozen_credentials(), region, service)
        SigV4Auth(credentials, service, region).add_auth(theirs)
    assert sorted(ours.headers.items()) == sorted(theirs.headers.items())


VALUES = st.recursive(
    st.builds(lambda text: {"S": text}, st.text())
    | st.builds(lambda number: {"N": f"{number}"}, st.integers())
    | st.builds(lambda flag: {"BOOL": flag}, st.booleans())
    | st.just({"NULL": True}),
    lambda inner: (
        st.builds(lambda elements: {"L": elements}, st.lists(inner, max_size=3))
        | st.builds(lambda members: {"M": members}, st.dictionaries(st.text(), inner, max_size=3))
    ),
    max_leaves=6,
)
ITEMS = st.dictionaries(st.text(min_size=1), VALUES, max_size=4)
ERROR_RESPONSES = st.one_of(
    st.builds(lambda item: ("GetItem", {"Item": item}), ITEMS),
    st.just(("GetItem", {})),
    st.builds(lambda items: ("Query", {"Items": items, "Count": len(items), "ScannedCount": 9}), st.lists(ITEMS)),
    st.builds(lambda key: ("Query", {"Count": 2, "LastEvaluatedKey": key}), ITEMS),
    st.builds(
        lambda items, keys: ("BatchGetItem", {"Responses": {"t": items}, "UnprocessedKeys": {"t": {"Keys": keys}}}),
        st.lists(ITEMS),
        st.lists(ITEMS),
    ),
    st.builds(lambda item: ("UpdateItem", {"Attributes": item}), ITEMS),
    st.just(("PutItem", {})),
    st.just(("TransactWriteItems", {})),
)
MODEL: ServiceModel = table.client.__wrapped__().meta.service_model


def parsed(parser: Any, operation: str, status: int, body: bytes) -> Any:
    response = {"status_code": status, "headers": {"X-Amzn-RequestId": "R", "Content-Length": "9"}, "body": body}
    found = parser.parse(response, MODEL.operation_model(operation).output_shape)
    found["ResponseMetadata"].pop("RequestId", None)
    return found


@given(ERROR_RESPONSES)
def test_answers_are_read_as_botocore_reads_them(answer: tuple[str, dict[str, Any]]) -> None:
    operation, content = answer
    body = json.dumps(content).encode()
    assert parsed(clients._PlainParser(), operation, 200, body) == parsed(JSONParser(), operation, 200, body)


@pytest.mark.parametrize("status", [400, 500, 503])
def test_errors_are_botocores_to_read(status: int) -> None:
    body = b'{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"m"}'
    assert parsed(clients._PlainParser(), "GetItem", status, body) == parsed(JSONParser(), "GetItem", status, body)
