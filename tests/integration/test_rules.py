"""What the functions send to the embedded AWS is held to DynamoDB's documented rules."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.wrong_requests import Request, update
from tests.integration.service import Service


def answer(service: Service, request: Request) -> str:
    """Send a request for the service's table; return the message of a refusal."""
    name, parameters = request
    try:
        getattr(service.aws("dynamodb"), name)(**{**parameters, "TableName": service.name("Table")})
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return ""


@pytest.mark.parametrize("kind", ["wrong", "right"])
def test_wrong_request_is_refused_by_the_embedded_aws(service: Service, kind: str) -> None:
    """The embedded AWS alone accepts overlapping paths (`tests/fakes/test_dynamodb.py`)."""
    values: dict[str, Any] = {":a": {"N": "1"}}
    key = {"pk": {"S": "RULES"}, "sk": {"S": "RULES"}}
    text = "SET a = :a, a.b = :a" if kind == "wrong" else "SET a = :a"
    refusal = answer(service, update(text, values, Key=key, ConditionExpression="attribute_exists(pk)"))
    assert ("Two document paths overlap" in refusal) is (kind == "wrong")
