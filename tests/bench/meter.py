"""Compute the consumed units of calls to DynamoDB in memory (`tests/fakes`), by DynamoDB's rules.

- The size of an item is its attribute names and values in bytes.
- A consistent read costs one unit per 4 kB, rounded up; an eventual read half of that. A Query adds up the sizes first.
- A write costs one unit per kB, rounded up, of the larger of the old and new item; twice that in a transaction.
- Each index that the item enters or leaves costs one unit more per kB of its entry, rounded up, and so does an entry
  that stays in its place while what it projects changes. An entry that moves leaves one place and enters another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests import api
from tests.conftest import TABLE
from tests.fakes.dynamodb import AwsError, Change, Database, Item
from tests.fakes.rules import size_of

# Of each index: its keys, and what it projects besides.
_INDEXES = [
    (
        index["KeySchema"][0]["AttributeName"],
        index["KeySchema"][1]["AttributeName"],
        index["Projection"].get("NonKeyAttributes", []),
    )
    for index in api.table_definition()["GlobalSecondaryIndexes"]
]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its request and response, the number of items read or written, and the consumed units."""

    operation: str
    request: Mapping[str, Any]
    status: int
    answer: dict[str, Any]
    items: int = 0
    read_units: float = 0
    write_units: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a request."""

    calls: int
    items: int
    read_units: float
    write_units: int

    @classmethod
    def of(cls, calls: Sequence[Call]) -> "Cost":
        """Add up the calls."""
        return cls(
            len(calls),
            sum(call.items for call in calls),
            sum(call.read_units for call in calls),
            sum(call.write_units for call in calls),
        )


class MeteredTable:
    """An empty table that records its calls; `now` returns epoch ms."""

    def __init__(self, now: Any) -> None:
        self._database = Database(api.table_definition(), name=TABLE, now=now)
        self._database.on_commit = self._committed
        self._changes: list[Change] = []
        self.calls: list[Call] = []

    def send(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Execute a call, as DynamoDB does."""
        self._changes = []
        try:
            answer = self._database.execute(operation, request)
        except AwsError as error:
            self.calls.append(Call(operation, request, error.status, error.body()))
            raise
        items, read_units = self._read(operation, request, answer)
        written = len(self._changes)
        self.calls.append(Call(operation, request, 200, answer, items + written, read_units, self._written(operation)))
        return answer

    def fill(self, items: Iterable[Item]) -> None:
        """Put items without recording calls."""
        self._database._commit([((item["pk"]["S"], item["sk"]["S"]), item) for item in items])

    def _committed(self, changes: Sequence[Change]) -> None:
        self._changes += changes

    def _read(self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[int, float]:
        """Return the items read and the read units."""
        match operation:
            case "GetItem":
                found = [answer["Item"]] if "Item" in answer else []
                return len(found), _units(request, [size_of(item) for item in found] or [0])
            case "BatchGetItem":
                [wanted] = request["RequestItems"].values()
                # A projection does not lower the cost: the whole item is read.
                whole = {"Keys": wanted["Keys"], "ConsistentRead": wanted["ConsistentRead"]}
                found = self._database.execute(operation, {"RequestItems": {TABLE: whole}})["Responses"][TABLE]
                sizes = [size_of(item) for item in found]
                return len(sizes), _units(wanted, sizes + [0] * (len(wanted["Keys"]) - len(sizes)))
            case "Query" | "Scan":
                entries = answer.get("Items", [])
                if "Select" in request or "ProjectionExpression" in request:
                    # Neither a filter nor a projection lowers the cost: what they leave out is read.
                    whole = _whole(request)
                    entries = self._database.execute(operation, whole)["Items"]
                return len(entries), _units(request, [sum(size_of(entry) for entry in entries)])
        return 0, 0

    def _written(self, operation: str) -> int:
        each = 2 if operation == "TransactWriteItems" else 1
        units = 0
        for change in self._changes:
            old, new = change.old or {}, change.new or {}
            units += each * max(1, _kilobytes(old), _kilobytes(new))
            for pk, sk, projected in _INDEXES:
                before, after = _entry(old, pk, sk, projected), _entry(new, pk, sk, projected)
                if before == after:
                    continue
                if before and after and all(before[key] == after[key] for key in (pk, sk)):
                    units += max(_kilobytes(before), _kilobytes(after))
                else:
                    units += sum(_kilobytes(entry) for entry in (before, after) if entry)
        return units


def _whole(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Query with all that its entries have, and without its filter."""
    values, condition = request["ExpressionAttributeValues"], request["KeyConditionExpression"].split()
    narrowing = ("ExpressionAttributeNames", "FilterExpression", "ProjectionExpression", "Select")
    rest = {name: value for name, value in request.items() if name not in narrowing}
    return {**rest, "ExpressionAttributeValues": {name: values[name] for name in values if name in condition}}


def _entry(item: Item, pk: str, sk: str, projected: Sequence[str]) -> Item:
    """Return the item's entry in an index; empty if the index does not have the item."""
    if pk not in item or sk not in item:
        return {}
    return {name: item[name] for name in ("pk", "sk", pk, sk, *projected) if name in item}


def _kilobytes(item: Item) -> int:
    return -(-size_of(item) // 1024)


def _units(request: Mapping[str, Any], sizes: Sequence[int]) -> float:
    each = 1.0 if request.get("ConsistentRead") else 0.5
    return each * sum(max(1, -(-size // 4096)) for size in sizes)
