"""DynamoDB's expressions, as far as `shared/store` writes them: each text is parsed once into closures.

Items and values are in DynamoDB's notation (`{"N": "5"}`) throughout. Syntax that the store does not use is
not implemented and raises Unsupported. A text that breaks a documented rule raises Invalid with DynamoDB's message.
`rules.py` has the rules of whole requests, and the sources.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

Item = Mapping[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Condition = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], Any]
DocumentPath = tuple[str, ...]


class Unsupported(NotImplementedError):
    """An expression uses syntax that this fake does not implement."""


class Invalid(Exception):
    """DynamoDB's ValidationException; in a transaction, the reason of one item."""


BAD_PATH = "The document path provided in the update expression is invalid for update"
BAD_OPERAND = "An operand in the update expression has an incorrect data type"
NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"

CONDITION = "ConditionExpression"
FILTER = "FilterExpression"
KEY_CONDITION = "KeyConditionExpression"
PROJECTION = "ProjectionExpression"
UPDATE = "UpdateExpression"
MOST_BYTES = 4096
MOST_NAME_BYTES = 255
MOST_OPERATORS = 300
RESERVED = frozenset(
    word
    for line in Path(__file__).with_name("reserved_words.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
)

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.+-]|[:#]?[A-Za-z_][A-Za-z0-9_]*)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def compare(operator: str, left: Any, right: Any) -> bool:
    """Compare two values as DynamoDB does. A missing attribute is only unequal to an existing one."""
    if left is None or right is None:
        return (left is right) if operator == "=" else (operator == "<>" and left is not right)
    [(left_kind, left_content)] = left.items()
    [(right_kind, right_content)] = right.items()
    if left_kind != right_kind:
        return operator == "<>"
    if left_kind == "N":
        return _COMPARE[operator](int(left_content), int(right_content))
    if left_kind != "S" and operator not in ("=", "<>"):
        return False
    return _COMPARE[operator](left_content, right_content)


# ---------------------------------------------------------------- reading the text


@dataclass(frozen=True, slots=True)
class Uses:
    """The names and values that an expression uses, and what it demands of the values."""

    names: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    wants: tuple[tuple[str, frozenset[str], str], ...] = ()
    """Of a value: its name, the types that it may have, and the message for another type."""
    ranges: tuple[tuple[str, str], ...] = ()
    """The values that are the lower and upper bounds of a BETWEEN."""
    attributes: frozenset[str] = frozenset()
    """The first part of each document path, as written."""


class _Reader:
    """The tokens of an expression, the names and values that it uses, and the rules of one expression."""

    def __init__(self, text: str, kind: str) -> None:
        self.text = text
        self.kind = kind
        size = len(text.encode())
        if size > MOST_BYTES:
            raise self.invalid(f"Expression size has exceeded the maximum allowed size; expression size: {size}")
        if not text.strip():
            raise self.invalid("The expression can not be empty;")
        self.tokens = []
        at = 0
        while text[at:].strip():
            token = _TOKEN.match(text, at)
            if token is None:
                raise Unsupported(text)
            self.tokens.append(token[1])
            at = token.end()
        self.tokens.append("")
        self.at = 0
        self.operators = 0
        self._names: set[str] = set()
        self._values: set[str] = set()
        self._attributes: set[str] = set()
        self.wants: list[tuple[str, frozenset[str], str]] = []
        self.ranges: list[tuple[str, str]] = []

    def invalid(self, message: str) -> Invalid:
        """Return DynamoDB's error of this expression."""
        return Invalid(f"Invalid {self.kind}: {message}")

    @property
    def next(self) -> str:
        return self.tokens[self.at]

    def take(self, wanted: str | None = None) -> str:
        """Consume the next token. It must be `wanted`, if given."""
        token = self.tokens[self.at]
        if not token or (wanted is not None and token.upper() != wanted):
            raise Unsupported(self.text)
        self.at += 1
        return token

    def taken(self, *wanted: str) -> str:
        """Consume the next token if it is one of `wanted` (upper case); otherwise return an empty string."""
        token = self.tokens[self.at].upper()
        if token in wanted:
            self.at += 1
            return token
        return ""

    def operator(self) -> None:
        """Count an operator or a function."""
        self.operators += 1
        if self.operators > MOST_OPERATORS:
            raise self.invalid(f"The expression contains too many operators; operator count: {self.operators}")

    def path(self) -> DocumentPath:
        """Read a document path. A part that begins with # is a name of the request."""
        parts = [self.take()]
        while self.taken("."):
            parts.append(self.take())
        for part in parts:
            if not re.fullmatch("#?[A-Za-z_][A-Za-z0-9_]*", part):
                raise Unsupported(self.text)
            self._check_length(part)
            if part.upper() in RESERVED:
                raise self.invalid(f"Attribute name is a reserved keyword; reserved keyword: {part}")
        self._names.update(part for part in parts if part.startswith("#"))
        self._attributes.add(parts[0])
        return tuple(parts)

    def value(self) -> str:
        """Read a value of the request."""
        name = self.take()
        if not name.startswith(":"):
            raise Unsupported(self.text)
        self._check_length(name)
        self._values.add(name)
        return name

    def _check_length(self, name: str) -> None:
        if len(name) > MOST_NAME_BYTES:
            raise self.invalid(f"An expression attribute name or value is longer than {MOST_NAME_BYTES} bytes: {name}")

    def want(self, value: str, kinds: str, operator: str) -> None:
        """Demand that a value has one of the types `kinds`, separated by spaces."""
        message = f"Invalid {self.kind}: Incorrect operand type for operator or function; {operator}, operand type:"
        self.wants.append((value, frozenset(kinds.split()), message))

    def end(self) -> None:
        if self.next:
            raise Unsupported(self.text)

    @property
    def uses(self) -> Uses:
        """Return what the expression uses."""
        return Uses(
            frozenset(self._names),
            frozenset(self._values),
            tuple(self.wants),
            tuple(self.ranges),
            frozenset(self._attributes),
        )


def _getter(path: DocumentPath) -> Operand:
    if len(path) == 1:
        [name] = path
        if name.startswith("#"):
            return lambda item, names, values: item.get(names[name])
        return lambda item, names, values: item.get(name)

    def get(item: Item, names: Names, values: Values) -> Any:
        found: Any = {"M": item}
        for part in path:
            if found is None or "M" not in found:
                return None
            found = found["M"].get(names[part] if part.startswith("#") else part)
        return found

    return get


@dataclass(frozen=True, slots=True)
class _Operand:
    """An operand of a condition or an assignment: the name of a value, a path, or a function."""

    get: Operand
    value: str | None = None
    path: DocumentPath | None = None


def _operand(reader: _Reader) -> _Operand:
    if reader.next.startswith(":"):
        value = reader.value()
        return _Operand(lambda item, names, values: values[value], value=value)
    if reader.next and reader.tokens[reader.at + 1] == "(":
        return _Operand(_function(reader))
    path = reader.path()
    return _Operand(_getter(path), path=path)


def _function(reader: _Reader) -> Operand:
    name = reader.take()
    allowed, where = ("if_not_exists", "an update") if reader.kind == UPDATE else ("size", "a condition")
    if name != allowed and name in ("if_not_exists", "size"):
        raise reader.invalid(f"The function is not allowed in {where} expression; function: {name}")
    if name != allowed:
        raise Unsupported(reader.text)
    reader.operator()
    reader.take("(")
    get = _getter(reader.path())
    if name == "size":
        reader.take(")")

        def size(item: Item, names: Names, values: Values) -> Any:
            found = get(item, names, values)
            if found is None:
                return None
            [(kind, content)] = found.items()
            return {"N": str(len(content.encode() if kind == "S" else content))} if kind in ("S", "M", "L") else None

        return size
    reader.take(",")
    instead = _operand(reader).get
    reader.take(")")
    return lambda item, names, values: found if (found := get(item, names, values)) else instead(item, names, values)


# ---------------------------------------------------------------- conditions


def _either(reader: _Reader) -> Condition:
    parts = [_both(reader)]
    while reader.taken("OR"):
        reader.operator()
        parts.append(_both(reader))
    if len(parts) == 1:
        return parts[0]
    return lambda item, names, values: any(part(item, names, values) for part in parts)


def _both(reader: _Reader) -> Condition:
    parts = [_negation(reader)]
    while reader.taken("AND"):
        reader.operator()
        parts.append(_negation(reader))
    if len(parts) == 1:
        return parts[0]
    return lambda item, names, values: all(part(item, names, values) for part in parts)


def _negation(reader: _Reader) -> Condition:
    if reader.taken("NOT"):
        reader.operator()
        part = _negation(reader)
        return lambda item, names, values: not part(item, names, values)
    return _clause(reader)


def _clause(reader: _Reader) -> Condition:
    if reader.taken("("):
        opened = reader.at
        inside = _either(reader)
        if reader.tokens[opened] == "(" and _closes(reader.tokens, opened) == reader.at - 1:
            raise reader.invalid("The expression has redundant parentheses;")
        reader.take(")")
        return inside
    if reader.next in ("attribute_exists", "attribute_not_exists"):
        there = reader.take() == "attribute_exists"
        reader.operator()
        reader.take("(")
        if reader.next.startswith(":"):
            function = "attribute_exists" if there else "attribute_not_exists"
            raise reader.invalid(f"Operator or function requires a document path; operator or function: {function}")
        get = _getter(reader.path())
        reader.take(")")
        return lambda item, names, values: (get(item, names, values) is not None) is there
    left = _operand(reader)
    operator = reader.take().upper()
    reader.operator()
    if operator == "BETWEEN":
        low = _operand(reader)
        reader.take("AND")
        high = _operand(reader)
        _hold_to_order(reader, operator, left, low, high)
        if low.value and high.value:
            reader.ranges.append((low.value, high.value))

        def between(item: Item, names: Names, values: Values) -> bool:
            found, least, most = (operand.get(item, names, values) for operand in (left, low, high))
            return compare(">=", found, least) and compare("<=", found, most)

        return between
    if operator not in _COMPARE:
        raise Unsupported(reader.text)
    right = _operand(reader)
    if operator not in ("=", "<>"):
        _hold_to_order(reader, operator, left, right)
    if left.path is not None and left.path == right.path:
        raise reader.invalid(
            "The first operand must be distinct from the remaining operands for this operator or function; "
            f"operator: {operator}, first operand: {_shown(left.path)}"
        )
    # size() of a value without a size compares as false.
    return lambda item, names, values: compare(operator, left.get(item, names, values), right.get(item, names, values))


def _hold_to_order(reader: _Reader, operator: str, *operands: _Operand) -> None:
    """Demand that the operands have an order: text, numbers or bytes."""
    for operand in operands:
        if operand.value:
            reader.want(operand.value, "S N B", f"operator or function: {operator}")


def _closes(tokens: list[str], opened: int) -> int:
    depth = 0
    for at in range(opened, len(tokens)):
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        if depth == 0:
            return at
    return -1


@cache
def _condition(text: str, kind: str = CONDITION) -> tuple[Condition, Uses]:
    reader = _Reader(text, kind)
    parsed = _either(reader)
    reader.end()
    return parsed, reader.uses


def _filter(text: str) -> tuple[Condition, Uses]:
    return _condition(text, FILTER)


def holds(text: str, item: Item, names: Names, values: Values) -> bool:
    """Whether a condition or a filter holds for an item, `{}` if it is missing. Raises Invalid, Unsupported."""
    return _condition(text)[0](item, names, values)


# ---------------------------------------------------------------- key conditions


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A KeyConditionExpression: a partition and the bounds of the sort key, as names of values."""

    partition: tuple[str, str]
    sort: str | None = None
    low: str | None = None
    high: str | None = None


@cache
def key_range(text: str) -> tuple[KeyRange, Uses]:
    """Parse a KeyConditionExpression; return it with the names and values that it uses. Raises Invalid, Unsupported."""
    reader = _Reader(text, KEY_CONDITION)
    for token in reader.tokens:
        if token.upper() in ("OR", "NOT", "<>", "IN"):
            raise Invalid(f"Invalid operator used in KeyConditionExpression: {token.upper()}")
    if "." in reader.tokens:
        raise Invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    [pk] = reader.path()
    if reader.next != "=":
        raise Invalid("Query key condition not supported")
    reader.take("=")
    partition = (pk, reader.value())
    found = KeyRange(partition)
    if reader.taken("AND"):
        [sort] = reader.path()
        if sort == pk:
            raise Invalid("KeyConditionExpressions must only contain one condition per key")
        match reader.take().upper():
            case "BETWEEN":
                low = reader.value()
                reader.take("AND")
                found = KeyRange(partition, sort, low, reader.value())
                reader.ranges.append((low, found.high or ""))
            case ">=":
                found = KeyRange(partition, sort, low=reader.value())
            case "<=":
                found = KeyRange(partition, sort, high=reader.value())
            case _:
                raise Unsupported(text)
        if reader.taken("AND"):
            raise Invalid("Conditions can be of length 1 or 2 only")
    reader.end()
    return found, reader.uses


# ---------------------------------------------------------------- updates

_CLAUSES = ("SET", "ADD", "REMOVE")


@dataclass(frozen=True, slots=True)
class _Update:
    sets: tuple[tuple[DocumentPath, Operand], ...]
    adds: tuple[tuple[DocumentPath, str], ...]
    removes: tuple[str, ...]

    @property
    def written(self) -> list[DocumentPath]:
        """The paths that the update writes."""
        return [*(path for path, _ in self.sets), *((name,) for name in self.removes), *(path for path, _ in self.adds)]


def _assigned(reader: _Reader) -> Operand:
    left = _operand(reader)
    sign = reader.taken("+", "-")
    if not sign:
        return left.get
    reader.operator()
    right = _operand(reader)
    for operand in (left, right):
        if operand.value:
            reader.want(operand.value, "N", f"operator or function: {sign}")

    def arithmetic(item: Item, names: Names, values: Values) -> Any:
        numbers = [operand.get(item, names, values) for operand in (left, right)]
        if None in numbers:
            raise Invalid(NO_ATTRIBUTE)
        if not all("N" in number for number in numbers):
            raise Invalid(BAD_OPERAND)
        first, second = (int(number["N"]) for number in numbers)
        return {"N": str(first + second if sign == "+" else first - second)}

    return arithmetic


@cache
def _update(text: str) -> tuple[_Update, Uses]:
    reader = _Reader(text, UPDATE)
    sets: list[tuple[DocumentPath, Operand]] = []
    adds: list[tuple[DocumentPath, str]] = []
    removes: list[str] = []
    seen = set()
    while clause := reader.taken(*_CLAUSES):
        if clause in seen:
            raise reader.invalid(f'The "{clause}" section can only be used once in an update expression;')
        seen.add(clause)
        while True:
            path = reader.path()
            if clause == "SET":
                reader.take("=")
                sets.append((path, _assigned(reader)))
            elif clause == "ADD":
                value = reader.value()
                reader.want(value, "N SS NS BS", "operator: ADD")
                adds.append((path, value))
            elif len(path) == 1:
                removes.append(path[0])
            else:
                raise Unsupported(text)
            if not reader.taken(","):
                break
    reader.end()
    update = _Update(tuple(sets), tuple(adds), tuple(removes))
    _hold_apart(UPDATE, update.written)
    return update, reader.uses


def _hold_apart(kind: str, paths: list[DocumentPath]) -> None:
    """Raise Invalid if one path is another, or leads into it."""
    for at, second in enumerate(paths):
        for first in paths[:at]:
            shared = min(len(first), len(second))
            if first[:shared] == second[:shared]:
                raise Invalid(
                    f"Invalid {kind}: Two document paths overlap with each other; must remove or rewrite one of these "
                    f"paths; path one: {_shown(first)}, path two: {_shown(second)}"
                )


def _shown(path: DocumentPath) -> str:
    return f"[{', '.join(path)}]"


def updated(text: str, item: Item, names: Names, values: Values) -> dict[str, Any]:
    """Return the item after an UpdateExpression. The given item is not changed. Raises Invalid, Unsupported."""
    update, _ = _update(text)
    new = dict(item)
    # Right-hand sides read the item before the update.
    assigned = [(path, operand(item, names, values)) for path, operand in update.sets]
    for path, value in assigned:
        if value is None:
            raise Invalid(NO_ATTRIBUTE)
        parent, last = _own(new, path, names)
        parent[last] = value
    for name in update.removes:
        new.pop(names.get(name, name), None)
    for path, value_name in update.adds:
        added = values[value_name]
        before = _getter(path)(item, names, values)
        if "N" not in added or (before is not None and "N" not in before):
            raise Invalid(BAD_OPERAND)
        parent, last = _own(new, path, names)
        parent[last] = {"N": str(int(before["N"] if before else 0) + int(added["N"]))}
    return new


@lru_cache(maxsize=4096)
def update_targets(text: str, names: frozenset[tuple[str, str]] = frozenset()) -> frozenset[str]:
    """Return the attributes that an UpdateExpression writes. Raises Invalid, Unsupported."""
    given = dict(names)
    return frozenset(given.get(path[0], path[0]) for path in _update(text)[0].written)


def _own(new: dict[str, Any], path: tuple[str, ...], names: Names) -> tuple[dict[str, Any], str]:
    """Return the map that holds the last part of the path, and that part's name. The maps on the path are copied."""
    parts = [names.get(part, part) for part in path]
    holder = new
    for part in parts[:-1]:
        inner = holder.get(part)
        if inner is None or "M" not in inner:
            raise Invalid(BAD_PATH)
        copied = dict(inner["M"])
        holder[part] = {"M": copied}
        holder = copied
    return holder, parts[-1]


# ---------------------------------------------------------------- projections


@cache
def _projection(text: str) -> tuple[tuple[str, ...], Uses]:
    reader = _Reader(text, PROJECTION)
    shown = []
    while True:
        path = reader.path()
        if len(path) != 1:
            raise Unsupported(text)
        shown.append(path[0])
        if not reader.taken(","):
            break
    reader.end()
    _hold_apart(PROJECTION, [(name,) for name in shown])
    return tuple(shown), reader.uses


def projection(text: str, names: Names) -> list[str]:
    """Return the top-level attributes of a ProjectionExpression. Raises Invalid, Unsupported."""
    return [names.get(name, name) for name in _projection(text)[0]]


def filtered(text: str, names: Names) -> set[str]:
    """Return the attributes that a FilterExpression looks at."""
    return {names.get(part, part) for part in _filter(text)[1].attributes}


# ---------------------------------------------------------------- names and values of a request

_USES: dict[str, Callable[[str], tuple[Any, Uses]]] = {
    CONDITION: _condition,
    FILTER: _filter,
    KEY_CONDITION: key_range,
    PROJECTION: _projection,
    UPDATE: _update,
}


@cache
def _uses(texts: tuple[tuple[str, str], ...]) -> tuple[frozenset[str], frozenset[str], tuple[Uses, ...]]:
    """Return the names and values that some expressions use, each with its kind, and what each demands."""
    parts = tuple(_USES[kind](text)[1] for kind, text in texts)
    names = frozenset().union(*(part.names for part in parts))
    return names, frozenset().union(*(part.values for part in parts)), parts


@lru_cache(maxsize=4096)
def _check_paths(kind: str, text: str, names: frozenset[tuple[str, str]]) -> None:
    """Refuse overlapping paths of an update or a projection, now that the names are known."""
    given = dict(names)
    paths = _update(text)[0].written if kind == UPDATE else [(name,) for name in _projection(text)[0]]
    _hold_apart(kind, [tuple(given.get(part, part) for part in path) for path in paths])


def check(request: Mapping[str, Any], *kinds: str) -> None:
    """Refuse expressions, and their names and values, that break a rule of DynamoDB. Raises Invalid, Unsupported.

    `kinds` are the expressions that this request or action may have. A text is parsed once in a process, so a request
    costs the comparison of its names and the types of its values.
    """
    texts = tuple([(kind, request[kind]) for kind in kinds if kind in request])
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    if not texts and not names and not values:
        return
    used_names, used_values, parts = _uses(texts)
    if names.keys() != used_names or values.keys() != used_values:
        _refuse_names(texts, names, values)
    if names:
        for kind, text in texts:
            if kind in (UPDATE, PROJECTION):
                _check_paths(kind, text, frozenset(names.items()))
    for (kind, _), part in zip(texts, parts, strict=True):
        for name, wanted, message in part.wants:
            [given] = values[name]
            if given not in wanted:
                raise Invalid(f"{message} {given}")
        for low, high in part.ranges:
            _check_range(kind, values[low], values[high])


def _check_range(kind: str, low: Mapping[str, Any], high: Mapping[str, Any]) -> None:
    """Refuse bounds of BETWEEN that have two types or the wrong order."""
    shown = f"lower bound operand: AttributeValue: {_value(low)}, upper bound operand: AttributeValue: {_value(high)}"
    if low.keys() != high.keys():
        demand = "same data type for lower and upper bounds"
    elif not compare("<=", low, high):
        demand = "upper bound to be greater than or equal to lower bound"
    else:
        return
    raise Invalid(f"Invalid {kind}: The BETWEEN operator requires {demand}; {shown}")


def _value(value: Mapping[str, Any]) -> str:
    [(kind, content)] = value.items()
    return f"{{{kind}:{content}}}"


def _refuse_names(texts: tuple[tuple[str, str], ...], names: Names, values: Values) -> None:
    """Raise Invalid: names or values are given and not used, or used and not given."""
    for kind, given in (("Values", values), ("Names", names)):
        if given and not texts:
            raise Invalid(f"ExpressionAttribute{kind} can only be specified when using expressions")
    for kind, text in texts:
        uses = _USES[kind](text)[1]
        for name in sorted(uses.names - names.keys()):
            raise Invalid(
                f"Invalid {kind}: An expression attribute name used in the document path is not defined; "
                f"attribute name: {name}"
            )
        for name in sorted(uses.values - values.keys()):
            raise Invalid(
                f"Invalid {kind}: An expression attribute value used in expression is not defined; "
                f"attribute value: {name}"
            )
    used = [_USES[kind](text)[1] for kind, text in texts]
    for kind, given, wanted in (
        ("Values", values, [name for one in used for name in one.values]),
        ("Names", names, [name for one in used for name in one.names]),
    ):
        unused = [name for name in given if name not in wanted]
        if unused:
            raise Invalid(
                f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{', '.join(unused)}}}"
            )
