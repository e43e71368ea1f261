"""DynamoDB's expressions, as far as `shared/store` writes them: each text is parsed once into closures.

Items and values are in DynamoDB's notation (`{"N": "5"}`) throughout. Syntax that the store does not use is
not implemented and raises Unsupported.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Item = Mapping[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Condition = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], Any]


class Unsupported(NotImplementedError):
    """An expression uses syntax that this fake does not implement."""


class Invalid(Exception):
    """DynamoDB's ValidationException; in a transaction, the reason of one item."""


BAD_PATH = "The document path provided in the update expression is invalid for update"
BAD_OPERAND = "An operand in the update expression has an incorrect data type"
NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"

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


class _Reader:
    """The tokens of an expression, and the names and values that it uses."""

    def __init__(self, text: str) -> None:
        self.text = text
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
        self.uses: set[str] = set()

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

    def path(self) -> tuple[str, ...]:
        """Read a document path. A part that begins with # is a name of the request."""
        parts = [self.take()]
        while self.taken("."):
            parts.append(self.take())
        if not all(re.fullmatch("#?[A-Za-z_][A-Za-z0-9_]*", part) for part in parts):
            raise Unsupported(self.text)
        self.uses.update(part for part in parts if part.startswith("#"))
        return tuple(parts)

    def value(self) -> str:
        """Read a value of the request."""
        name = self.take()
        if not name.startswith(":"):
            raise Unsupported(self.text)
        self.uses.add(name)
        return name

    def end(self) -> None:
        if self.next:
            raise Unsupported(self.text)


def _getter(path: tuple[str, ...]) -> Operand:
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


def _operand(reader: _Reader) -> Operand:
    if reader.next.startswith(":"):
        value = reader.value()
        return lambda item, names, values: values[value]
    if reader.next == "size" and reader.tokens[reader.at + 1] == "(":
        reader.take()
        reader.take("(")
        get = _getter(reader.path())
        reader.take(")")

        def size(item: Item, names: Names, values: Values) -> Any:
            found = get(item, names, values)
            if found is None:
                return None
            [(kind, content)] = found.items()
            return {"N": str(len(content.encode() if kind == "S" else content))} if kind in ("S", "M", "L") else None

        return size
    if reader.next == "if_not_exists":
        reader.take()
        reader.take("(")
        get = _getter(reader.path())
        reader.take(",")
        instead = _operand(reader)
        reader.take(")")
        return lambda item, names, values: (
            found if (found := get(item, names, values)) else instead(item, names, values)
        )
    return _getter(reader.path())


# ---------------------------------------------------------------- conditions


def _either(reader: _Reader) -> Condition:
    parts = [_both(reader)]
    while reader.taken("OR"):
        parts.append(_both(reader))
    if len(parts) == 1:
        return parts[0]
    return lambda item, names, values: any(part(item, names, values) for part in parts)


def _both(reader: _Reader) -> Condition:
    parts = [_negation(reader)]
    while reader.taken("AND"):
        parts.append(_negation(reader))
    if len(parts) == 1:
        return parts[0]
    return lambda item, names, values: all(part(item, names, values) for part in parts)


def _negation(reader: _Reader) -> Condition:
    if reader.taken("NOT"):
        part = _negation(reader)
        return lambda item, names, values: not part(item, names, values)
    return _clause(reader)


def _clause(reader: _Reader) -> Condition:
    if reader.taken("("):
        opened = reader.at
        inside = _either(reader)
        if reader.tokens[opened] == "(" and _closes(reader.tokens, opened) == reader.at - 1:
            raise Invalid("Invalid ConditionExpression: The expression has redundant parentheses;")
        reader.take(")")
        return inside
    if reader.next in ("attribute_exists", "attribute_not_exists"):
        there = reader.take() == "attribute_exists"
        reader.take("(")
        get = _getter(reader.path())
        reader.take(")")
        return lambda item, names, values: (get(item, names, values) is not None) is there
    left = _operand(reader)
    operator = reader.take()
    if operator == "BETWEEN":
        low = _operand(reader)
        reader.take("AND")
        high = _operand(reader)

        def between(item: Item, names: Names, values: Values) -> bool:
            found, least, most = (operand(item, names, values) for operand in (left, low, high))
            if not compare("<=", least, most):
                raise Unsupported(reader.text)
            return compare(">=", found, least) and compare("<=", found, most)

        return between
    if operator not in _COMPARE:
        raise Unsupported(reader.text)
    right = _operand(reader)
    # size() of a value without a size compares as false.
    return lambda item, names, values: compare(operator, left(item, names, values), right(item, names, values))


def _closes(tokens: list[str], opened: int) -> int:
    depth = 0
    for at in range(opened, len(tokens)):
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        if depth == 0:
            return at
    return -1


@cache
def _condition(text: str) -> tuple[Condition, frozenset[str]]:
    reader = _Reader(text)
    parsed = _either(reader)
    reader.end()
    return parsed, frozenset(reader.uses)


def holds(text: str, item: Item, names: Names, values: Values) -> bool:
    """Whether a ConditionExpression holds for an item, `{}` if missing. Raises Invalid, Unsupported."""
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
def key_range(text: str) -> tuple[KeyRange, frozenset[str]]:
    """Parse a KeyConditionExpression; return it with the names and values that it uses. Raises Unsupported."""
    reader = _Reader(text)
    [pk] = reader.path()
    reader.take("=")
    partition = (pk, reader.value())
    found = KeyRange(partition)
    if reader.taken("AND"):
        [sort] = reader.path()
        match reader.take().upper():
            case "BETWEEN":
                low = reader.value()
                reader.take("AND")
                found = KeyRange(partition, sort, low, reader.value())
            case ">=":
                found = KeyRange(partition, sort, low=reader.value())
            case "<=":
                found = KeyRange(partition, sort, high=reader.value())
            case _:
                raise Unsupported(text)
    reader.end()
    return found, frozenset(reader.uses)


# ---------------------------------------------------------------- updates

_CLAUSES = ("SET", "ADD", "REMOVE")


@dataclass(frozen=True, slots=True)
class _Update:
    sets: tuple[tuple[tuple[str, ...], Operand], ...]
    adds: tuple[tuple[tuple[str, ...], str], ...]
    removes: tuple[str, ...]


def _assigned(reader: _Reader) -> Operand:
    left = _operand(reader)
    sign = reader.taken("+", "-")
    if not sign:
        return left
    right = _operand(reader)

    def arithmetic(item: Item, names: Names, values: Values) -> Any:
        numbers = [operand(item, names, values) for operand in (left, right)]
        if None in numbers:
            raise Invalid(NO_ATTRIBUTE)
        if not all("N" in number for number in numbers):
            raise Invalid(BAD_OPERAND)
        first, second = (int(number["N"]) for number in numbers)
        return {"N": str(first + second if sign == "+" else first - second)}

    return arithmetic


@cache
def _update(text: str) -> tuple[_Update, frozenset[str]]:
    reader = _Reader(text)
    sets: list[tuple[tuple[str, ...], Operand]] = []
    adds: list[tuple[tuple[str, ...], str]] = []
    removes: list[str] = []
    while clause := reader.taken(*_CLAUSES):
        while True:
            path = reader.path()
            if clause == "SET":
                reader.take("=")
                sets.append((path, _assigned(reader)))
            elif clause == "ADD":
                adds.append((path, reader.value()))
            elif len(path) == 1:
                removes.append(path[0])
            else:
                raise Unsupported(text)
            if not reader.taken(","):
                break
    reader.end()
    return _Update(tuple(sets), tuple(adds), tuple(removes)), frozenset(reader.uses)


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


def update_targets(text: str, names: Names) -> list[str]:
    """Return the attributes that an UpdateExpression writes. Raises Unsupported."""
    update, _ = _update(text)
    written = [*(path[0] for path, _ in update.sets), *update.removes, *(path[0] for path, _ in update.adds)]
    return [names.get(name, name) for name in written]


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


def projection(text: str, names: Names) -> list[str]:
    """Return the top-level attributes of a ProjectionExpression. Raises Invalid, Unsupported."""
    reader = _Reader(text)
    shown = []
    while True:
        path = reader.path()
        if len(path) != 1:
            raise Unsupported(text)
        shown.append(path[0])
        if not reader.taken(","):
            break
    reader.end()
    check_exact(frozenset(reader.uses), frozenset(), names, {})
    return [names.get(name, name) for name in shown]


# ---------------------------------------------------------------- names and values of a request


@cache
def _used(condition: str | None, update: str | None) -> tuple[frozenset[str], frozenset[str]]:
    used: frozenset[str] = frozenset()
    if condition is not None:
        used |= _condition(condition)[1]
    if update is not None:
        used |= _update(update)[1]
    return _split(used)


def _split(used: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(name for name in used if name[0] == "#"), frozenset(name for name in used if name[0] == ":")


def check_given(condition: str | None, update: str | None, names: Names, values: Values) -> None:
    """Reject unused names and values, and expressions with undefined names, as DynamoDB does.

    Raises Invalid, Unsupported.
    """
    used_names, used_values = _used(condition, update)
    check_exact(used_names, used_values, names, values)


def check_exact(used_names: frozenset[str], used_values: frozenset[str], names: Names, values: Values) -> None:
    """Compare given with used names. Raises Invalid if they differ."""
    if names.keys() == used_names and values.keys() == used_values:
        return
    for kind, given, used in (("Values", values, used_values), ("Names", names, used_names)):
        unused = [name for name in given if name not in used]
        if unused:
            raise Invalid(
                f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{', '.join(unused)}}}"
            )
    raise Invalid("An expression uses a name or value that is not given")
