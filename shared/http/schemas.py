"""Models that more than one function reads or answers with, and the types of their fields.

Answers are closed (`extra="forbid"`): the OpenAPI then says that there is nothing else in them, and a test holds
the responses to it.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

from shared import ids
from shared.domain import cities
from shared.domain import contact as contacts
from shared.domain.durations import MINUTE_MS
from shared.domain.errors import InvalidContact, OrderNotFound, PaymentNotFound
from shared.domain.init_data import MAX_USER_ID, TelegramUser
from shared.domain.money import EntryType, LedgerEntry
from shared.domain.operators import MAX_REASON, MIN_REASON, Action
from shared.domain.order import (
    CATEGORIES,
    MAX_DESCRIPTION,
    MIN_DESCRIPTION,
    Order,
    Status,
    may_see_contact,
    status_at,
)
from shared.domain.person import Person
from shared.domain.review import MAX_COMMENT, Complaint, Review
from shared.domain.user import User
from shared.error_responses import ERROR_RESPONSES


class View(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


# ---------------------------------------------------------------- fields


def _printable(text: str) -> str:
    if any(character < " " and character not in "\n\r\t" for character in text):
        raise PydanticCustomError("control_character", "Недопустимые символы")
    return text


def _known_city(name: str) -> str:
    if not cities.is_city(name):
        raise PydanticCustomError("unknown_city", "Такого города нет в списке")
    return name


def _known_category(name: str) -> str:
    if name not in CATEGORIES:
        raise PydanticCustomError("unknown_category", "Такой категории нет")
    return name


def _contact(typed: object) -> contacts.Contact:
    if not isinstance(typed, str):
        raise PydanticKnownError("string_type")
    try:
        return contacts.parse(typed)
    except InvalidContact:
        raise PydanticCustomError("invalid_contact", ERROR_RESPONSES[InvalidContact].detail) from None


def _order_id(text: str) -> str:
    if not ids.ID.fullmatch(text):
        raise OrderNotFound  # whatever it is, it is the id of no order
    return text


def _payment_id(text: str) -> int:
    if not re.fullmatch("[0-9]{1,16}", text):
        raise PaymentNotFound  # whatever it is, it is the id of no payment
    return int(text)


City = Annotated[str, AfterValidator(_known_city)]
Category = Annotated[str, AfterValidator(_known_category), Field(json_schema_extra={"enum": list(CATEGORIES)})]
# Parsed once, here. Without its own schema pydantic would describe the dataclass, which no client sends.
Contact = Annotated[
    contacts.Contact,
    GetPydanticSchema(lambda source, handler: core_schema.no_info_plain_validator_function(_contact)),
    WithJsonSchema({"type": "string"}),
]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=MIN_DESCRIPTION, max_length=MAX_DESCRIPTION),
    AfterValidator(_printable),
]
Comment = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_COMMENT),
    AfterValidator(_printable),
]
IdOfOrder = Annotated[str, AfterValidator(_order_id), Field(description="12 URL-safe characters")]
OrderId = Annotated[IdOfOrder, Path(alias="id")]
PaymentId = Annotated[int, BeforeValidator(_payment_id), Path(alias="id", description="An id that create-invoice gave")]
UserIdInPath = Annotated[int, Path(alias="id", ge=1, le=MAX_USER_ID)]
ReasonText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=MIN_REASON, max_length=MAX_REASON),
    AfterValidator(_printable),
]
UserId = Annotated[int, Field(strict=True, ge=1, le=MAX_USER_ID)]


def iso(at: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC."""
    return f"{datetime.fromtimestamp(at // 1000, UTC).isoformat()[:19]}.{at % 1000:03d}Z"


def iso_or_null(at: int | None) -> str | None:
    """The same, of what may not have happened."""
    return None if at is None else iso(at)


# ---------------------------------------------------------------- pages

Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=16, pattern=r"^[0-9]+$")]


def id_at(cursor: str | None) -> int | None:
    """The id behind which a page begins."""
    return None if cursor is None else int(cursor)


def next_cursor(found: Sequence[LedgerEntry | Action | Complaint], limit: int) -> str | None:
    """What asks for what follows a page of `limit`, of which one more was looked for; None at the end."""
    return str(found[limit - 1].id) if len(found) > limit else None


# ---------------------------------------------------------------- answers


class ErrorView(View):
    """Error response."""

    detail: str
    code: str
    request_id: str | None = None


class InvalidField(View):
    """What is wrong with one field."""

    loc: list[str | int]
    msg: str
    type: str


class InvalidRequestView(View):
    """What is wrong with the request, field by field."""

    detail: list[InvalidField]
    code: str


class TakenBy(View):
    """An executor who took the order."""

    executor_id: int
    taken_at: str


class Reason(BaseModel):
    """Why the operator acts; recorded in the audit log."""

    reason: ReasonText


class OrderView(View):
    """An order as one who may or may not see its contact sees it at a moment."""

    id: str
    category: str
    description: str
    city: str
    contact: str | None
    created_at: str
    expires_in_minutes: int | float
    status: Status
    taken_by: list[TakenBy]
    customer_responded_at: str | None
    city_locked: bool
    rating: int | None
    review_comment: str | None


def order_view(order: Order, *, user_id: int | None, now: int, listed: bool = False) -> dict[str, Any]:
    """The order as `user_id` sees it at `now`; in a list nobody sees the contact."""
    minutes = (order.expires_at - order.created_at) / MINUTE_MS
    return {
        "id": order.id,
        "category": order.category,
        "description": order.description,
        "city": order.city,
        "contact": (order.contact or None) if not listed and may_see_contact(order, user_id) else None,
        "created_at": iso(order.created_at),
        "expires_in_minutes": int(minutes) if minutes.is_integer() else minutes,
        "status": status_at(order, now),
        "taken_by": [
            {"executor_id": take.executor_id, "taken_at": iso(take.taken_at)}
            for take in sorted(order.takes.values(), key=lambda take: take.executor_count)
        ],
        "customer_responded_at": iso_or_null(order.responded_at),
        "city_locked": True,
        "rating": order.rating,
        "review_comment": order.review_comment,
    }


# Whether the bot may write to the caller, as far as anybody knows: a WebApp that finds "false" beside notifications
# that are on can ask him for it (requestWriteAccess). A header, for the answers' fields are fixed.
BOT_CAN_WRITE = "x-bot-can-write"
SAYS_IF_BOT_CAN_WRITE: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "X-Bot-Can-Write": {
                "description": "Whether the bot may write to the caller, as far as it knows",
                "schema": {"type": "string", "enum": ["true", "false"]},
            }
        }
    }
}


def bot_can_write(user: User, caller: TelegramUser) -> dict[str, str]:
    """The header that says it."""
    can = user.chat_open if user.chat_open is not None else caller.lets_bot_write
    return {BOT_CAN_WRITE: str(can).lower()}


class ComplaintView(View):
    """A complaint as operators see it; `action_id` is the action that handled it."""

    id: int
    order_id: str
    executor_id: int
    client_id: int
    complaint: str
    comment: str | None
    created_at: str
    handled_at: str | None
    action_id: int | None


def complaint_view(complaint: Complaint) -> dict[str, Any]:
    """The complaint as operators see it."""
    return {
        "id": complaint.id,
        "order_id": complaint.order_id,
        "executor_id": complaint.executor_id,
        "client_id": complaint.client_id,
        "complaint": complaint.complaint,
        "comment": complaint.comment,
        "created_at": iso(complaint.created_at),
        "handled_at": iso_or_null(complaint.handled_at),
        "action_id": complaint.action_id,
    }


class BanView(View):
    """A user's ban; `banned_at` is null where there is none, `removed_orders` are those taken away just now."""

    user_id: int
    banned_at: str | None
    removed_orders: list[str]


def ban_view(user: User, removed_orders: list[str]) -> dict[str, Any]:
    """The user's ban."""
    return {
        "user_id": user.id,
        "banned_at": iso_or_null(user.banned_at),
        "removed_orders": removed_orders,
    }


class ReviewView(View):
    """A review; `author_name` is the client's who wrote it."""

    id: int
    author_name: str
    rating: int
    comment: str | None
    category: str
    city: str
    order_id: str
    created_at: str


def review_view(review: Review) -> dict[str, Any]:
    """The review as anybody sees it."""
    return {
        "id": review.id,
        "author_name": review.author_name,
        "rating": review.rating,
        "comment": review.comment,
        "category": review.category,
        "city": review.city,
        "order_id": review.order_id,
        "created_at": iso(review.created_at),
    }


class TransactionView(View):
    """One change of a balance; `amount` and `balance_after` in roubles, what was spent is negative."""

    id: int
    type: EntryType
    amount: int
    balance_after: int
    order_id: str | None
    payment_method: str | None
    created_at: str


def transaction_view(entry: LedgerEntry) -> dict[str, Any]:
    """A ledger entry as whoever may see it sees it."""
    return {
        "id": entry.id,
        "type": entry.type,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        "order_id": entry.order_id,
        "payment_method": entry.payment_method,
        "created_at": iso(entry.created_at),
    }


class ConsentView(View):
    """When somebody first wrote under a version of the terms."""

    version: str
    since: str


class ExportView(View):
    """Everything that is kept of a person."""

    id: int
    first_name: str
    last_name: str
    username: str | None
    consents: list[ConsentView]
    banned_at: str | None
    balance: int
    categories: list[str]
    cities: list[str]
    notifications_enabled: bool
    notification_frequency: int
    bot_can_write: bool | None
    orders: list[OrderView]
    taken_orders: list[str]
    offered_orders: list[str]
    reviews_written: list[ReviewView]
    reviews_received: list[ReviewView]
    complaints: list[ComplaintView]
    transactions: list[TransactionView]


def export_view(person: Person, now: int) -> dict[str, Any]:
    """Everything that is kept of a person, as he may have it."""
    user = person.user
    return {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "username": user.username,
        "consents": [{"version": version, "since": iso(at)} for version, at in sorted(user.consents.items())],
        "banned_at": iso_or_null(user.banned_at),
        "balance": user.balance,
        "categories": list(user.preferred_categories),
        "cities": list(user.preferred_cities),
        "notifications_enabled": user.notifications_enabled,
        "notification_frequency": user.notification_frequency,
        "bot_can_write": user.chat_open,
        "orders": [order_view(order, user_id=user.id, now=now) for order in person.orders],
        "taken_orders": person.taken_orders,
        "offered_orders": person.offered_orders,
        "reviews_written": [review_view(review) for review in person.reviews_written],
        "reviews_received": [review_view(review) for review in person.reviews_received],
        "complaints": [complaint_view(complaint) for complaint in person.complaints],
        "transactions": [transaction_view(entry) for entry in person.entries],
    }


class Success(View):
    """It is done."""

    success: bool
