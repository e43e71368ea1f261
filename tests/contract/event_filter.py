"""The grammar of Lambda's event filters: which records a pattern lets pass.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
"""

from collections.abc import Callable, Mapping
from typing import Any

MAX_FILTERS, MAX_PATTERN = 5, 4096
"""Filters of an event source, without an increase of the quota, and characters of a pattern."""

_MISSING = object()
_NUMERIC: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda number, bound: number == bound,
    "<": lambda number, bound: number < bound,
    "<=": lambda number, bound: number <= bound,
    ">": lambda number, bound: number > bound,
    ">=": lambda number, bound: number >= bound,
}


class NotAPattern(Exception):
    """Lambda would refuse the pattern. The message says why."""


def passes(record: Any, pattern: Any) -> bool:
    """Whether the record passes the filter: every field of the pattern matches. Raises NotAPattern."""
    if not isinstance(pattern, dict) or not pattern:
        raise NotAPattern(f"{pattern!r} is no object with fields")
    # Each field is looked at, so that an invalid pattern is refused whatever the record is.
    matches = [_field(record, name, part) for name, part in pattern.items()]
    return all(matches)


def _field(record: Any, name: str, part: Any) -> bool:
    if name == "$or":
        if not isinstance(part, list) or len(part) < 2:
            raise NotAPattern("$or needs two alternatives")
        alternatives = [passes(record, each) for each in part]
        return any(alternatives)
    value = record.get(name, _MISSING) if isinstance(record, dict) else _MISSING
    if isinstance(part, dict):
        return passes(value, part)
    if not isinstance(part, list) or not part:
        raise NotAPattern(f"{name}: {part!r} is no list of values")
    # A list of values in the record matches if one of them does.
    values = value if isinstance(value, list) else [value]
    matches = [_matches(each, one) for one in part for each in values]
    return any(matches)


def _matches(value: Any, wanted: Any) -> bool:  # noqa: PLR0911 - one case for each comparison of the grammar
    match wanted:
        case None | str() | bool() | int() | float():
            return value is not _MISSING and type(value) is type(wanted) and value == wanted
        case {"exists": bool() as exists, **rest} if not rest:
            return isinstance(value, dict | list) is False and (value is not _MISSING) is exists
        case {"prefix": str() as start, **rest} if not rest:
            return isinstance(value, str) and value.startswith(start)
        case {"suffix": str() as end, **rest} if not rest:
            return isinstance(value, str) and value.endswith(end)
        case {"equals-ignore-case": str() as text, **rest} if not rest:
            return isinstance(value, str) and value.lower() == text.lower()
        case {"anything-but": list() as others, **rest} if others and not rest:
            return value is not _MISSING and not any(_matches(value, each) for each in others)
        case {"numeric": list() as parts, **rest} if parts and len(parts) in (2, 4) and not rest:
            bounds = list(zip(parts[::2], parts[1::2], strict=True))
            if any(sign not in _NUMERIC or not isinstance(bound, int | float) for sign, bound in bounds):
                raise NotAPattern(f"{parts!r} is no range of numbers")
            return isinstance(value, int | float) and all(_NUMERIC[sign](value, bound) for sign, bound in bounds)
    raise NotAPattern(f"{wanted!r} is no comparison")
