"""The personal data that is stored about one user."""

from dataclasses import dataclass

from shared.domain.money import LedgerEntry
from shared.domain.order import Order
from shared.domain.review import Complaint, Review
from shared.domain.user import User


@dataclass(frozen=True, slots=True)
class Person:
    """A user with their orders, takes, reviews, complaints and payments, and the reviews that they received.

    `taken_orders` are ids. `offered_orders` are ids of new orders that the bot sent to the user or is about to send.
    """

    user: User
    orders: list[Order]
    taken_orders: list[str]
    reviews_written: list[Review]
    reviews_received: list[Review]
    complaints: list[Complaint]
    entries: list[LedgerEntry]
    offered_orders: list[str]
