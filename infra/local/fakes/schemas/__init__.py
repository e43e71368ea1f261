"""The providers' documented request schemas, one JSON file each, and their check.

A file has `source`, `methods` (a JSON Schema of each method's parameters) and `types`, to which `$ref` points by name.
Two keywords are not of JSON Schema: `minBytes` and `maxBytes` limit a string's UTF-8. Unknown parameters are refused,
also where the provider would ignore them: nobody would notice a misspelled one.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

Limit = Callable[[Any, int, Any, Any], Iterator[ValidationError]]


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a request: the path of the value, and the rule that it breaks. It never repeats the value."""

    path: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}" if self.path else self.rule


def _bytes(is_broken: Callable[[int, int], bool]) -> Limit:
    def check(_: Any, limit: int, value: Any, __: Any) -> Iterator[ValidationError]:
        if isinstance(value, str) and is_broken(len(value.encode()), limit):
            yield ValidationError("")

    return check


# JSON Schema takes 1.0 for an integer. A provider that parses digits does not.
_Validator = extend(
    Draft202012Validator,
    {"minBytes": _bytes(int.__lt__), "maxBytes": _bytes(int.__gt__)},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)


class Schema:
    """One provider's schema, by the name of its file."""

    def __init__(self, provider: str) -> None:
        found = json.loads(Path(__file__).with_name(f"{provider}.json").read_text())
        self._types: Mapping[str, Any] = found["types"]
        self.methods: Mapping[str, Any] = {name: self._inlined(each) for name, each in found["methods"].items()}
        self._validators = {name: _Validator(each) for name, each in self.methods.items()}

    def _inlined(self, node: Any) -> Any:
        """Replace each reference by what it names: following references took half of the time of a check."""
        if isinstance(node, list):
            return [self._inlined(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return self._inlined({**self._types[node["$ref"]], **{k: v for k, v in node.items() if k != "$ref"}})
        return {name: self._inlined(each) for name, each in node.items()}

    def mistake(self, method: str, given: Any) -> Mistake | None:
        """Return what is wrong with the parameters of a method that the schema has; None if nothing is."""
        validator = self._validators[method]
        if validator.is_valid(given):
            return None
        error = best_match(validator.iter_errors(given))
        assert error is not None  # noqa: S101 - it is not valid
        path, rule = [str(part) for part in error.absolute_path], error.validator
        if rule == "required":
            path += [next(name for name in error.validator_value if name not in error.instance)]
        elif rule == "dependentRequired":
            needed = [name for of, names in error.validator_value.items() if of in error.instance for name in names]
            path += [next(name for name in needed if name not in error.instance)]
        elif rule == "additionalProperties":
            path += [next(name for name in error.instance if name not in error.schema["properties"])]
            rule = "unknown"
        elif isinstance(error.validator_value, str | int):
            rule = f"{rule} {error.validator_value}"
        return Mistake(".".join(path), str(rule))


@cache
def schema(provider: str) -> Schema:
    """Return a provider's schema, read once."""
    return Schema(provider)
