"""Calls to the table. Every request to DynamoDB is made here, and botocore's errors are translated here.

One call takes at most 2 attempts × (1 s connect + 3 s read) + 1 s between them = 9 s. `shared/commands/retry.py` has
the sum for a whole request (P4).
"""

import random
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from shared.aws import clients
from shared.service_errors import Unavailable
from shared.settings import settings
from shared.store.attributes import item_from_dynamodb, item_to_dynamodb
from shared.store.conditions import Filter
from shared.store.keys import Index, Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        DeleteTypeDef,
        KeysAndAttributesTypeDef,
        PutTypeDef,
        QueryInputTypeDef,
        TransactWriteItemTypeDef,
        UpdateTypeDef,
    )

Item = dict[str, Any]
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.4
_BATCH = 100  # keys in one BatchGetItem
_LARGEST_PAGE = 10_000  # keys in one page of a Query; DynamoDB refuses a Limit above 2**31

# Transient error codes: the outcome is unknown or nothing was done, so a retry is right.
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Reasons of a cancelled transaction that justify a retry, one per item. "None": this item did not cancel it.
_TRANSIENT_REASONS = frozenset(
    {
        "None",
        "ConditionalCheckFailed",
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    }
)


class WriteConflict(Exception):
    """The write failed its condition, or its outcome is unknown: read again, consistently, and decide again (P3)."""


@clients.created_at_init
def client() -> "DynamoDBClient":
    """Return the DynamoDB client. botocore reads AWS_ENDPOINT_URL_DYNAMODB, which can redirect it."""
    return cast("DynamoDBClient", clients.client("dynamodb", read_timeout=3))


def _is_transient(error: ClientError) -> bool:
    # A proxy between us and DynamoDB may fail too, with an HTML page instead of an error code.
    return error.response["Error"]["Code"] in _TRANSIENT or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _is_transient(error):
            raise Unavailable from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        raise Unavailable from error


def get(key: Key) -> Item | None:
    """Return an item; None if it does not exist. One consistent GetItem. Raises Unavailable."""
    with _reading():
        answer = client().get_item(TableName=settings().table_name, Key=item_to_dynamodb(key), ConsistentRead=True)
    return item_from_dynamodb(answer["Item"]) if "Item" in answer else None


def get_many(keys: Sequence[Mapping[str, Any]], *, consistent: bool, only: Sequence[str] = ()) -> list[Item | None]:
    """Return the items at `keys` in their order, None for a missing one. `only` limits the attributes beside the key.

    One BatchGetItem per hundred keys; unprocessed keys are retried with backoff and jitter. Raises Unavailable.
    """
    found: dict[tuple[str, str], Item] = {}
    table = settings().table_name
    how: KeysAndAttributesTypeDef = {"Keys": [], "ConsistentRead": consistent}
    if only:
        names = {f"#{name}": name for name in ("pk", "sk", *only)}  # some are reserved words
        how["ProjectionExpression"], how["ExpressionAttributeNames"] = ", ".join(names), names
    for start in range(0, len(keys), _BATCH):
        wanted = [item_to_dynamodb({"pk": key["pk"], "sk": key["sk"]}) for key in keys[start : start + _BATCH]]
        pause = _FIRST_PAUSE_SECONDS
        while wanted:
            with _reading():
                answer = client().batch_get_item(RequestItems={table: {**how, "Keys": wanted}})
            for raw in answer["Responses"].get(table, []):
                item = item_from_dynamodb(raw)
                found[item["pk"], item["sk"]] = item
            left = answer.get("UnprocessedKeys", {}).get(table)
            wanted = list(left["Keys"]) if left else []
            if wanted:
                if pause > _LONGEST_PAUSE_SECONDS:
                    raise Unavailable
                time.sleep(random.uniform(0, pause))
                pause *= 2
    return [found.get((key["pk"], key["sk"])) for key in keys]


def partition(pk: str, *, limit: int | None = None) -> list[Item]:
    """Return the items of a partition of the table itself, at most `limit`, in the order of `sk`.

    It lags behind no write. One consistent Query per megabyte. Raises Unavailable.
    """
    request: dict[str, Any] = {
        "TableName": settings().table_name,
        "KeyConditionExpression": "pk = :partition",
        "ExpressionAttributeValues": item_to_dynamodb({":partition": pk}),
        "ConsistentRead": True,
    }
    if limit is not None:
        request["Limit"] = limit
    found: list[Item] = []
    while True:
        with _reading():
            page = client().query(**cast("QueryInputTypeDef", request))
        found.extend(item_from_dynamodb(item) for item in page["Items"])
        if "LastEvaluatedKey" not in page or (limit is not None and len(found) >= limit):
            return found[:limit]
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def query(
    index: Index,
    partition: str,
    *,
    low: str | int | None = None,
    high: str | int | None = None,
    newest_first: bool = True,
    limit: int | None = None,
) -> list[Item]:
    """Return at most `limit` entries of an index partition with `low` <= sort key <= `high`.

    An entry has the keys, and `keys.LISTED` where the index projects it. One Query per megabyte. Indexes lag behind the
    table, so no decision about money uses this (P5). Raises Unavailable.
    """
    found: list[Item] = []
    for page in _pages(index, partition, low, high, newest_first=newest_first, limits=repeat(limit)):
        found.extend(item_from_dynamodb(item) for item in page["Items"])
        if limit is not None and len(found) >= limit:
            break
    return found[:limit]


def pages(
    index: Index,
    partition: str,
    *,
    low: str | None,
    high: str | None,
    limits: Iterable[int | None],
    only: Sequence[str],
) -> Iterator[tuple[list[Item], bool]]:
    """Yield the entries that `query` would return without a limit, newest first, in one page for each of `limits`.

    A limit is the most entries of its page; None is a megabyte.

    An entry has the attributes `only`; none of them may be a reserved word. With each page comes whether there may be
    more. One Query per page, made when the page is taken. Raises Unavailable.
    """
    for page in _pages(index, partition, low, high, newest_first=True, limits=limits, shown=only):
        yield [item_from_dynamodb(item) for item in page["Items"]], "LastEvaluatedKey" in page


def scan() -> Iterator[Item]:
    """Yield every item of the table. One consistent Scan per megabyte. Raises Unavailable."""
    request: dict[str, Any] = {"TableName": settings().table_name, "ConsistentRead": True}
    while True:
        with _reading():
            page = client().scan(**request)
        yield from (item_from_dynamodb(item) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def count(
    index: Index,
    partition: str,
    *,
    low: str | int | None = None,
    high: str | int | None = None,
    only: Filter | None = None,
) -> int:
    """Return how many entries `query` would return without a limit, and `only` those that a filter matches.

    One Query per megabyte of entries, matched or not. Raises Unavailable.
    """
    found = _pages(index, partition, low, high, newest_first=True, limits=repeat(None), select="COUNT", only=only)
    return sum(cast(int, page["Count"]) for page in found)


def _pages(
    index: Index,
    partition: str,
    low: str | int | None,
    high: str | int | None,
    *,
    newest_first: bool,
    limits: Iterable[int | None],
    select: str | None = None,
    only: Filter | None = None,
    shown: Sequence[str] = (),
) -> Iterator[Any]:
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        return  # an empty range, which BETWEEN refuses
    condition, values = _key_condition(index, partition, low, high)
    request: dict[str, Any] = {
        "TableName": settings().table_name,
        "IndexName": index.name,
        "KeyConditionExpression": condition,
        "ScanIndexForward": not newest_first,
    }
    if only is not None:
        request["FilterExpression"] = only.expression
        values |= only.values
        if only.names:
            request["ExpressionAttributeNames"] = only.names
    if shown:
        request["ProjectionExpression"] = ", ".join(shown)
    request["ExpressionAttributeValues"] = item_to_dynamodb(values)
    if select is not None:
        request["Select"] = select
    for limit in limits:
        request.pop("Limit", None)
        if limit is not None:
            request["Limit"] = min(limit, _LARGEST_PAGE)
        with _reading():
            page = client().query(**cast("QueryInputTypeDef", request))
        yield page
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _key_condition(
    index: Index, partition: str, low: str | int | None, high: str | int | None
) -> tuple[str, dict[str, Any]]:
    bounds = {name: bound for name, bound in ((":low", low), (":high", high)) if bound is not None}
    clause = {
        (): "",
        (":low",): f" AND {index.sk} >= :low",
        (":high",): f" AND {index.sk} <= :high",
        (":low", ":high"): f" AND {index.sk} BETWEEN :low AND :high",
    }[tuple(bounds)]
    return f"{index.pk} = :partition{clause}", {":partition": partition, **bounds}


def update(key: Key, expression: str, values: Mapping[str, object]) -> Item:
    """Update an item without a condition, and return its new state. Not for money, counters, locks and ratings (P1).

    One UpdateItem. Raises Unavailable.
    """
    with _reading():
        answer = client().update_item(
            TableName=settings().table_name,
            Key=item_to_dynamodb(key),
            UpdateExpression=expression,
            ExpressionAttributeValues=item_to_dynamodb(values),
            ReturnValues="ALL_NEW",
        )
    return item_from_dynamodb(answer["Attributes"])


def put_if(item: Mapping[str, object], *, condition: str, values: Mapping[str, object] | None = None) -> bool:
    """Put an item if the condition holds, and return whether it did. Not for money, counters, locks and ratings (P1).

    One PutItem. If a response is lost, the SDK's retry can fail on the condition although its first attempt succeeded.
    Raises Unavailable.
    """
    request = _expression({"ConditionExpression": condition}, values, None)
    with _reading():
        try:
            client().put_item(Item=item_to_dynamodb(item), **request)
        except client().exceptions.ConditionalCheckFailedException:
            return False
    return True


def update_if(key: Key, expression: str, *, condition: str, values: Mapping[str, object]) -> tuple[bool, Item]:
    """Update an item if the condition holds. Return whether it did, and the current item.

    Not for money, counters, locks and ratings (P1). One UpdateItem; another one after a conflict with a transaction on
    the same item, which wrote nothing here. Raises Unavailable.
    """
    try:
        return _update_if(key, expression, condition, values)
    except Unavailable as unavailable:
        cause = unavailable.__cause__
        if not isinstance(cause, ClientError) or cause.response["Error"]["Code"] != "TransactionConflictException":
            raise
    return _update_if(key, expression, condition, values)


def _update_if(key: Key, expression: str, condition: str, values: Mapping[str, object]) -> tuple[bool, Item]:
    request = _expression({"UpdateExpression": expression, "ConditionExpression": condition}, values, None)
    with _reading():
        try:
            answer = client().update_item(
                Key=item_to_dynamodb(key),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **request,
            )
        except client().exceptions.ConditionalCheckFailedException as error:
            item = cast("dict[str, Any]", error.response).get("Item", {})
            return False, item_from_dynamodb(item)
    return True, item_from_dynamodb(answer["Attributes"])


# ---------------------------------------------------------------- transactions


def _expression(
    expressions: Mapping[str, str], values: Mapping[str, object] | None, names: Mapping[str, str] | None
) -> dict[str, Any]:
    request: dict[str, Any] = {"TableName": settings().table_name, **expressions}
    names = dict(names or {})
    for reserved in ("status", "ttl"):
        if any(f"#{reserved}" in text for text in expressions.values()):
            names[f"#{reserved}"] = reserved
    if names:
        request["ExpressionAttributeNames"] = names
    if values:
        request["ExpressionAttributeValues"] = item_to_dynamodb(values)
    return request


def put_write(
    item: Mapping[str, object], *, condition: str | None, values: Mapping[str, object] | None = None
) -> "TransactWriteItemTypeDef":
    """Return a Put for a transaction."""
    request = _expression({} if condition is None else {"ConditionExpression": condition}, values, None)
    return {"Put": cast("PutTypeDef", {**request, "Item": item_to_dynamodb(item)})}


def update_write(
    key: Key,
    expression: str,
    *,
    condition: str | None,
    values: Mapping[str, object],
    names: Mapping[str, str] | None = None,
) -> "TransactWriteItemTypeDef":
    """Return an Update for a transaction."""
    expressions = {"UpdateExpression": expression}
    if condition is not None:
        expressions["ConditionExpression"] = condition
    request = _expression(expressions, values, names)
    return {"Update": cast("UpdateTypeDef", {**request, "Key": item_to_dynamodb(key)})}


def delete_write(
    key: Key, *, condition: str | None, values: Mapping[str, object] | None = None
) -> "TransactWriteItemTypeDef":
    """Return a Delete for a transaction."""
    request = _expression({} if condition is None else {"ConditionExpression": condition}, values, None)
    return {"Delete": cast("DeleteTypeDef", {**request, "Key": item_to_dynamodb(key)})}


def transact(items: "Sequence[TransactWriteItemTypeDef]") -> None:
    """Do all the writes or none. One TransactWriteItems; its idempotency token makes the SDK's own retry harmless.

    Raises WriteConflict if a condition failed, another transaction interfered, or the outcome is unknown.
    Any other error is a defect and passes through.
    """
    try:
        client().transact_write_items(TransactItems=items, ClientRequestToken=str(uuid.uuid4()))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "TransactionCanceledException":
            reasons = cast("list[dict[str, str]]", error.response.get("CancellationReasons", []))
            if reasons and all(reason.get("Code", "None") in _TRANSIENT_REASONS for reason in reasons):
                raise WriteConflict from error
        elif _is_transient(error):
            raise WriteConflict from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        raise WriteConflict from error
