"""An in-memory DynamoDB: one table, its indexes, its stream, its TTL, and the operations that `shared/store` calls.

Requests and responses are in DynamoDB's notation, with errors. `rules.py` refuses what the documentation forbids;
`test_dynamodb.py` compares the rest with two other implementations.
It runs in one thread, so each call is atomic. The creator decides what a real table leaves open: the lag of indexes and
eventual reads (`lag`), the size of a page, and when TTL deletes.

Returned items share their parts with the stored ones: never change them in place.
"""

import bisect
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import expressions, rules
from tests.fakes.expressions import Invalid

Item = dict[str, Any]
Key = tuple[str, str]

_TOKEN_REMEMBERED = 10 * 60 * 1000
_PAGE_BYTES = 1024 * 1024

_CONDITION_FAILED = "The conditional request failed"
_NO_REASON: Mapping[str, Any] = {"Code": "None"}
_BAD_KEY_TYPE = "One or more parameter values were invalid: Type mismatch for Index Key"


class AwsError(Exception):
    """An error response of an AWS service."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        reasons: Sequence[Mapping[str, Any]] | None = None,
        item: Item | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.reasons = reasons
        self.item = item

    def body(self) -> dict[str, Any]:
        """Return the JSON of the response."""
        more: dict[str, Any] = {} if self.reasons is None else {"CancellationReasons": self.reasons}
        if self.item is not None:
            more["Item"] = self.item
        return {"__type": f"com.amazonaws.dynamodb.v20120810#{self.code}", "message": self.message, **more}


@dataclass(frozen=True, slots=True)
class Change:
    """One item's change, in the order of the stream; `by_ttl` if TTL deleted it."""

    number: int
    key: Key
    old: Item | None
    new: Item | None
    at: int
    by_ttl: bool = False

    def stream_record(self, table_arn: str) -> dict[str, Any]:
        """Return the stream record of the change."""
        name = "INSERT" if self.old is None else "REMOVE" if self.new is None else "MODIFY"
        images = {"OldImage": self.old, "NewImage": self.new}
        record: dict[str, Any] = {
            "eventID": f"{self.number:032x}",
            "eventName": name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-central-1",
            "dynamodb": {
                "ApproximateCreationDateTime": self.at // 1000,
                "Keys": {"pk": {"S": self.key[0]}, "sk": {"S": self.key[1]}},
                **{name: image for name, image in images.items() if image is not None},
                "SequenceNumber": f"{self.number:021d}",
                "SizeBytes": 1,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": f"{table_arn}/stream/2026-01-01T00:00:00.000",
        }
        if self.by_ttl:
            record["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        return record


@dataclass(slots=True)
class _Index:
    """A global secondary index; `partitions` hold (sort value, base key, entry), sorted.

    An entry has the keys of the table and of the index, and the `projected` attributes that its item has.
    """

    name: str
    pk: str
    sk: str
    sk_kind: str
    projected: tuple[str, ...]
    partitions: dict[str, list[tuple[Any, Key, Item]]] = field(default_factory=dict)
    placed: dict[Key, tuple[str, Any]] = field(default_factory=dict)

    def place_of(self, item: Item | None) -> tuple[str, Any] | None:
        if item is None or self.pk not in item or self.sk not in item:
            return None
        sort = item[self.sk][self.sk_kind]
        return item[self.pk]["S"], int(sort) if self.sk_kind == "N" else sort

    def entry_of(self, item: Item) -> Item:
        return {name: item[name] for name in (*self.keys, *self.projected) if name in item}

    @property
    def keys(self) -> tuple[str, str, str, str]:
        return "pk", "sk", self.pk, self.sk

    def is_same(self, old: Item | None, new: Item | None) -> bool:
        """Whether a change of an item leaves its entry as it is."""
        if self.place_of(old) != self.place_of(new):
            return False
        return old is None or new is None or all(old.get(name) == new.get(name) for name in self.projected)

    def put(self, key: Key, place: tuple[str, Any] | None, entry: Item | None) -> None:
        placed = self.placed.pop(key, None)
        if placed is not None:
            partition = self.partitions[placed[0]]
            del partition[bisect.bisect_left(partition, (placed[1], key), key=_place)]
        if place is not None and entry is not None:
            self.placed[key] = place
            bisect.insort(self.partitions.setdefault(place[0], []), (place[1], key, entry), key=_place)


class _Base(_Index):
    """The table itself, for a Query of a partition: it never lags and has whole items."""

    def entry_of(self, item: Item) -> Item:
        return item


def _place(row: tuple[Any, Key, Item]) -> tuple[Any, Key]:
    return row[0], row[1]


class Database:
    """The table. `definition` is what create_table is given; `now` is its clock in epoch ms.

    `lag` is called for each change with an index name, or None for eventual reads, and returns the lag in ms.
    `page_items`, if set, limits the items of a query page; a batch leaves the rest unprocessed.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        *,
        name: str,
        now: Callable[[], int],
        lag: Callable[[str | None], int] = lambda index: 0,
    ) -> None:
        kinds = {one["AttributeName"]: one["AttributeType"] for one in definition["AttributeDefinitions"]}
        self.name = name
        self.now = now
        self._schema = rules.Schema.of(definition)
        self.lag = lag
        self.page_items: int | None = None
        self.items: dict[Key, Item] = {}
        self.changes: list[Change] = []
        self.on_commit: Callable[[Sequence[Change]], None] = lambda changes: None
        self._indexes = {
            index["IndexName"]: _Index(
                index["IndexName"],
                pk=index["KeySchema"][0]["AttributeName"],
                sk=index["KeySchema"][1]["AttributeName"],
                sk_kind=kinds[index["KeySchema"][1]["AttributeName"]],
                projected=tuple(index["Projection"].get("NonKeyAttributes", ())),
            )
            for index in definition["GlobalSecondaryIndexes"]
        }
        self._base = _Base("", pk="pk", sk="sk", sk_kind="S", projected=())
        self._index_keys = [
            (name, kinds[name], index.name) for index in self._indexes.values() for name in (index.pk, index.sk)
        ]
        self._tokens: dict[str, tuple[int, Any]] = {}
        self._coming: list[tuple[int, int, _Index, Key, tuple[str, Any] | None, Item | None]] = []
        self._shown_at: dict[tuple[str, Key], int] = {}
        # The states of an item from the one that eventual reads show, each with the time from which they do.
        self._states: dict[Key, list[tuple[int, Item | None]]] = {}
        self._count = 0
        self._pushed = 0
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "GetItem": self._get_item,
            "BatchGetItem": self._batch_get_item,
            "Query": self._query,
            "Scan": self._scan,
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "TransactWriteItems": self._transact_write_items,
        }

    def execute(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Execute a call and return its response. Raises AwsError, expressions.Unsupported."""
        try:
            rules.check(operation, request, self._schema_of)
            if operation not in self._operations:
                raise expressions.Unsupported(operation)
            return self._operations[operation](request)
        except Invalid as invalid:
            raise AwsError("ValidationException", str(invalid)) from None

    def _schema_of(self, table: str) -> rules.Schema:
        if table != self.name:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return self._schema

    # ------------------------------------------------------------ reads

    def _get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        item = self._read(_key(request["Key"]), consistent=request.get("ConsistentRead", False))
        return {} if item is None else {"Item": item}

    def _batch_get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        [(table, wanted)] = request["RequestItems"].items()
        keys = [_key(key) for key in wanted["Keys"]]
        fits = len(keys) if self.page_items is None else self.page_items
        found = [self._read(key, consistent=wanted.get("ConsistentRead", False)) for key in keys[:fits]]
        found = [item and _projected(item, wanted) for item in found]
        left = {table: {**wanted, "Keys": wanted["Keys"][fits:]}} if fits < len(keys) else {}
        return {"Responses": {table: [item for item in found if item is not None]}, "UnprocessedKeys": left}

    def _read(self, key: Key, *, consistent: bool) -> Item | None:
        if consistent or key not in self._states:
            return self.items.get(key)
        states = self._states[key]
        while len(states) > 1 and states[1][0] <= self.now():
            del states[0]
        shown = states[0][1]
        if len(states) == 1:
            del self._states[key]
        return shown

    def _query(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if "IndexName" in request:
            index = self._indexes[request["IndexName"]]
        elif request.get("ConsistentRead"):
            index = self._base
        else:
            raise expressions.Unsupported("an eventually consistent Query of the table")
        values = request["ExpressionAttributeValues"]
        wanted, _ = expressions.key_range(request["KeyConditionExpression"])
        low, high = (self._bound(index, values, bound) for bound in (wanted.low, wanted.high))
        self._show_what_came()
        rows = index.partitions.get(values[wanted.partition[1]]["S"], [])
        first = 0 if low is None else bisect.bisect_left(rows, low, key=lambda row: row[0])
        end = len(rows) if high is None else bisect.bisect_right(rows, high, key=lambda row: row[0])
        forward = request.get("ScanIndexForward", True)
        if "ExclusiveStartKey" in request:
            start = request["ExclusiveStartKey"]
            place = index.place_of(start)
            assert place is not None  # or it breaks a rule
            at = place[1], _key(start)
            if forward:
                first = max(first, bisect.bisect_right(rows, at, key=_place))
            else:
                end = min(end, bisect.bisect_left(rows, at, key=_place))
        selected = rows[first:end]
        if not forward:
            selected.reverse()
        return self._page(index, selected, request)

    def _page(self, index: _Index, rows: list[tuple[Any, Key, Item]], request: Mapping[str, Any]) -> dict[str, Any]:
        most = min(request.get("Limit", len(rows) + 1), self.page_items or len(rows) + 1)
        size = 0
        page: list[Item] = []
        for _, _, entry in rows[:most]:
            bytes_of_entry = rules.size_of(entry)
            if page and size + bytes_of_entry > _PAGE_BYTES:
                break
            page.append(entry)
            size += bytes_of_entry
        found = page
        if "FilterExpression" in request:
            found = [entry for entry in page if expressions.holds(request["FilterExpression"], entry, *_given(request))]
        answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(page)}
        if request.get("Select") != "COUNT":
            answer["Items"] = [_projected(entry, request) for entry in found]
        # It stops at a limit without checking for further items.
        if page and (len(page) < len(rows) or len(page) == most):
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in dict.fromkeys(index.keys)}
        return answer

    def _scan(self, request: Mapping[str, Any]) -> dict[str, Any]:
        start = _key(request["ExclusiveStartKey"]) if "ExclusiveStartKey" in request else ("", "")
        consistent = request.get("ConsistentRead", False)
        after = sorted(key for key in self.items if key > start)
        page = after[: self.page_items]
        found = [self._read(key, consistent=consistent) for key in page]
        items = [item for item in found if item is not None]
        answer: dict[str, Any] = {"Items": items, "Count": len(items), "ScannedCount": len(items)}
        if len(page) < len(after):
            answer["LastEvaluatedKey"] = {"pk": {"S": page[-1][0]}, "sk": {"S": page[-1][1]}}
        return answer

    def _bound(self, index: _Index, values: Mapping[str, Any], name: str | None) -> Any:
        if name is None:
            return None
        content = values[name][index.sk_kind]
        return int(content) if index.sk_kind == "N" else content

    # ------------------------------------------------------------ writes

    def _put_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        new: Item = request["Item"]
        key = _key(new)
        bad_key = self._bad_index_key(new)
        if bad_key:
            raise Invalid(bad_key)
        self._hold_to_condition(request, key)
        self._commit([(key, new)])
        return {}

    def _hold_to_condition(self, request: Mapping[str, Any], key: Key) -> None:
        reason = self._why_not(request, key)
        if reason is not None:
            raise AwsError("ConditionalCheckFailedException", _CONDITION_FAILED, item=reason.get("Item"))

    def _update_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        key = _key(request["Key"])
        old = self.items.get(key)
        self._hold_to_condition(request, key)
        new = self._updated(key, old, request)
        bad_key = self._bad_index_key(new)
        if bad_key:
            raise Invalid(bad_key)
        rules.check_index_keys(new, self._schema, updated=True)
        self._commit([(key, new)])
        match request.get("ReturnValues", "NONE"):
            case "ALL_NEW":
                return {"Attributes": new}
            case "ALL_OLD":
                return {"Attributes": old} if old else {}
            case "NONE":
                return {}
        raise expressions.Unsupported(request["ReturnValues"])

    def _updated(self, key: Key, old: Item | None, request: Mapping[str, Any]) -> Item:
        names, values = _given(request)
        before = old or {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
        new = expressions.updated(request["UpdateExpression"], before, names, values)
        rules.check_size(new, updated=True)
        return new

    def _transact_write_items(self, request: Mapping[str, Any]) -> dict[str, Any]:
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        keys = [_key(action["Item"] if kind == "Put" else action["Key"]) for kind, action in actions]
        token = request.get("ClientRequestToken")
        if token is not None and self._was_done(token, request["TransactItems"]):
            return {}
        rules.check_targets(request, self._schema_of)
        writes = [self._write(kind, action, key) for (kind, action), key in zip(actions, keys, strict=True)]
        for (kind, _), new in zip(actions, writes, strict=True):
            if kind == "Update" and isinstance(new, dict):
                rules.check_index_keys(new, self._schema, updated=True)
        # DynamoDB checks index keys before the conditions, and other errors of an update after them.
        bad_keys = [self._bad_index_key(new) for new in writes]
        if any(bad_keys):
            raise _cancelled([_reason("ValidationError", bad) if bad else _NO_REASON for bad in bad_keys])
        reasons = [
            self._why_not(action, key)
            or (_reason("ValidationError", str(new)) if isinstance(new, Invalid) else _NO_REASON)
            for (_, action), key, new in zip(actions, keys, writes, strict=True)
        ]
        if any(reason is not _NO_REASON for reason in reasons):
            raise _cancelled(reasons)
        self._commit(
            [
                (key, new)
                for (kind, _), key, new in zip(actions, keys, writes, strict=True)
                if kind != "ConditionCheck" and not isinstance(new, Invalid)
            ]
        )
        if token is not None:
            self._tokens[token] = self.now(), request["TransactItems"]
        return {}

    def why_not(self, request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the cancellation reasons of a transaction by action, without writing."""
        actions = [next(iter(action.values())) for action in request["TransactItems"]]
        return [self._why_not(action, _key(action.get("Item") or action["Key"])) or _NO_REASON for action in actions]

    def _write(self, kind: str, action: Mapping[str, Any], key: Key) -> Item | Invalid | None:
        """Return the item after an action of a transaction; None if it is deleted or only checked."""
        match kind:
            case "Put":
                put: Item = action["Item"]
                return put
            case "Update":
                try:
                    return self._updated(key, self.items.get(key), action)
                except Invalid as invalid:
                    return invalid
            case "Delete" | "ConditionCheck":
                return None
        raise expressions.Unsupported(kind)

    def _why_not(self, action: Mapping[str, Any], key: Key) -> Mapping[str, Any] | None:
        """Return the reason why an action's condition fails, or None."""
        condition = action.get("ConditionExpression")
        old = self.items.get(key)
        if condition is None or expressions.holds(condition, old or {}, *_given(action)):
            return None
        shown = {"Item": old} if old and action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
        return _reason("ConditionalCheckFailed", _CONDITION_FAILED, **shown)

    def _was_done(self, token: str, actions: Any) -> bool:
        done = self._tokens.get(token)
        if done is None or self.now() - done[0] >= _TOKEN_REMEMBERED:
            return False
        if done[1] != actions:
            raise AwsError(
                "IdempotentParameterMismatchException",
                "Request token already in use for another request with a different payload",
            )
        return True

    def _bad_index_key(self, item: Item | Invalid | None) -> str | None:
        """Return the error of an item's index keys, or None."""
        if item is None or isinstance(item, Invalid):
            return None
        for name, wanted, index in self._index_keys:
            if name in item:
                [kind] = item[name]
                if kind != wanted:
                    return f"{_BAD_KEY_TYPE} {name} Expected: {wanted} Actual: {kind} IndexName: {index}"
        return None

    def _commit(self, writes: Sequence[tuple[Key, Item | None]], *, by_ttl: bool = False) -> None:
        changes = []
        for key, new in writes:
            old = self.items.get(key)
            if new == old:
                continue  # writes nothing to the stream either
            if new is None:
                del self.items[key]
            else:
                self.items[key] = new
            self._base.put(key, self._base.place_of(new), new)
            self._count += 1
            changes.append(Change(self._count, key, old, new, self.now(), by_ttl))
            self._let_lag(key, old, new)
        if changes:
            self.changes.extend(changes)
            self.on_commit(changes)

    # ------------------------------------------------------------ lag

    def _let_lag(self, key: Key, old: Item | None, new: Item | None) -> None:
        now = self.now()
        delay = self.lag(None)
        if delay or key in self._states:
            states = self._states.setdefault(key, [(now, old)])
            states.append((max(now + delay, states[-1][0]), new))
        for index in self._indexes.values():
            if index.is_same(old, new):
                continue
            place = index.place_of(new)
            entry = None if place is None or new is None else index.entry_of(new)
            # An index shows the changes of one item in their order, those of different items in any.
            shown_at = max(now + self.lag(index.name), self._shown_at.get((index.name, key), 0))
            if shown_at <= now and not self._coming:
                index.put(key, place, entry)
            else:
                self._shown_at[index.name, key] = shown_at
                self._pushed += 1
                heapq.heappush(self._coming, (shown_at, self._pushed, index, key, place, entry))

    def _show_what_came(self) -> None:
        now = self.now()
        while self._coming and self._coming[0][0] <= now:
            _, _, index, key, place, entry = heapq.heappop(self._coming)
            index.put(key, place, entry)

    # ------------------------------------------------------------ TTL

    def expired(self) -> list[Key]:
        """Return the keys that TTL may delete now, oldest first."""
        seconds = self.now() // 1000
        found = [(int(item["ttl"]["N"]), key) for key, item in self.items.items() if "ttl" in item]
        return [key for ttl, key in sorted(found) if ttl <= seconds]

    def expire(self, key: Key) -> None:
        """Delete an item as TTL does, unless its TTL was moved into the future."""
        if key in self.expired():
            self._commit([(key, None)], by_ttl=True)


def _reason(code: str, message: str, **more: Any) -> Mapping[str, Any]:
    return {"Code": code, "Message": message, **more}


def _cancelled(reasons: Sequence[Mapping[str, Any]]) -> AwsError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    return AwsError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        reasons=reasons,
    )


def _key(attributes: Mapping[str, Any]) -> Key:
    return attributes["pk"]["S"], attributes["sk"]["S"]


def _projected(item: Item, request: Mapping[str, Any]) -> Item:
    if "ProjectionExpression" not in request:
        return item
    shown = expressions.projection(request["ProjectionExpression"], request.get("ExpressionAttributeNames", {}))
    return {name: item[name] for name in shown if name in item}


def _given(request: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    return request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
