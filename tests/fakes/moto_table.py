"""moto's DynamoDB, in the place of the database in memory: a third opinion about a request.

It is called below HTTP, so it needs no server and no patched SDK. `differences.py` lists what it answers differently.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.core.request import Request
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler

from tests import api
from tests.conftest import TABLE
from tests.fakes.dynamodb import AwsError, Item, Key

_URL = "https://dynamodb.eu-central-1.amazonaws.com/"
_UNASKED = ("ConsumedCapacity", "ItemCollectionMetrics")


class MotoTable:
    """An empty table in moto. `execute` is called as that of `dynamodb.Database`."""

    def execute(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Execute a call and return its response. Raises AwsError, and any error of a defect in moto."""
        headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        sent = Request.from_primitives("POST", _URL, headers, json.dumps(request).encode())
        status, _, body = DynamoHandler.dispatch(sent, _URL, sent.headers)
        answer = json.loads(body)
        if status >= 400:
            raise AwsError(
                answer["__type"].rpartition("#")[2],
                answer.get("message", answer.get("Message", "")),
                status=status,
                reasons=answer.get("CancellationReasons"),
                item=answer.get("Item"),
            )
        # It reports units and metrics that nobody asked for.
        return {name: content for name, content in answer.items() if name not in _UNASKED}

    @property
    def items(self) -> dict[Key, Item]:
        """Every item by its key."""
        found = self.execute("Scan", {"TableName": TABLE})["Items"]
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}


@contextmanager
def moto_table() -> Iterator[MotoTable]:
    """Yield an empty table in moto; forget it at the end."""
    dynamodb_backends.reset()
    table = MotoTable()
    table.execute("CreateTable", {"TableName": TABLE, **api.table_definition()})
    try:
        yield table
    finally:
        dynamodb_backends.reset()
