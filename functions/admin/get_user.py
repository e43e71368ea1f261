"""GET /api/admin/users and /api/admin/users/{id}: find a user, and show operators what concerns them."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from shared import clock
from shared.commands.audit_log import record
from shared.domain.durations import DAY_MS
from shared.domain.errors import InvalidInitData, NotAnOperator, UserNotFound
from shared.domain.init_data import MAX_USER_ID
from shared.domain.notice import OF_CLIENT, OF_EXECUTOR, Kind, Notice
from shared.domain.order import ListedOrder
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.operator_schemas import (
    NoteView,
    OperatorReviewView,
    PaymentView,
    note_view,
    operator_review_view,
    payment_view,
)
from shared.http.schemas import (
    TEXT,
    ComplaintView,
    OrderView,
    ReasonText,
    TransactionView,
    UserIdInPath,
    View,
    complaint_view,
    iso,
    iso_or_null,
    listed_view,
    transaction_view,
)
from shared.store import audit_log, feeds, inboxes, ledger, notes, notices, payments, reviews, users

router = APIRouter(tags=["admin"])

_PAGE = 50
# Orders of which the notices are looked up, of each role. A notice is kept for two days.
_NOTICED = 15
_NOTICES_KEPT_MS = 2 * DAY_MS


class FoundView(View):
    """Telegram ids of the users; more than one where a username passed from one person to another."""

    ids: list[int]


class StoredBanView(View):
    """A ban: since when, until when (null: without an end), and the operator's reason. ISO 8601, UTC."""

    since: str
    until: str | None
    reason: str | None


class NoticeView(View):
    """A notice of the bot to the user. `over`: it was sent, refused by Telegram, or of no use any more."""

    order_id: str
    kind: Kind
    number: int
    outcome: Literal["over", "sending"]


class UserView(View):
    """A user as operators see them: no contact. Each list has the newest 50 entries, newest first.

    - `balance`, `debt`: roubles; one of them is 0.
    - `bot_can_write`: null until Telegram has reported it.
    - `ban`: null unless the user is banned now.
    - `orders_posted`, `orders_taken`: as lists show them. `complaints_about`: those about the user's orders.
    - `messages`: the bot's notices about the newest 15 orders of each role, of the last two days; never their texts.
    - `offered_orders`: ids of new orders that the bot sent to the user or is about to send.
    """

    id: int
    first_name: str
    last_name: str
    username: str | None
    balance: int
    debt: int
    active_orders: int
    completed_orders: int
    rating: int | float
    rating_count: int
    notifications_enabled: bool
    bot_can_write: bool | None
    ban: StoredBanView | None
    notes: list[NoteView]
    orders_posted: list[OrderView]
    orders_taken: list[OrderView]
    payments: list[PaymentView]
    complaints_by: list[ComplaintView]
    complaints_about: list[ComplaintView]
    reviews_by: list[OperatorReviewView]
    reviews_about: list[OperatorReviewView]
    transactions: list[TransactionView]
    messages: list[NoticeView]
    offered_orders: list[str]


@router.get(
    "/api/admin/users",
    operation_id="find_user",
    summary="Find a user",
    response_model=FoundView,
    responses=error_responses(InvalidInitData, NotAnOperator, UserNotFound),
)
async def find_user(
    operator: Operator,
    query: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
        TEXT,
        Query(description="Telegram id, or username with or without @, in any case"),
    ],
) -> dict[str, object]:
    """A username is the one that the user had when the service last saw them."""
    if re.fullmatch("[0-9]{1,16}", query):
        found = [int(query)] if 1 <= int(query) <= MAX_USER_ID and users.find(int(query)) else []
    else:
        found = users.named(query.removeprefix("@")) if re.fullmatch("@?[A-Za-z0-9_]{1,32}", query) else []
    if not found:
        raise UserNotFound
    return {"ids": found}


@router.get(
    "/api/admin/users/{id}",
    operation_id="get_user",
    summary="Get a user with what concerns them",
    response_model=UserView,
    responses=error_responses(InvalidInitData, NotAnOperator, UserNotFound),
)
async def get_user(user_id: UserIdInPath, operator: Operator, reason: ReasonText) -> dict[str, object]:
    """Every request is recorded in the audit log with its `reason`; if it cannot be recorded, the response is a 503."""
    record(audit_log.new(operator.id, "person_read", reason, user_id=user_id))
    user, now, whole = users.find(user_id), clock.now_ms(), feeds.Filter()
    if user is None:
        raise UserNotFound
    posted = feeds.of_client(user_id, whole, after=None, offset=0, limit=_PAGE, now=now).orders
    taken = feeds.of_executor(user_id, whole, after=None, offset=0, limit=_PAGE, now=now).orders
    complaints_by, complaints_about = reviews.complaints_of(user_id, limit=_PAGE)
    ban = None
    if user.banned_at is not None and user.is_banned(now):
        ban = {"since": iso(user.banned_at), "until": iso_or_null(user.banned_until), "reason": user.ban_reason}
    return {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "username": user.username,
        "balance": user.balance,
        "debt": user.debt,
        "active_orders": user.active_orders,
        "completed_orders": user.completed_orders,
        "rating": user.rating,
        "rating_count": user.rating_count,
        "notifications_enabled": user.notifications_enabled,
        "bot_can_write": user.chat_open,
        "ban": ban,
        "notes": [note_view(note) for note in notes.get(user_id)],
        "orders_posted": [listed_view(order, now=now) for order in posted],
        "orders_taken": [listed_view(order, now=now) for order in taken],
        "payments": [payment_view(payment) for payment in payments.of_user(user_id, limit=_PAGE)],
        "complaints_by": [complaint_view(complaint) for complaint in complaints_by],
        "complaints_about": [complaint_view(complaint) for complaint in complaints_about],
        "reviews_by": [operator_review_view(each) for each in reviews.written(user_id, rating=None, limit=_PAGE)],
        "reviews_about": [operator_review_view(each) for each in reviews.received(user_id, rating=None, limit=_PAGE)],
        "transactions": [transaction_view(entry) for entry in ledger.page(user_id, limit=_PAGE, before=None)],
        "messages": [
            {
                "order_id": notice.order_id,
                "kind": notice.kind,
                "number": notice.number,
                "outcome": "over" if is_over else "sending",
            }
            for notice, is_over in notices.stored(_possible_notices(user_id, posted, taken, now))
        ],
        "offered_orders": inboxes.orders_in(user_id),
    }


def _possible_notices(user_id: int, posted: list[ListedOrder], taken: list[ListedOrder], now: int) -> list[Notice]:
    """Return every notice to the user that these orders can have led to, for the newest of each role."""
    return [
        Notice(kind, order.id, user_id, 0, number)
        for orders, kinds in ((posted, OF_CLIENT), (taken, OF_EXECUTOR))
        for order in orders[:_NOTICED]
        if order.created_at > now - _NOTICES_KEPT_MS
        for kind, number in kinds
    ]


handler = http_handler(router)
