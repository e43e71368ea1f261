"""A wrong request for each documented rule of DynamoDB, its message, and right requests just within the limits.

`rules.py` has the sources.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.conftest import TABLE
from tests.fakes.rules import MOST_ITEM_BYTES

Request = tuple[str, dict[str, Any]]

KEY = {"pk": {"S": "A"}, "sk": {"S": "X"}}
LARGE_KEY = {"pk": {"S": "A"}, "sk": {"S": "L"}}
ONE, TWO, TEXT = {"N": "1"}, {"N": "2"}, {"S": "text"}
# An item of exactly 400 KB: two key attributes of 3 bytes each, and an attribute "t".
LARGEST = {"S": "x" * (MOST_ITEM_BYTES - 2 * 3 - 1)}
HALF = {"S": "x" * 390 * 1024}


@dataclass(frozen=True)
class Wrong:
    """A request that DynamoDB refuses with a message that contains `message`; `before` it come right requests."""

    rule: str
    request: Request
    message: str
    before: tuple[Request, ...] = ()


def _expressions(names: Mapping[str, str] | None, values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        **({"ExpressionAttributeNames": names} if names is not None else {}),
        **({"ExpressionAttributeValues": values} if values is not None else {}),
    }


def update(text: str, values: Any = None, names: Any = None, **more: Any) -> Request:
    """An UpdateItem of the item at KEY."""
    request = {"TableName": TABLE, "Key": KEY, "UpdateExpression": text}
    return "update_item", {**request, **_expressions(names, values), **more}


def put(item: Mapping[str, Any] | None = None, condition: str | None = None, **more: Any) -> Request:
    """A PutItem of attributes beside KEY, unless they replace it."""
    request: dict[str, Any] = {"TableName": TABLE, "Item": {**KEY, **(item or {})}}
    if condition is not None:
        request["ConditionExpression"] = condition
    return "put_item", {**request, **more}


def guarded(condition: str, values: Any = None, names: Any = None) -> Request:
    """A PutItem with a condition."""
    return put(None, condition, **_expressions(names, values))


def get(key: Mapping[str, Any] = KEY, **more: Any) -> Request:
    """A GetItem."""
    return "get_item", {"TableName": TABLE, "Key": key, **more}


def query(condition: str, values: Any, names: Any = None, index: str | None = "due", **more: Any) -> Request:
    """A Query of an index."""
    request = {"TableName": TABLE, "KeyConditionExpression": condition, **_expressions(names, values), **more}
    return "query", request if index is None else {**request, "IndexName": index}


def due(condition: str = "", values: Mapping[str, Any] | None = None, **more: Any) -> Request:
    """A Query of the index of due orders."""
    return query(f"due_pk = :due{condition}", {":due": {"S": "DUE"}, **(values or {})}, **more)


def transact(*actions: Mapping[str, Any], token: str | None = None) -> Request:
    """A TransactWriteItems."""
    request: dict[str, Any] = {"TransactItems": [*actions]}
    return "transact_write_items", request if token is None else {**request, "ClientRequestToken": token}


def action(kind: str, request: Request) -> dict[str, Any]:
    """An action of a transaction, from a request of its own."""
    return {kind: request[1]}


def puts(count: int, value: Any = TEXT) -> list[dict[str, Any]]:
    """Puts of different items, with a value each."""
    return [action("Put", put({"sk": {"S": f"{number}"}, "t": value})) for number in range(count)]


def keys(count: int) -> list[dict[str, Any]]:
    """Different keys."""
    return [{"pk": {"S": "A"}, "sk": {"S": f"{number}"}} for number in range(count)]


def batch_get(wanted: list[dict[str, Any]], **more: Any) -> Request:
    """A BatchGetItem."""
    return "batch_get_item", {"RequestItems": {TABLE: {"Keys": wanted, **more}}}


def batch_write(wanted: list[dict[str, Any]]) -> Request:
    """A BatchWriteItem that puts items."""
    return "batch_write_item", {"RequestItems": {TABLE: [{"PutRequest": {"Item": key}} for key in wanted]}}


def nested(levels: int) -> dict[str, Any]:
    """A value whose innermost part is at a level, of which the value itself is the first."""
    value: dict[str, Any] = ONE
    for _ in range(levels - 1):
        value = {"L": [value]}
    return value


def long(size: int) -> str:
    """A condition of a size in bytes."""
    part = f"attribute_exists({'a' * 50})"
    text = f"{part} OR " * (size // (len(part) + 4) - 1) + part
    return text[:-1] + "a" * (size - len(text)) + ")"


def operators(count: int) -> Request:
    """An update with a number of operators, one for each attribute."""
    sets = [f"a{number}=:a+:a" for number in range(count)]
    return update(f"SET {','.join(sets)}", {":a": ONE})


_NOT_VALID = "One or more parameter values are not valid."
_INVALID = "One or more parameter values were invalid:"
_EMPTY = "The AttributeValue for a key attribute cannot contain an empty string value."
_OVERLAP = "Two document paths overlap with each other; must remove or rewrite one of these paths;"
_TYPE = "Incorrect operand type for operator or function;"
_BAD_KEY = "The provided key element does not match the schema"
_DUPLICATES = "Provided list of item keys contains duplicates"
_BOTH = {":a": ONE, ":b": TWO}
_DUE = {":due": {"S": "DUE"}}

WRONG = [
    # overlapping paths
    Wrong("path twice", update("SET a = :a, a = :b", _BOTH), f"Invalid UpdateExpression: {_OVERLAP}"),
    Wrong("path into another", update("SET a.b = :a, a = :b", _BOTH), f"{_OVERLAP} path one: [a, b], path two: [a]"),
    Wrong("path behind a name", update("SET #a = :a REMOVE a", {":a": ONE}, {"#a": "a"}), _OVERLAP),
    Wrong("paths in a transaction", transact(action("Update", update("SET a = :a ADD a :b", _BOTH))), _OVERLAP),
    Wrong("projection twice", get(ProjectionExpression="a, a"), f"Invalid ProjectionExpression: {_OVERLAP}"),
    Wrong(
        "projection of a batch twice",
        batch_get([KEY], ProjectionExpression="#a, a", ExpressionAttributeNames={"#a": "a"}),
        f"Invalid ProjectionExpression: {_OVERLAP}",
    ),
    # empty keys
    Wrong("empty pk", get({**KEY, "pk": {"S": ""}}), f"{_NOT_VALID} {_EMPTY} Key: pk"),
    Wrong("empty sk", put({"sk": {"S": ""}}), f"{_NOT_VALID} {_EMPTY} Key: sk"),
    Wrong(
        "empty key in a transaction", transact(action("Put", put({"pk": {"S": ""}}))), f"{_NOT_VALID} {_EMPTY} Key: pk"
    ),
    Wrong(
        "empty index key, put",
        put({"due_pk": {"S": ""}}),
        f"{_NOT_VALID} A value specified for a secondary index key is not supported. {_EMPTY} "
        "IndexName: due, IndexKey: due_pk",
    ),
    Wrong(
        "empty index key, updated",
        update("SET due_pk = :a", {":a": {"S": ""}}),
        f"{_NOT_VALID} The update expression attempted to update a secondary index key to a value that is not "
        f"supported. {_EMPTY}",
    ),
    Wrong(
        "empty index key in a transaction",
        transact(action("Update", update("SET due_pk = :a", {":a": {"S": ""}}))),
        _EMPTY,
    ),
    Wrong("empty key in a query", query("due_pk = :due", {":due": {"S": ""}}), f"{_NOT_VALID} {_EMPTY} Key: due_pk"),
    # names and values
    Wrong(
        "unused value",
        update("SET a = :a", _BOTH),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}",
    ),
    Wrong(
        "unused name",
        update("REMOVE a", None, {"#a": "a"}),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}",
    ),
    Wrong(
        "undefined value",
        guarded("a = :a"),
        "Invalid ConditionExpression: An expression attribute value used in expression is not defined; "
        "attribute value: :a",
    ),
    Wrong(
        "undefined name",
        update("REMOVE #a"),
        "Invalid UpdateExpression: An expression attribute name used in the document path is not defined; "
        "attribute name: #a",
    ),
    Wrong(
        "values without expressions",
        put(ExpressionAttributeValues={":a": ONE}),
        "ExpressionAttributeValues can only be specified when using expressions",
    ),
    Wrong("no values", guarded("attribute_exists(a)", {}), "ExpressionAttributeValues must not be empty"),
    Wrong("no names", guarded("attribute_exists(a)", None, {}), "ExpressionAttributeNames must not be empty"),
    # reserved words
    Wrong(
        "reserved word in an update",
        update("SET status = :a", {":a": TEXT}),
        "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status",
    ),
    Wrong(
        "reserved word in a condition",
        guarded("attribute_exists(ttl)"),
        "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: ttl",
    ),
    Wrong(
        "reserved word in a projection",
        get(ProjectionExpression="pk, name"),
        "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name",
    ),
    # sizes
    Wrong("item", put({"t": {"S": f"{LARGEST['S']}x"}}), "Item size has exceeded the maximum allowed size"),
    Wrong("item in Cyrillic", put({"t": {"S": "ж" * (MOST_ITEM_BYTES // 2)}}), "Item size has exceeded the maximum"),
    Wrong(
        "updated item",
        update("SET a = :a", {":a": TEXT}, Key=LARGE_KEY),
        "Item size to update has exceeded the maximum allowed size",
        before=(put({**LARGE_KEY, "t": LARGEST}),),
    ),
    Wrong("transaction of 4 MB", transact(*puts(11, HALF)), "The aggregate size of the items in the transaction"),
    Wrong(
        "expression",
        guarded(long(4097)),
        "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size;",
    ),
    Wrong(
        "operators",
        operators(301),
        "Invalid UpdateExpression: The expression contains too many operators; operator count: 301",
    ),
    Wrong("length of a name", guarded(f"a = :{'a' * 255}", {f":{'a' * 255}": ONE}), "longer than 255 bytes"),
    Wrong("empty expression", update(""), "Invalid UpdateExpression: The expression can not be empty;"),
    Wrong("levels", put({"t": nested(33)}), "Nesting Levels have exceeded supported limits"),
    Wrong(
        "partition key",
        put({"pk": {"S": "x" * 2049}}),
        f"{_INVALID} Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ),
    Wrong(
        "sort key",
        put({"sk": {"S": "ж" * 513}}),
        f"{_INVALID} Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    ),
    # transactions and batches
    Wrong(
        "101 actions",
        transact(*puts(101)),
        "failed to satisfy constraint: Member must have length less than or equal to 100",
    ),
    Wrong("no action", transact(), "failed to satisfy constraint: Member must have length greater than or equal to 1"),
    Wrong(
        "same item twice",
        transact(action("Put", put()), action("Delete", ("", {"TableName": TABLE, "Key": KEY}))),
        "Transaction request cannot include multiple operations on one item",
    ),
    Wrong("token of 37", transact(*puts(1), token="x" * 37), "'ClientRequestToken' failed to satisfy constraint"),
    Wrong(
        "check without a condition",
        transact(action("ConditionCheck", ("", {"TableName": TABLE, "Key": KEY}))),
        "failed to satisfy constraint: Member must not be null",
    ),
    Wrong("101 keys", batch_get(keys(101)), "Member must have length less than or equal to 100"),
    Wrong("no key", batch_get([]), "Member must have length greater than or equal to 1"),
    Wrong("key twice", batch_get([KEY, KEY]), _DUPLICATES),
    Wrong("26 writes", batch_write(keys(26)), "Member must have length less than or equal to 25"),
    Wrong("item written twice", batch_write([KEY, KEY]), _DUPLICATES),
    # types
    Wrong("type of a key", get({**KEY, "pk": ONE}), _BAD_KEY),
    Wrong("key without sk", get({"pk": {"S": "A"}}), _BAD_KEY),
    Wrong("key with more", get({**KEY, "a": ONE}), _BAD_KEY),
    Wrong("type of a put key", put({"sk": ONE}), f"{_INVALID} Type mismatch for key sk expected: S actual: N"),
    Wrong(
        "type of an index key",
        put({"due_at": TEXT}),
        f"{_INVALID} Type mismatch for Index Key due_at Expected: N Actual: S IndexName: due",
    ),
    Wrong("39 digits", put({"n": {"N": "1" * 39}}), "Attempting to store more than 38 significant digits in a Number"),
    Wrong(
        "overflow", put({"n": {"N": "1E126"}}), "Number overflow. Attempting to store a number with magnitude larger"
    ),
    Wrong("underflow", put({"n": {"N": "-1E-131"}}), "Number underflow. Attempting to store a number with magnitude"),
    Wrong("no number", put({"n": {"N": "one"}}), "The parameter cannot be converted to a numeric value: one"),
    Wrong(
        "number in a list", put({"n": {"L": [{"N": "1_000"}]}}), "The parameter cannot be converted to a numeric value"
    ),
    Wrong("empty set", put({"n": {"SS": []}}), f"{_INVALID} An string set  may not be empty"),
    Wrong("set with duplicates", put({"n": {"SS": ["a", "a"]}}), "Input collection [a, a] contains duplicates."),
    Wrong("two types", put({"n": {"S": "a", "N": "1"}}), "Supplied AttributeValue has more than one datatypes set"),
    Wrong("null that is false", put({"n": {"NULL": False}}), "Null attribute value types must have the value of true"),
    # conditions and updates
    Wrong(
        "size in an update",
        update("SET a = size(b)"),
        "The function is not allowed in an update expression; function: size",
    ),
    Wrong(
        "if_not_exists in a condition",
        guarded("if_not_exists(a, :a) = :b", _BOTH),
        "The function is not allowed in a condition expression; function: if_not_exists",
    ),
    Wrong("value instead of a path", guarded("attribute_exists(:a)", {":a": ONE}), "requires a document path"),
    Wrong(
        "operand twice",
        guarded("a = a"),
        "The first operand must be distinct from the remaining operands for this operator or function; operator: =",
    ),
    Wrong("parentheses twice", guarded("((attribute_exists(a)))"), "The expression has redundant parentheses;"),
    Wrong(
        "order of a boolean",
        guarded("a < :a", {":a": {"BOOL": True}}),
        f"Invalid ConditionExpression: {_TYPE} operator or function: <, operand type: BOOL",
    ),
    Wrong(
        "bounds in the wrong order",
        guarded("a BETWEEN :b AND :a", _BOTH),
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound;",
    ),
    Wrong("bounds of two types", guarded("a BETWEEN :a AND :b", {":a": ONE, ":b": TEXT}), "requires same data type"),
    Wrong(
        "text added",
        update("ADD a :a", {":a": TEXT}),
        f"Invalid UpdateExpression: {_TYPE} operator: ADD, operand type:",
    ),
    Wrong("sum of text", update("SET a = a + :a", {":a": TEXT}), f"{_TYPE} operator or function: +, operand type: S"),
    Wrong(
        "section twice",
        update("SET a = :a SET b = :b", _BOTH),
        'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;',
    ),
    Wrong(
        "key updated",
        update("SET sk = :a", {":a": TEXT}),
        f"{_INVALID} Cannot update attribute sk. This attribute is part of the key",
    ),
    Wrong(
        "other return values", put(ReturnValues="ALL_NEWER"), "failed to satisfy constraint: Member must satisfy enum"
    ),
    # queries
    Wrong(
        "consistent read of an index",
        due(ConsistentRead=True),
        "Consistent reads are not supported on global secondary indexes",
    ),
    Wrong("limit of 0", due(Limit=0), "Member must have value greater than or equal to 1"),
    Wrong("scan with a limit of 0", ("scan", {"TableName": TABLE, "Limit": 0}), "greater than or equal to 1"),
    Wrong(
        "no key condition", ("query", {"TableName": TABLE, "IndexName": "due"}), "KeyConditionExpression parameter must"
    ),
    Wrong("no partition", query("due_at >= :a", {":a": ONE}), "Query"),
    Wrong(
        "key of another index",
        due(" AND list_sk >= :a", {":a": TEXT}),
        "Query condition missed key schema element",
    ),
    Wrong("inequality of keys", due(" AND due_at <> :a", {":a": ONE}), "operator used in KeyConditionExpression: <>"),
    Wrong("either key", due(" OR due_at >= :a", {":a": ONE}), "Invalid operator used in KeyConditionExpression: OR"),
    Wrong("range of partitions", query("due_pk >= :due", _DUE), "Query key condition not supported"),
    Wrong("path in a key", query("due_pk.a = :due", _DUE), "cannot have conditions on nested attributes"),
    Wrong(
        "type of a condition", due(" AND due_at >= :a", {":a": TEXT}), "Condition parameter type does not match schema"
    ),
    Wrong(
        "range in the wrong order",
        due(" AND due_at BETWEEN :b AND :a", _BOTH),
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound",
    ),
    Wrong(
        "what an index has not",
        due(Select="ALL_ATTRIBUTES"),
        f"{_INVALID} Select type ALL_ATTRIBUTES is not supported for global secondary index due because its projection "
        "type is not ALL",
    ),
    Wrong(
        "count of a projection",
        due(Select="COUNT", ProjectionExpression="pk"),
        "Cannot specify the ProjectionExpression",
    ),
    Wrong(
        "unknown index", query("due_pk = :due", _DUE, index="none"), "The table does not have the specified index: none"
    ),
    Wrong(
        "filter by a key",
        due(FilterExpression="due_at > :n", values={":n": ONE}),
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: due_at",
    ),
    Wrong("start without keys", due(ExclusiveStartKey=KEY), "The provided starting key is invalid"),
]

RIGHT: dict[str, Request] = {
    "paths side by side": update("SET a = :a REMOVE b ADD c :b", _BOTH),
    "paths in one map": update(
        "SET m.a = :a, m.#b = :b", _BOTH, {"#b": "b"}, ConditionExpression="attribute_exists(m)"
    ),
    "reserved word by a name": update("SET #status = :a", {":a": TEXT}, {"#status": "status"}),
    "empty text": put({"t": {"S": ""}}),
    "empty text in an index key's type": put({"t": {"L": [{"S": ""}]}, "due_at": ONE}),
    "largest item": put({**LARGE_KEY, "t": LARGEST}),
    "transaction below 4 MB": transact(*puts(10, HALF)),
    "100 actions": transact(*puts(100), token="x" * 36),
    "100 keys": batch_get(keys(100)),
    "25 writes": batch_write(keys(25)),
    "largest expression": guarded(long(4096)),
    "300 operators": operators(300),
    "longest name": guarded(f"a <> :{'a' * 254}", {f":{'a' * 254}": ONE}),
    "32 levels": put({"t": nested(32)}),
    "38 digits": put({"n": {"N": "1" * 38}, "m": {"N": "1" * 38 + "00000"}}),
    "largest and smallest number": put({"n": {"N": "-9.9E+125"}, "m": {"N": "1E-130"}}),
    "longest keys": put({"pk": {"S": "x" * 2048}, "sk": {"S": "ж" * 512}}),
    "parentheses once": guarded("(attribute_not_exists(a) OR (a = :a)) AND NOT b = :b", _BOTH),
    "bounds in order": guarded("attribute_not_exists(a) OR a BETWEEN :a AND :b", _BOTH),
    "one range": due(" AND due_at BETWEEN :a AND :b", _BOTH, Limit=1),
    "keys of an index": due(Select="ALL_PROJECTED_ATTRIBUTES", ScanIndexForward=False),
    "filter by a part of a map": due(
        values={":n": ONE}, names={"#s": "status"}, FilterExpression="attribute_not_exists(m.a) OR m.#s = :n"
    ),
    "start of the next page": due(ExclusiveStartKey={**KEY, "due_pk": {"S": "DUE"}, "due_at": ONE}),
}
