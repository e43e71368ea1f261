"""Connect a simulated service to an unchanged boto3 client.

`over_the_wire` answers botocore's HTTP requests, with its real serializer, retries and parser. `below_the_client`
answers its calls without them, because they cost ten times as much as the database. It has its own retries, which
`test_sdk.py` compares with the real ones.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionError, HTTPClientError

from tests.fakes.dynamodb import AwsError

Send = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""One attempt of a call: from operation and request to the response. Raises AwsError, or botocore's error of a
failed connection."""

# The errors of DynamoDB that the standard retry mode retries.
_RETRIED_CODES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_RETRIED_STATUSES = frozenset({500, 502, 503, 504})


class _Body:
    """The bytes of a response, with the interface of urllib3."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        """Yield all bytes at once."""
        return [self._content]


def over_the_wire(client: Any, send: Send) -> None:
    """Answer the client's HTTP requests with `send`."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        try:
            status, content = 200, send(operation, json.loads(request.body))
        except AwsError as error:
            status, content = error.status, error.body()
        return AWSResponse(
            request.url,
            status,
            {"Content-Type": "application/x-amz-json-1.0"},  # type: ignore[arg-type]
            _Body(json.dumps(content).encode()),
        )

    client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", answer)


def below_the_client(client: Any, send: Send, *, sleep: Callable[[float], None], random: Callable[[], float]) -> None:
    """Answer the client's calls with `send`, with the retries of the client's configuration."""
    attempts = client.meta.config.retries["total_max_attempts"]

    def call(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        attempt = 1
        while True:
            try:
                return send(operation, request)
            except AwsError as error:
                retried = error.code in _RETRIED_CODES or error.status in _RETRIED_STATUSES
                if not retried or attempt == attempts:
                    raise _as_client_error(client, operation, error) from None
            except (ConnectionError, HTTPClientError):
                if attempt == attempts:
                    raise
            sleep(random() * 2 ** (attempt - 1))
            attempt += 1

    client._make_api_call = call


def _as_client_error(client: Any, operation: str, error: AwsError) -> Exception:
    answer: dict[str, Any] = {
        "Error": {"Code": error.code, "Message": error.message},
        "ResponseMetadata": {"HTTPStatusCode": error.status},
    }
    if error.reasons is not None:
        answer["CancellationReasons"] = error.reasons
    if error.item is not None:
        answer["Item"] = error.item
    raised: Exception = client.exceptions.from_code(error.code)(answer, operation)
    return raised
