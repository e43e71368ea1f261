"""The personal data that is stored about one user."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from shared.domain.money import LedgerEntry
from shared.domain.operators import Note
from shared.domain.order import Order
from shared.domain.review import Complaint, Review
from shared.domain.support import Message
from shared.domain.user import User

List = Literal["orders", "taken_orders", "reviews_written", "reviews_received", "transactions", "support_messages"]
LISTS: tuple[List, ...] = get_args(List)
"""The lists of an export, in its order."""

PAGE = 100
"""The most entries of these lists on a page of an export. 100 of the longest orders are some 2 MB, of 6 MB allowed."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of an export begins: a list, and the sort key of the first entry there."""

    list: List
    sort_key: str


@dataclass(frozen=True, slots=True)
class Person:
    """A user with orders, takes, reviews, complaints, ledger and messages, and the reviews received; all or one page.

    `taken_orders` are ids. `offered_orders` are ids of new orders that the bot sent to the user or is about to send.
    `notes` are the operators'.
    """

    user: User
    orders: list[Order]
    taken_orders: list[str]
    reviews_written: list[Review]
    reviews_received: list[Review]
    complaints: list[Complaint]
    entries: list[LedgerEntry]
    offered_orders: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    support_messages: list[Message] = field(default_factory=list)
