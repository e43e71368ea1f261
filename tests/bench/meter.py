"""Compute the consumed units of calls to DynamoDB in memory (`tests/fakes`), by DynamoDB's rules.

- The size of an item is its attribute names and values in bytes.
- A consistent read costs one unit per 4 kB, rounded up; an eventual read half of that. A Query adds up the sizes first.
- A write costs one unit per kB, rounded up, of the larger of the old and new item; twice that in a transaction.
- Each index that the item enters or leaves costs one unit more (an index entry is below 1 kB here).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests import api
from tests.conftest import TABLE
from tests.fakes.dynamodb import AwsError, Change, Database, Item
from tests.fakes.rules import size_of

_INDEX_KEYS = [
    (index["KeySchema"][0]["AttributeName"], index["KeySchema"][1]["AttributeName"])
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
                whole = {name: value for name, value in request.items() if name != "Select"}
                entries = self._database.execute(operation, whole)["Items"] if "Select" in request else answer["Items"]
                return len(entries), _units(request, [sum(size_of(entry) for entry in entries)])
        return 0, 0

    def _written(self, operation: str) -> int:
        each = 2 if operation == "TransactWriteItems" else 1
        units = 0
        for change in self._changes:
            old, new = change.old or {}, change.new or {}
            units += each * max(1, -(-max(size_of(old), size_of(new)) // 1024))
            for pk, sk in _INDEX_KEYS:
                before, after = _place(old, pk, sk), _place(new, pk, sk)
                if before != after:
                    units += (before is not None) + (after is not None)
        return units


def _place(item: Item, pk: str, sk: str) -> tuple[Any, Any] | None:
    return (item[pk], item[sk]) if pk in item and sk in item else None


def _units(request: Mapping[str, Any], sizes: Sequence[int]) -> float:
    each = 1.0 if request.get("ConsistentRead") else 0.5
    return each * sum(max(1, -(-size // 4096)) for size in sizes)
