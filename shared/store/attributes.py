"""Conversion between Python values and DynamoDB's attribute values.

boto3's serializer turns every number into a Decimal and costs more than the rest of a read. The table holds only
integers, text, booleans, lists, maps and nulls, so this short conversion is enough.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


def to_dynamodb(value: object) -> "AttributeValueTypeDef":
    """Return one value in DynamoDB's notation. Raises TypeError for a type that the table does not hold."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case Mapping():
            return {"M": item_to_dynamodb(value)}
        case list() | tuple():
            return {"L": [to_dynamodb(element) for element in value]}
    raise TypeError(f"DynamoDB is not given a {type(value).__name__} here")


def item_to_dynamodb(item: Mapping[str, object]) -> "dict[str, AttributeValueTypeDef]":
    """Return an item, or the values of an expression, in DynamoDB's notation."""
    return {name: to_dynamodb(value) for name, value in item.items()}


class _Readers(dict[str, Callable[[Any], Any]]):
    """From DynamoDB's type name to the function that converts a value of this type to Python."""

    def __missing__(self, kind: str) -> Callable[[Any], Any]:
        raise TypeError(f"the table holds no {kind}")


def from_dynamodb(value: Mapping[str, Any]) -> Any:
    """Return one DynamoDB value as a Python value. Raises TypeError for a type that the table does not hold."""
    [(kind, content)] = value.items()
    return _READERS[kind](content)


def item_from_dynamodb(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a DynamoDB item as a Python dict."""
    # A page has a thousand values, most of them text, so text is converted without a function call.
    return {
        name: content if kind == "S" else _READERS[kind](content)
        for name, value in item.items()
        for kind, content in value.items()
    }


_READERS = _Readers(
    S=str,
    N=int,
    BOOL=bool,
    M=item_from_dynamodb,
    L=lambda elements: [from_dynamodb(element) for element in elements],
    NULL=lambda _: None,
)
