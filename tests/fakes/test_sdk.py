"""The simulation's replacement of the SDK's retries behaves like the SDK."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from shared.store import table
from tests.conftest import TABLE
from tests.fakes import sdk
from tests.fakes.dynamodb import AwsError

REASONS = [{"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": {"pk": {"S": "A"}}}]
FAILURES: list[Exception] = [
    AwsError("ProvisionedThroughputExceededException", "slower"),
    AwsError("ThrottlingException", "slower"),
    AwsError("RequestLimitExceeded", "slower"),
    AwsError("TransactionInProgressException", "wait"),
    AwsError("TransactionConflictException", "others"),
    AwsError("InternalServerError", "ours", status=500),
    AwsError("ServiceUnavailable", "ours", status=503),
    AwsError("ConditionalCheckFailedException", "no"),
    AwsError("ConditionalCheckFailedException", "no", item={"pk": {"S": "A"}}),
    AwsError("ValidationException", "no"),
    AwsError("IdempotentParameterMismatchException", "no"),
    AwsError("TransactionCanceledException", "no", reasons=REASONS),
    ReadTimeoutError(endpoint_url="http://dynamodb"),
    ConnectTimeoutError(endpoint_url="http://dynamodb"),
    EndpointConnectionError(endpoint_url="http://dynamodb"),
]

Connect = Callable[[Any, sdk.Send], None]


def below(client: Any, send: sdk.Send) -> None:
    """Connect below the client, without pauses between retries."""
    sdk.below_the_client(client, send, sleep=lambda seconds: None, random=lambda: 0.5)


def seen(connect: Connect, failure: Exception, times: int) -> tuple[int, Any]:
    """Return the number of attempts of a call that fails `times` times, and its outcome."""
    sent = []

    def send(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        sent.append((operation, request))
        if len(sent) <= times:
            raise failure
        return {"Item": {"pk": {"S": "A"}}}

    table.client.cache_clear()
    client = table.client()
    connect(client, send)
    try:
        answer = client.get_item(TableName=TABLE, Key={"pk": {"S": "A"}, "sk": {"S": "X"}})
        came: Any = answer["Item"]
    except ClientError as error:
        came = (
            type(error).__name__,
            error.response["Error"],
            error.response.get("CancellationReasons"),
            error.response.get("Item"),
        )
    except Exception as error:
        came = type(error)
    finally:
        table.client.cache_clear()
    assert sent[0] == ("GetItem", {"TableName": TABLE, "Key": {"pk": {"S": "A"}, "sk": {"S": "X"}}})
    return len(sent), came


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: getattr(failure, "code", type(failure).__name__))
def test_retries_and_errors_are_those_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, times: int
) -> None:
    """F3, F5, F7, F8: attempts, response and error are equal with both connections."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    assert seen(below, failure, times) == seen(sdk.over_the_wire, failure, times)
