"""Values converted to DynamoDB's notation and back."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.order import Status
from shared.store.attributes import from_dynamodb, item_from_dynamodb, item_to_dynamodb, to_dynamodb

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
)


@given(VALUES)
def test_a_stored_value_is_read_back_equal(value: Any) -> None:
    assert from_dynamodb(to_dynamodb(value)) == value
    assert item_from_dynamodb(item_to_dynamodb({"value": value})) == {"value": value}


@given(VALUES)
def test_the_notation_equals_that_of_the_sdk(value: Any) -> None:
    assert to_dynamodb(value) == TypeSerializer().serialize(value)
    assert from_dynamodb(to_dynamodb(value)) == TypeDeserializer().deserialize(to_dynamodb(value))


def test_true_is_not_a_number_and_a_status_is_text() -> None:
    assert to_dynamodb(True) == {"BOOL": True}
    assert from_dynamodb({"BOOL": False}) is False
    assert to_dynamodb(Status.ACTIVE) == {"S": "active"}
    assert type(to_dynamodb(Status.ACTIVE)["S"]) is str
    assert to_dynamodb(("a",)) == {"L": [{"S": "a"}]}


@pytest.mark.parametrize("value", [1.5, Decimal(1), b"", {1, 2}, object()])
def test_a_value_that_cannot_be_stored_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_dynamodb(value)


def test_a_notation_that_cannot_be_read_is_refused() -> None:
    for value in ({"SS": ["a"]}, {"B": b""}):
        with pytest.raises(TypeError):
            from_dynamodb(value)
