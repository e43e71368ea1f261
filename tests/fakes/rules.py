"""DynamoDB's documented rules of a request, which no emulator enforces in full.

`check` is given every request that a test sends: `dynamodb.py` calls it for those in process, and
`tests/integration/embedded` for those to the embedded AWS. `expressions.py` has the rules of one expression.

Sources, in the Amazon DynamoDB Developer Guide and its API reference:

- "Quotas in Amazon DynamoDB" (Constraints.html, ServiceQuotas.html): sizes, depths, numbers, keys, expressions,
  transactions, batches;
- "Item sizes and formats" (CapacityUnitCalculations.html): the size of an item;
- "Reserved words in DynamoDB" (ReservedWords.html): `reserved_words.txt`;
- "Global secondary indexes" (GSI.html) and "Key condition expressions" (Query.KeyConditionExpressions.html);
- the constraints of each operation's parameters in the API reference.

The guide states the rules. The messages are those that DynamoDB answers with; where the guide states a rule and no
message is known, the message repeats the guide.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes import expressions
from tests.fakes.expressions import CONDITION, FILTER, KEY_CONDITION, PROJECTION, UPDATE, Invalid, Item

KB = 1024
MOST_ITEM_BYTES = 400 * KB
MOST_TRANSACTION_BYTES = 4 * KB * KB
MOST_PARTITION_BYTES = 2048
MOST_SORT_BYTES = 1024
MOST_SUBSTITUTION_BYTES = 2 * KB * KB
MOST_LEVELS = 32
MOST_DIGITS = 38
MOST_TOKEN = 36
MOST_IN_TRANSACTION = 100
MOST_IN_BATCH_GET = 100
MOST_IN_BATCH_WRITE = 25

_BAD_VALUE = "One or more parameter values were invalid:"
_BAD_KEY = "The provided key element does not match the schema"
_EMPTY = "The AttributeValue for a key attribute cannot contain an empty"
_TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?")


@dataclass(frozen=True)
class Schema:
    """The keys of a table and its indexes."""

    types: Mapping[str, str]
    """From a key attribute to its type: S, N or B."""
    keys: tuple[str, ...]
    indexes: Mapping[str, tuple[str, ...]]
    """From a global secondary index to its keys, the partition key first."""
    partial: frozenset[str]
    """The indexes that do not project every attribute."""
    index_keys: Mapping[str, tuple[str, bool]]
    """From a key attribute of an index to the index, and whether it is its partition key."""

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> "Schema":
        """Read what create_table is given."""
        indexes = definition.get("GlobalSecondaryIndexes") or []
        keys = {one["IndexName"]: tuple(key["AttributeName"] for key in one["KeySchema"]) for one in indexes}
        return cls(
            {one["AttributeName"]: one["AttributeType"] for one in definition["AttributeDefinitions"]},
            tuple(key["AttributeName"] for key in definition["KeySchema"]),
            keys,
            frozenset(one["IndexName"] for one in indexes if one["Projection"]["ProjectionType"] != "ALL"),
            {name: (index, name == names[0]) for index, names in keys.items() for name in names},
        )


def check(operation: str, request: Mapping[str, Any], schema_of: Callable[[str], Schema]) -> None:
    """Refuse a request that breaks a rule. Raises Invalid with DynamoDB's message, expressions.Unsupported.

    `schema_of` is given the table's name. `check_index_keys` and `check_size` check what depends on stored items,
    `check_targets` what DynamoDB checks only after the token of a transaction.
    """
    if operation not in _CHECKS:
        raise expressions.Unsupported(operation)
    _CHECKS[operation](request, schema_of)


# ---------------------------------------------------------------- values


def size_of(item: Item) -> int:
    """Return the size of an item in bytes, by the rules of "Item sizes and formats"."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    return _SIZES[kind](content)


def _size_of_number(text: str) -> int:
    digits = text.lstrip("-")
    return (len(digits) + 1) // 2 + 1 + (digits != text)


def _bytes_of(content: Any) -> int:
    """Return the size of binary content: bytes, or base64 text as it is on the wire."""
    if isinstance(content, str):
        return len(content) * 3 // 4 - content[-2:].count("=")
    return len(content)


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": lambda content: len(content.encode()),
    "N": _size_of_number,
    "B": _bytes_of,
    "BOOL": lambda content: 1,
    "NULL": lambda content: 1,
    "M": lambda content: 3 + size_of(content) + len(content),
    "L": lambda content: 3 + sum(1 + _size_of_value(element) for element in content),
    "SS": lambda content: sum(len(element.encode()) for element in content),
    "NS": lambda content: sum(map(_size_of_number, content)),
    "BS": lambda content: sum(map(_bytes_of, content)),
}


def _measure(values: Item, level: int = 1) -> int:
    """Return an upper bound of the bytes of some attributes. Raises Invalid for a value that DynamoDB refuses.

    The bound is cheap, and usually far below any limit: only what exceeds one is measured exactly.
    """
    if level > MOST_LEVELS and values:
        raise Invalid(_TOO_DEEP)
    bound = 0
    for name, value in values.items():
        # Most values are text or a number without a sign.
        text = value.get("S")
        if text is None:
            text = value.get("N")
            if text is None or len(text) > MOST_DIGITS or not text.isdigit():
                bound += len(name) + _bound_of(value, level)
                continue
        if len(value) > 1:
            _bound_of(value, level)
        bound += len(name) + len(text) + 2
    return bound if level > 1 else 4 * bound  # UTF-8 has at most four bytes a character


def _bound_of(value: Mapping[str, Any], level: int) -> int:
    if len(value) != 1:
        more = "has more than one datatypes set" if value else "is empty"
        raise Invalid(f"Supplied AttributeValue {more}, must contain exactly one of the supported datatypes")
    if level > MOST_LEVELS:
        raise Invalid(_TOO_DEEP)
    [(kind, content)] = value.items()
    match kind:
        case "S" | "B":
            return len(content)
        case "N":
            if len(content) > MOST_DIGITS or not content.isdigit():
                _check_number(content)
            return len(content) + 2
        case "M":
            return 3 + _measure(content, level + 1) + len(content)
        case "L":
            return 3 + sum(1 + _bound_of(element, level + 1) for element in content)
        case "SS" | "NS" | "BS":
            _check_set(kind, content)
            return sum(_bound_of({kind[0]: element}, level) for element in content)
    if kind == "NULL" and content is not True:
        raise Invalid(f"{_BAD_VALUE} Null attribute value types must have the value of true")
    if kind not in ("NULL", "BOOL"):
        raise Invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    return 1


_SETS = {"SS": "string", "NS": "number", "BS": "binary"}


def _check_set(kind: str, content: Collection[Any]) -> None:
    if not content:
        raise Invalid(f"{_BAD_VALUE} An {_SETS[kind]} set  may not be empty")
    if len(set(content)) != len(content):
        raise Invalid(f"{_BAD_VALUE} Input collection [{', '.join(map(str, content))}] contains duplicates.")


def _check_number(text: str) -> None:
    """Refuse what is no number, beyond 38 digits, or outside 1E-130 to 9.99…E+125."""
    read = _NUMBER.fullmatch(text)
    if read is None:
        raise Invalid(f"The parameter cannot be converted to a numeric value: {text}")
    whole, _, fraction = read[1].partition(".")
    digits = (whole + fraction).lstrip("0")
    magnitude = max(len(digits), 1) - len(fraction) + int(read[2] or 0) - 1
    if digits and magnitude > 125:
        raise Invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if digits and magnitude < -130:
        raise Invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if len(digits.rstrip("0")) > MOST_DIGITS:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")


# ---------------------------------------------------------------- keys and items


def _check_key(key: Item, schema: Schema) -> None:
    """Refuse a key of other attributes, of other types, or empty."""
    if len(key) != len(schema.keys):
        raise Invalid(_BAD_KEY)
    if _is_plain(key, schema):
        return
    for at, name in enumerate(schema.keys):
        if name not in key or schema.types[name] not in key[name]:
            raise Invalid(_BAD_KEY)
        _check_key_value(name, key[name], first=at == 0)


def _is_plain(item: Item, schema: Schema) -> bool:
    """Whether an item's key is text that breaks no rule, as almost every key is: the cheap check."""
    for name in schema.keys:
        value = item.get(name)
        text = value and value.get("S")
        if not text or len(text) * 4 > MOST_SORT_BYTES or schema.types[name] != "S":
            return False
    return True


def _check_key_value(name: str, value: Mapping[str, Any], *, first: bool) -> None:
    [(kind, content)] = value.items()
    if kind == "N":
        _check_number(content)
        return
    if not content:
        raise Invalid(
            f"One or more parameter values are not valid. {_EMPTY} {'binary' if kind == 'B' else 'string'} value. "
            f"Key: {name}"
        )
    most = MOST_PARTITION_BYTES if first else MOST_SORT_BYTES
    if len(content) * 4 > most:
        size = _bytes_of(content) if kind == "B" else len(content.encode())
        if size > most and first:
            raise Invalid(f"{_BAD_VALUE} Size of hashkey has exceeded the maximum size limit of{most} bytes")
        if size > most:
            raise Invalid(f"{_BAD_VALUE} Aggregated size of all range keys has exceeded the size limit of {most} bytes")


def check_index_keys(item: Item, schema: Schema, *, updated: bool) -> None:
    """Refuse an item with an empty or too long key of an index; `updated`: an UpdateExpression gave it this key."""
    for name in schema.index_keys.keys() & item.keys():
        index, first = schema.index_keys[name]
        kind = schema.types[name]
        content = item[name].get(kind)
        if content is None:
            continue  # another type, which each database refuses itself
        if content:
            if kind != "N" and len(content) * 4 > MOST_SORT_BYTES:
                _check_key_value(name, item[name], first=first)
            continue
        empty = f"{_EMPTY} {'binary' if kind == 'B' else 'string'} value."
        if updated:
            raise Invalid(
                "One or more parameter values are not valid. The update expression attempted to update a "
                f"secondary index key to a value that is not supported. {empty}"
            )
        raise Invalid(
            "One or more parameter values are not valid. A value specified for a secondary index key is not "
            f"supported. {empty} IndexName: {index}, IndexKey: {name}"
        )


def check_size(item: Item, *, updated: bool) -> int:
    """Refuse an item that is too large, or has a wrong value. Return an upper bound of its size in bytes."""
    bound = _measure(item)
    if bound > MOST_ITEM_BYTES and size_of(item) > MOST_ITEM_BYTES:
        raise Invalid(f"Item size {'to update ' if updated else ''}has exceeded the maximum allowed size")
    return bound


def _check_put(item: Item, schema: Schema) -> int:
    for at, name in enumerate(() if _is_plain(item, schema) else schema.keys):
        if name not in item:
            raise Invalid(f"{_BAD_VALUE} Missing the key {name} in the item")
        wanted = schema.types[name]
        if wanted not in item[name]:
            raise Invalid(
                f"{_BAD_VALUE} Type mismatch for key {name} expected: {wanted} actual: {next(iter(item[name]), None)}"
            )
        _check_key_value(name, item[name], first=at == 0)
    check_index_keys(item, schema, updated=False)
    return check_size(item, updated=False)


# ---------------------------------------------------------------- parts of requests


def _check_member(request: Mapping[str, Any], name: str, allowed: Sequence[str]) -> None:
    if request.get(name, allowed[0]) not in allowed:
        raise _constraint(name, f"satisfy enum value set: [{', '.join(allowed)}]")


def _constraint(member: str, demand: str) -> Invalid:
    return Invalid(
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must {demand}"
    )


def _check_expressions(request: Mapping[str, Any], *kinds: str) -> int:
    """Check the expressions of a request or an action; return an upper bound of the bytes of their values."""
    bound = 0
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    if names is not None and not names:
        raise Invalid("ExpressionAttributeNames must not be empty")
    if values is not None:
        if not values:
            raise Invalid("ExpressionAttributeValues must not be empty")
        bound = _measure(values)
        if bound > MOST_SUBSTITUTION_BYTES and size_of(values) > MOST_SUBSTITUTION_BYTES:
            raise Invalid("The substitution variables of the expressions exceed the maximum of 2 MB")
    expressions.check(request, *kinds)
    return bound


def _check_limit(request: Mapping[str, Any]) -> None:
    if request.get("Limit", 1) < 1:
        raise _constraint("Limit", "have value greater than or equal to 1")


# ---------------------------------------------------------------- operations

_SchemaOf = Callable[[str], Schema]


def _get_item(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    _check_expressions(request, PROJECTION)
    _check_key(request["Key"], schema_of(request["TableName"]))


def _put_item(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    _check_member(request, "ReturnValues", ("NONE", "ALL_OLD"))
    _check_expressions(request, CONDITION)
    _check_put(request["Item"], schema_of(request["TableName"]))


def _update_item(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    _check_member(request, "ReturnValues", ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"))
    _check_expressions(request, UPDATE, CONDITION)
    _check_update(request, schema_of(request["TableName"]))


def _check_update(request: Mapping[str, Any], schema: Schema) -> None:
    _check_key(request["Key"], schema)
    names = request.get("ExpressionAttributeNames")
    written = expressions.update_targets(request[UPDATE], frozenset(names.items() if names else ()))
    if not written.isdisjoint(schema.keys):
        [name, *_] = sorted(written & {*schema.keys})
        raise Invalid(f"{_BAD_VALUE} Cannot update attribute {name}. This attribute is part of the key")


def _delete_item(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    _check_member(request, "ReturnValues", ("NONE", "ALL_OLD"))
    _check_expressions(request, CONDITION)
    _check_key(request["Key"], schema_of(request["TableName"]))


def _query(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    schema = schema_of(request["TableName"])
    _check_limit(request)
    _check_member(request, "Select", ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES"))
    index = request.get("IndexName")
    if index is not None:
        if index not in schema.indexes:
            raise Invalid(f"The table does not have the specified index: {index}")
        if request.get("ConsistentRead"):
            raise Invalid("Consistent reads are not supported on global secondary indexes")
        if request.get("Select") == "ALL_ATTRIBUTES" and index in schema.partial:
            raise Invalid(
                f"{_BAD_VALUE} Select type ALL_ATTRIBUTES is not supported for global secondary index {index} "
                "because its projection type is not ALL"
            )
    if KEY_CONDITION not in request:
        raise Invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    if PROJECTION in request and request.get("Select", "SPECIFIC_ATTRIBUTES") != "SPECIFIC_ATTRIBUTES":
        chosen = "only the Count" if request["Select"] == "COUNT" else request["Select"]
        raise Invalid(f"Cannot specify the ProjectionExpression when choosing to get {chosen}")
    _check_expressions(request, KEY_CONDITION, FILTER, PROJECTION)
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    keys = schema.keys if index is None else schema.indexes[index]
    wanted, _ = expressions.key_range(request[KEY_CONDITION])
    _check_filter(request, keys)
    if names.get(wanted.partition[0], wanted.partition[0]) != keys[0]:
        raise Invalid(f"Query condition missed key schema element: {keys[0]}")
    if wanted.sort is not None and names.get(wanted.sort, wanted.sort) not in keys[1:]:
        raise Invalid(f"Query condition missed key schema element: {keys[1]}")
    used = [(keys[0], wanted.partition[1]), *((keys[1], bound) for bound in (wanted.low, wanted.high) if bound)]
    for at, (key, value) in enumerate(used):
        if schema.types[key] not in values[value]:
            raise Invalid(f"{_BAD_VALUE} Condition parameter type does not match schema type")
        _check_key_value(key, values[value], first=at == 0)
    if "ExclusiveStartKey" in request:
        whole = {*keys, *schema.keys}
        start = request["ExclusiveStartKey"]
        if start.keys() != whole or any(schema.types[name] not in start[name] for name in whole):
            raise Invalid("The provided starting key is invalid")


def _check_filter(request: Mapping[str, Any], keys: Collection[str]) -> None:
    if FILTER in request:
        looked_at = expressions.filtered(request[FILTER], request.get("ExpressionAttributeNames", {})) & set(keys)
        for key in sorted(looked_at):
            raise Invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
            )


def _scan(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    schema = schema_of(request["TableName"])
    _check_limit(request)
    _check_expressions(request, PROJECTION)
    if "ExclusiveStartKey" in request:
        try:
            _check_key(request["ExclusiveStartKey"], schema)
        except Invalid as invalid:
            raise Invalid(f"The provided starting key is invalid: {invalid}") from None


def _batch_get_item(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    for table, wanted in request["RequestItems"].items():
        member = f"RequestItems.{table}.member.Keys"
        if not wanted["Keys"]:
            raise _constraint(member, "have length greater than or equal to 1")
        if len(wanted["Keys"]) > MOST_IN_BATCH_GET:
            raise _constraint(member, f"have length less than or equal to {MOST_IN_BATCH_GET}")
        _check_expressions(wanted, PROJECTION)
        schema = schema_of(table)
        for key in wanted["Keys"]:
            _check_key(key, schema)
        _check_different(wanted["Keys"], schema)
    if sum(len(wanted["Keys"]) for wanted in request["RequestItems"].values()) > MOST_IN_BATCH_GET:
        raise Invalid("Too many items requested for the BatchGetItem call")


def _batch_write_item(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    if not 1 <= sum(map(len, request["RequestItems"].values())) <= MOST_IN_BATCH_WRITE:
        raise Invalid(
            "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Map value must satisfy "
            f"constraint: [Member must have length less than or equal to {MOST_IN_BATCH_WRITE}, "
            "Member must have length greater than or equal to 1]"
        )
    for table, writes in request["RequestItems"].items():
        schema = schema_of(table)
        keys = []
        for write in writes:
            [(kind, content)] = write.items()
            if kind == "PutRequest":
                _check_put(content["Item"], schema)
                keys.append(content["Item"])
            else:
                _check_key(content["Key"], schema)
                keys.append(content["Key"])
        _check_different(keys, schema)


def _transact_write_items(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    actions = request["TransactItems"]
    if not actions:
        raise _constraint("TransactItems", "have length greater than or equal to 1")
    if len(actions) > MOST_IN_TRANSACTION:
        raise _constraint("TransactItems", f"have length less than or equal to {MOST_IN_TRANSACTION}")
    if not 1 <= len(request.get("ClientRequestToken", "token")) <= MOST_TOKEN:
        raise _constraint("ClientRequestToken", f"have length between 1 and {MOST_TOKEN}")
    bound = 0
    for action in actions:
        [(kind, content)] = action.items()
        _check_member(content, "ReturnValuesOnConditionCheckFailure", ("NONE", "ALL_OLD"))
        schema = schema_of(content["TableName"])
        if kind == "Put":
            _check_expressions(content, CONDITION)
            bound += _check_put(content["Item"], schema)
            continue
        if kind == "ConditionCheck" and CONDITION not in content:
            raise Invalid(
                "1 validation error detected: Value null at 'transactItems.1.member.conditionCheck."
                "conditionExpression' failed to satisfy constraint: Member must not be null"
            )
        if kind == "Update":
            bound += _check_expressions(content, UPDATE, CONDITION)
            _check_update(content, schema)
        else:
            _check_expressions(content, CONDITION)
            _check_key(content["Key"], schema)
    if bound > MOST_TRANSACTION_BYTES and _transaction_bytes(actions) > MOST_TRANSACTION_BYTES:
        raise Invalid("The aggregate size of the items in the transaction exceeds 4 MB")


def check_targets(request: Mapping[str, Any], schema_of: _SchemaOf) -> None:
    """Refuse a transaction with two actions on one item. Raises Invalid."""
    seen = set()
    for action in request["TransactItems"]:
        [content] = action.values()
        table = content["TableName"]
        place = table, *_place(content.get("Item") or content["Key"], schema_of(table))
        if place in seen:
            raise Invalid("Transaction request cannot include multiple operations on one item")
        seen.add(place)


def _transaction_bytes(actions: Collection[Mapping[str, Any]]) -> int:
    """Return the bytes that a transaction's puts and updates write."""
    parts = [next(iter(action.values())) for action in actions]
    return sum(size_of(part.get("Item") or part.get("ExpressionAttributeValues", {})) for part in parts)


def _place(key: Item, schema: Schema) -> list[Any]:
    return [key[name][schema.types[name]] for name in schema.keys]


def _check_different(keys: Collection[Item], schema: Schema) -> None:
    if len({tuple(_place(key, schema)) for key in keys}) != len(keys):
        raise Invalid("Provided list of item keys contains duplicates")


_CHECKS: dict[str, Callable[[Mapping[str, Any], _SchemaOf], None]] = {
    "BatchGetItem": _batch_get_item,
    "BatchWriteItem": _batch_write_item,
    "DeleteItem": _delete_item,
    "GetItem": _get_item,
    "PutItem": _put_item,
    "Query": _query,
    "Scan": _scan,
    "TransactWriteItems": _transact_write_items,
    "UpdateItem": _update_item,
}
OPERATIONS = frozenset(_CHECKS)
"""The operations that have rules: every one that reads or writes items, except PartiQL's."""
