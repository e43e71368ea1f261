"""Responses are parsed as by botocore, in less time."""

import json
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import JSONParser
from hypothesis import given
from hypothesis import strategies as st

from shared.aws import clients
from shared.store import table

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
def test_answer_is_parsed_as_by_botocore(answer: tuple[str, dict[str, Any]]) -> None:
    operation, content = answer
    body = json.dumps(content).encode()
    assert parsed(clients._PlainParser(), operation, 200, body) == parsed(JSONParser(), operation, 200, body)


@pytest.mark.parametrize("status", [400, 500, 503])
def test_error_is_parsed_as_by_botocore(status: int) -> None:
    body = b'{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"m"}'
    assert parsed(clients._PlainParser(), "GetItem", status, body) == parsed(JSONParser(), "GetItem", status, body)
