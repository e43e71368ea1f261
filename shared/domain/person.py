"""What is kept of one person and is about him."""

from dataclasses import dataclass

from shared.domain.money import LedgerEntry
from shared.domain.order import Order
from shared.domain.review import Complaint, Review
from shared.domain.user import User


@dataclass(frozen=True, slots=True)
class Person:
    """A user, what he posted, took, wrote and paid, and what was written of him.

    `taken_orders` are ids, as are `offered_orders`: the new ones that the bot told him of, or is about to.
    """

    user: User
    orders: list[Order]
    taken_orders: list[str]
    reviews_written: list[Review]
    reviews_received: list[Review]
    complaints: list[Complaint]
    entries: list[LedgerEntry]
    offered_orders: list[str]
