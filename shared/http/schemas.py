"""Request and response models that several functions share, and the types of their fields.

Response models are closed (`extra="forbid"`): the OpenAPI document then excludes other fields, and a test compares the
responses with it.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

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
from shared.domain.errors import InvalidContact, InvalidReceiptContact, OrderNotFound, PaymentNotFound
from shared.domain.init_data import MAX_USER_ID, TelegramUser
from shared.domain.masking import MASK
from shared.domain.money import EntryType, LedgerEntry
from shared.domain.operators import MAX_REASON, MIN_REASON, Action
from shared.domain.order import (
    CATEGORIES,
    MAX_DESCRIPTION,
    MIN_DESCRIPTION,
    ListedOrder,
    Order,
    Status,
    is_refunded,
    listed,
    status_at,
)
from shared.domain.person import LISTS, Person, Position
from shared.domain.receipt import parse_receipt_contact
from shared.domain.review import MAX_COMMENT, Complaint, Review
from shared.domain.support import Message
from shared.domain.text import clean
from shared.domain.user import User
from shared.domain.visibility import may_see_contact
from shared.error_responses import ERROR_RESPONSES


class View(BaseModel):
    """A response."""

    model_config = ConfigDict(extra="forbid")


# ---------------------------------------------------------------- fields

# Control characters but tabs and line breaks.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _clean(typed: object) -> object:
    return clean(typed) if isinstance(typed, str) else typed


def printable(text: str) -> str:
    """Return the text if it has no control characters but tabs and line breaks."""
    if _CONTROL.search(text):
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
        return contacts.parse(clean(typed))
    except InvalidContact:
        raise PydanticCustomError("invalid_contact", ERROR_RESPONSES[InvalidContact].detail) from None


def _receipt_contact(typed: str) -> str:
    try:
        return parse_receipt_contact(typed)
    except InvalidReceiptContact:
        raise PydanticCustomError("invalid_receipt_contact", ERROR_RESPONSES[InvalidReceiptContact].detail) from None


def _order_id(text: str) -> str:
    if not ids.ID.fullmatch(text):
        raise OrderNotFound  # no order has such an id
    return text


def _long_enough(text: str) -> str:
    # A masked description may be shorter than a description. Only the order tells whether this is its masked one.
    if len(text) < MIN_DESCRIPTION and MASK not in text:
        raise PydanticKnownError("string_too_short", {"min_length": MIN_DESCRIPTION})
    return text


def _payment_id(text: str) -> int:
    if not re.fullmatch("[0-9]{1,16}", text):
        raise PaymentNotFound  # no payment has such an id
    return int(text)


# Makes a field a text: cleaned before any other rule sees it or counts its length. It stands after the constraints of
# the length, for pydantic applies the last one first. Ids, cursors and values of an enumeration are no texts.
TEXT = BeforeValidator(_clean)
City = Annotated[str, TEXT, AfterValidator(_known_city)]
Category = Annotated[str, TEXT, AfterValidator(_known_category), Field(json_schema_extra={"enum": list(CATEGORIES)})]
# Parsed once, here. Without its own schema, pydantic would describe the dataclass, which no WebApp sends.
Contact = Annotated[
    contacts.Contact,
    GetPydanticSchema(lambda source, handler: core_schema.no_info_plain_validator_function(_contact)),
    WithJsonSchema({"type": "string"}),
]
ReceiptContact = Annotated[str, TEXT, AfterValidator(_receipt_contact)]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=MIN_DESCRIPTION, max_length=MAX_DESCRIPTION),
    TEXT,
    AfterValidator(printable),
]
EditedDescription = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_DESCRIPTION),
    TEXT,
    AfterValidator(_long_enough),
    AfterValidator(printable),
]
Comment = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_COMMENT),
    TEXT,
    AfterValidator(printable),
]
IdOfOrder = Annotated[str, AfterValidator(_order_id), Field(description="Id of an order: 12 URL-safe characters")]
OrderId = Annotated[IdOfOrder, Path(alias="id")]
PaymentId = Annotated[
    int, BeforeValidator(_payment_id), Path(alias="id", description="A `payment_id` from create-invoice")
]
UserIdInPath = Annotated[int, Path(alias="id", ge=1, le=MAX_USER_ID, description="Telegram id of a user")]
ReasonText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=MIN_REASON, max_length=MAX_REASON),
    TEXT,
    AfterValidator(printable),
]
UserId = Annotated[int, Field(strict=True, ge=1, le=MAX_USER_ID)]


def iso(at: int) -> str:
    """Return epoch milliseconds as ISO 8601 in UTC."""
    return f"{datetime.fromtimestamp(at // 1000, UTC).isoformat()[:19]}.{at % 1000:03d}Z"


def iso_or_null(at: int | None) -> str | None:
    """Return `iso` of a time, or None without one."""
    return None if at is None else iso(at)


# ---------------------------------------------------------------- pages

Limit = Annotated[int, Query(ge=1, le=100, description="Page size")]
Cursor = Annotated[
    str | None, Query(max_length=16, pattern=r"^[0-9]+$", description="`next_cursor` of the previous page")
]
OrderCursor = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{13}\.[A-Za-z0-9_-]{12}$", description="`next_cursor` of the previous page"),
]
SortKeyCursor = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{13}\.[0-9]{1,16}$", description="`next_cursor` of the previous page"),
]
ExportCursor = Annotated[
    str | None,
    Query(
        pattern=rf"^({'|'.join(LISTS)})\.[0-9]{{13,16}}(\.[A-Za-z0-9_-]{{1,16}})?$",
        description="`next_cursor` of the previous page",
    ),
]


def id_at(cursor: str | None) -> int | None:
    """Return the id after which a page begins; None for the first page."""
    return None if cursor is None else int(cursor)


def next_cursor(found: Sequence[LedgerEntry | Action | Complaint | Message], limit: int) -> str | None:
    """Return the cursor of the next page; None on the last one. `found` holds up to `limit` + 1 items."""
    return str(found[limit - 1].id) if len(found) > limit else None


def sort_key_at(cursor: str | None) -> str | None:
    """Return the sort key of an order or a review after which a page begins; None for the first page."""
    return None if cursor is None else cursor.replace(".", "#")


def sort_key_cursor(sort_key: str | None) -> str | None:
    """Return the cursor of the page that begins after this sort key; None without one. URLs need no escapes for it."""
    return None if sort_key is None else sort_key.replace("#", ".")


def position_at(cursor: str | None) -> Position | None:
    """Return where a page of an export begins; None for the first page. Its list is one of the requested user's."""
    if cursor is None:
        return None
    name, _, sort_key = cursor.partition(".")
    return Position(next(each for each in LISTS if each == name), sort_key.replace(".", "#"))


def position_cursor(position: Position | None) -> str | None:
    """Return the cursor of the page that begins there; None without one. URLs need no escapes for it."""
    return None if position is None else f"{position.list}.{position.sort_key.replace('#', '.')}"


# ---------------------------------------------------------------- responses


class ErrorView(View):
    """Error response.

    - `code`: stable; decide by it.
    - `detail`: a Russian sentence to show to the user.
    - `request_id`: set only with a 500, to find the request in the log.
    """

    detail: str
    code: str
    request_id: str | None = None


class InvalidField(View):
    """An invalid field.

    - `loc`: the path to the field, as in `["body", "amount"]`.
    - `msg`: a Russian sentence to show beside the field.
    - `type`: stable name of the kind of error.
    """

    loc: list[str | int]
    msg: str
    type: str


class InvalidRequestView(View):
    """Error response for an invalid request: one entry in `detail` for each invalid field."""

    detail: list[InvalidField]
    code: str


class TakenBy(View):
    """An executor who took the order. `executor_id`: Telegram id. `taken_at`: ISO 8601, UTC."""

    executor_id: int
    taken_at: str


class Reason(BaseModel):
    """The reason for the operator's action; recorded in the audit log."""

    reason: ReasonText


class OrderView(View):
    """An order, as the caller may see it now.

    - `description`: with its contacts masked (`•••`), unless the caller is the order's client or an executor who took
      it; always masked in lists.
    - `description_masked`: whether that masked description differs from the whole one. True in every view of such an
      order, so that its client learns of it, too.
    - `contact`: null unless the caller is the order's client or an executor who took it; always null in lists.
    - `created_at`, `customer_responded_at`: ISO 8601, UTC.
    - `expires_in_minutes`: the lifetime from `created_at`, not the time that is left.
    - `status`: `closed_no_response` is a taken order that the client closed or did not respond to in time.
    - `taken_by`: the executors in the order of their takes, at most three.
    - `customer_responded_at`: when the client responded or completed the order; null until then.
    - `city_locked`: always true, because the city of an order cannot be changed.
    - `rating` (1 to 5), `review_comment`: the client's review; null without one. Contacts in the comment are masked for
      everyone but the client, and in lists.
    - `removed`: an operator removed the order: only its client and its executors still see it.
    - `version`: grows with every write of the order.
    """

    id: str
    category: str
    description: str
    description_masked: bool
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
    removed: bool
    version: int


def listed_view(order: ListedOrder, *, now: int) -> dict[str, Any]:
    """Return the order as lists show it to everyone at `now` (epoch ms): no contact (I17), every text masked (I23)."""
    minutes = (order.expires_at - order.created_at) / MINUTE_MS
    return {
        "id": order.id,
        "category": order.category,
        "description": order.description,
        "description_masked": order.is_masked,
        "city": order.city,
        "contact": None,
        "created_at": iso(order.created_at),
        "expires_in_minutes": int(minutes) if minutes.is_integer() else minutes,
        "status": status_at(order, now),
        "taken_by": [
            {"executor_id": executor_id, "taken_at": iso(taken_at)} for executor_id, taken_at in order.taken_at.items()
        ],
        "customer_responded_at": iso_or_null(order.responded_at),
        "city_locked": True,
        "rating": order.rating,
        "review_comment": order.review_comment,
        "removed": order.is_removed,
        "version": order.version,
    }


def order_view(order: Order, *, user_id: int | None, now: int) -> dict[str, Any]:
    """Return the order as `user_id` may see it at `now` (epoch ms).

    A participant sees the contact and the whole description (I17, I23), and the client the whole comment of the review.
    """
    view = listed_view(listed(order), now=now)
    if may_see_contact(order, user_id):
        view |= {"description": order.description, "contact": order.contact or None}
        if user_id == order.client_id:
            view["review_comment"] = order.review_comment
    return view


class OperatorTake(View):
    """A take as operators see it. `price`: what the executor paid, in roubles. `refunded`: whether it came back."""

    executor_id: int
    taken_at: str
    price: int
    refunded: bool


class OperatorOrderView(OrderView):
    """An order in any state, as operators see it. `contact` is always null.

    - `client_id`: Telegram id of the order's client.
    - `takes`: the takes in their order, with their money.
    - `ended_at`: when the order stopped being active, ISO 8601, UTC; null while it is active or its end is not stored
      yet.
    - `removed_at`: when an operator removed the order, ISO 8601, UTC; null if none did.
    """

    client_id: int
    takes: list[OperatorTake]
    ended_at: str | None
    removed_at: str | None


def operator_order_view(order: Order, *, now: int) -> dict[str, Any]:
    """Return the order as operators see it at `now` (epoch ms)."""
    return {
        **order_view(order, user_id=None, now=now),
        "client_id": order.client_id,
        "takes": [
            {
                "executor_id": take.executor_id,
                "taken_at": iso(take.taken_at),
                "price": take.price,
                "refunded": is_refunded(order, take),
            }
            for take in sorted(order.takes.values(), key=lambda take: take.executor_count)
        ],
        "ended_at": iso_or_null(order.ended_at),
        "removed_at": iso_or_null(order.removed_at),
    }


# With "false" and notifications on, the WebApp can ask the user for permission (requestWriteAccess). It is a header,
# because the contract fixes the fields of the response.
BOT_CAN_WRITE = "x-bot-can-write"
BOT_CAN_WRITE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "X-Bot-Can-Write": {
                "description": "Whether the bot may write to the caller, as far as the service knows",
                "schema": {"type": "string", "enum": ["true", "false"]},
            }
        }
    }
}


def bot_can_write(user: User, caller: TelegramUser) -> dict[str, str]:
    """Return the header `X-Bot-Can-Write`. Before Telegram reported either, it is what the initData says."""
    can = user.chat_open if user.chat_open is not None else caller.lets_bot_write
    return {BOT_CAN_WRITE: str(can).lower()}


class ComplaintView(View):
    """A complaint of an executor about an order.

    - `executor_id`, `client_id`: Telegram ids of the executor who complains and of the order's client.
    - `complaint`: one of the known kinds. `comment`: the executor's words, with contacts masked (`•••`) for everyone
      but the executor; null without any.
    - `handled_at`: when an operator handled it, ISO 8601, UTC; null while it is open.
    - `action_id`: id of that action in the audit log; null while it is open.
    """

    id: int
    order_id: str
    executor_id: int
    client_id: int
    complaint: str
    comment: str | None
    created_at: str
    handled_at: str | None
    action_id: int | None


def complaint_view(complaint: Complaint, *, to_author: bool = False) -> dict[str, Any]:
    """Return the complaint as operators see it, with its contacts masked (I23), or as its author does."""
    return {
        "id": complaint.id,
        "order_id": complaint.order_id,
        "executor_id": complaint.executor_id,
        "client_id": complaint.client_id,
        "complaint": complaint.complaint,
        "comment": complaint.comment if to_author or complaint.masked_comment is None else complaint.masked_comment,
        "created_at": iso(complaint.created_at),
        "handled_at": iso_or_null(complaint.handled_at),
        "action_id": complaint.action_id,
    }


class ReviewView(View):
    """A client's review of an executor.

    - `author_name`: the client's first name at the time of the review, with contacts masked (`•••`).
    - `rating`: 1 to 5.
    - `comment`: with contacts masked for everyone but its author; null without one.
    - `category`, `city`: those of the order.
    - `hidden`: an operator hid the review. Only its author still sees it, under `written`.
    """

    id: int
    author_name: str
    rating: int
    comment: str | None
    category: str
    city: str
    order_id: str
    created_at: str
    hidden: bool


def review_view(review: Review, *, to_author: bool = False) -> dict[str, Any]:
    """Return the review as everyone may see it, with its contacts masked (I23), or as its author does."""
    return {
        "id": review.id,
        "author_name": review.author_name,
        "rating": review.rating,
        "comment": review.comment if to_author or review.masked_comment is None else review.masked_comment,
        "category": review.category,
        "city": review.city,
        "order_id": review.order_id,
        "created_at": iso(review.created_at),
        "hidden": review.hidden_at is not None,
    }


class TransactionView(View):
    """An entry of the ledger: one change of a balance.

    - `type`: `debt_repayment` follows a credit and takes from it what the user owes.
    - `amount`, `balance_after`: roubles. `amount` is negative for a take, for a top-up that was refunded, and for the
      repayment of a debt.
    - `order_id`: null unless it is a take or its refund.
    - `payment_method`: null unless it is a top-up.
    """

    id: int
    type: EntryType
    amount: int
    balance_after: int
    order_id: str | None
    payment_method: str | None
    created_at: str


def transaction_view(entry: LedgerEntry) -> dict[str, Any]:
    """Return the ledger entry as its user and operators see it."""
    return {
        "id": entry.id,
        "type": entry.type,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        "order_id": entry.order_id,
        "payment_method": entry.payment_method,
        "created_at": iso(entry.created_at),
    }


class MessageView(View):
    """A message of a support thread.

    - `author`: the person, or an operator.
    - `text`: of a photo, its caption. `is_forwarded`: somebody else wrote it.
    - `edited_at`: when the person last edited it, ISO 8601, UTC; null if never.
    """

    id: int
    author: Literal["person", "operator"]
    text: str
    is_forwarded: bool
    created_at: str
    edited_at: str | None


def message_view(message: Message) -> dict[str, Any]:
    """Return what its person and operators see of a message."""
    return {
        "id": message.id,
        "author": "person" if message.operator_id is None else "operator",
        "text": message.content.text,
        "is_forwarded": message.content.is_forwarded,
        "created_at": iso(message.created_at),
        "edited_at": iso_or_null(message.edited_at),
    }


class ExportedMessageView(MessageView):
    """A message of the user's thread. `photo_file_id`: the photo's id at Telegram, for our bot; null without one."""

    photo_file_id: str | None


class ConsentView(View):
    """The user's consent to a version of the terms; `since`: the first recorded request under it, ISO 8601, UTC."""

    version: str
    since: str


class OperatorNoteView(View):
    """What an operator noted about the user."""

    text: str
    created_at: str


class ExportView(View):
    """A page of all personal data of a user: the profile, and a part of the lists, each newest first.

    - `next_cursor`: pass it as `cursor` to get the next page; null on the last one.
    - `balance`, `debt`: roubles; one of them is 0. `notification_frequency`: minutes.
    - `bot_can_write`: null until Telegram has reported it.
    - `receipt_contact`: where fiscal receipts are sent; null until the user gave one. `receipt_contact_since`: when the
      user gave it, ISO 8601, UTC.
    - `first_order_at`: when the user posted their first order. `first_taken_order_at`: when the first order that the
      user took was posted. Null if there is none.
    - `taken_orders`, `offered_orders`: ids of the orders that the user took, and that the bot offered to the user.
    - `banned_until`: when a ban ends by itself; `ban_reason`: the operator's reason. A ban that ended stays stored.
    - `operator_notes`: what operators noted about the user. They and `offered_orders` are on the first page.
    - `complaints`: complaints by the user, on the page of their `taken_orders`.
    - `support_messages`: what the user wrote to the operators, and their answers.
    """

    id: int
    first_name: str
    last_name: str
    username: str | None
    consents: list[ConsentView]
    banned_at: str | None
    banned_until: str | None
    ban_reason: str | None
    operator_notes: list[OperatorNoteView]
    balance: int
    debt: int
    categories: list[str]
    cities: list[str]
    notifications_enabled: bool
    notification_frequency: int
    bot_can_write: bool | None
    receipt_contact: str | None
    receipt_contact_since: str | None
    first_order_at: str | None
    first_taken_order_at: str | None
    orders: list[OrderView]
    taken_orders: list[str]
    offered_orders: list[str]
    reviews_written: list[ReviewView]
    reviews_received: list[ReviewView]
    complaints: list[ComplaintView]
    transactions: list[TransactionView]
    support_messages: list[ExportedMessageView]
    next_cursor: str | None


def export_view(person: Person, following: Position | None, now: int) -> dict[str, Any]:
    """Return a page of the personal data of a person; `following` is where the next page begins. `now` in epoch ms."""
    user = person.user
    return {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "username": user.username,
        "consents": [{"version": version, "since": iso(at)} for version, at in sorted(user.consents.items())],
        "banned_at": iso_or_null(user.banned_at),
        "banned_until": iso_or_null(user.banned_until),
        "ban_reason": user.ban_reason,
        "operator_notes": [{"text": note.text, "created_at": iso(note.created_at)} for note in person.notes],
        "balance": user.balance,
        "debt": user.debt,
        "categories": list(user.preferred_categories),
        "cities": list(user.preferred_cities),
        "notifications_enabled": user.notifications_enabled,
        "notification_frequency": user.notification_frequency,
        "bot_can_write": user.chat_open,
        "receipt_contact": user.receipt_contact,
        "receipt_contact_since": iso_or_null(user.receipt_contact_consent_at),
        "first_order_at": iso_or_null(user.first_order_at),
        "first_taken_order_at": iso_or_null(user.first_taken_order_at),
        "orders": [order_view(order, user_id=user.id, now=now) for order in person.orders],
        "taken_orders": person.taken_orders,
        "offered_orders": person.offered_orders,
        "reviews_written": [review_view(review, to_author=True) for review in person.reviews_written],
        "reviews_received": [review_view(review) for review in person.reviews_received],
        "complaints": [complaint_view(complaint, to_author=True) for complaint in person.complaints],
        "transactions": [transaction_view(entry) for entry in person.entries],
        "support_messages": [
            {**message_view(message), "photo_file_id": message.content.photo} for message in person.support_messages
        ],
        "next_cursor": position_cursor(following),
    }


class Success(View):
    """The request was carried out."""

    success: bool
