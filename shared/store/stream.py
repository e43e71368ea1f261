"""Parse records of the table's stream. The filters in template.yaml decide which records a function gets."""

from collections.abc import Mapping
from typing import Any

from shared.domain.order import Order
from shared.domain.payment import Payment
from shared.store import keys, orders, payments
from shared.store.attributes import item_from_dynamodb


def order_change(record: Mapping[str, Any]) -> tuple[Order | None, Order]:
    """Return the order before and after a change; None before its creation."""
    images = record["dynamodb"]
    before = orders.from_item(item_from_dynamodb(images["OldImage"])) if "OldImage" in images else None
    return before, orders.from_item(item_from_dynamodb(images["NewImage"]))


def is_payment(record: Mapping[str, Any]) -> bool:
    """Whether the record is about a payment. Otherwise it is about an order."""
    is_one: bool = record["dynamodb"]["NewImage"]["sk"]["S"] == keys.PAYMENT
    return is_one


def payment_change(record: Mapping[str, Any]) -> tuple[Payment | None, Payment]:
    """Return the payment before and after a change; None before its creation."""
    images = record["dynamodb"]
    before = payments.from_item(item_from_dynamodb(images["OldImage"])) if "OldImage" in images else None
    return before, payments.from_item(item_from_dynamodb(images["NewImage"]))


def removed_lock(record: Mapping[str, Any]) -> tuple[str, int]:
    """Return the id of the order that held a removed contact lock, and the end of its hour, epoch ms."""
    lock = item_from_dynamodb(record["dynamodb"]["OldImage"])
    return lock["order_id"], lock["expires_at"]
