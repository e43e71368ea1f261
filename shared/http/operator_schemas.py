"""Responses that several of the operators' functions share."""

from typing import Any, Literal

from shared.domain.operators import Note
from shared.domain.payment import Payment, Provider
from shared.domain.review import Review
from shared.domain.user import User
from shared.http.schemas import ReviewView, View, iso, iso_or_null, review_view


class BanView(View):
    """A user's ban.

    - `banned_at`: when the user was banned, ISO 8601, UTC; null when the user is not banned.
    - `banned_until`: when the ban ends by itself; null for a ban without an end, and without a ban.
    - `removed_orders`: ids of the orders that this request removed.
    """

    user_id: int
    banned_at: str | None
    banned_until: str | None
    removed_orders: list[str]


def ban_view(user: User, removed_orders: list[str], now: int) -> dict[str, Any]:
    """Return the user's ban as it is at `now` (epoch ms)."""
    is_banned = user.is_banned(now)
    return {
        "user_id": user.id,
        "banned_at": iso_or_null(user.banned_at if is_banned else None),
        "banned_until": iso_or_null(user.banned_until if is_banned else None),
        "removed_orders": removed_orders,
    }


class OperatorReviewView(ReviewView):
    """A review as operators see it, hidden or not.

    - `author_id`, `executor_id`: Telegram ids of the client who wrote it and of the executor whom it is about.
    - `hidden_at`: when an operator hid it, ISO 8601, UTC; null while it is shown.
    """

    author_id: int
    executor_id: int
    hidden_at: str | None


def operator_review_view(review: Review) -> dict[str, Any]:
    """Return the review as operators see it."""
    return {
        **review_view(review),
        "author_id": review.client_id,
        "executor_id": review.executor_id,
        "hidden_at": iso_or_null(review.hidden_at),
    }


class PaymentView(View):
    """A payment as operators see it.

    - `amount`, `refunded`, `taken_back`, `debt`: roubles. `refunded`: what the provider gave back. `taken_back`: the
      part of it that the balance covered. `debt`: the rest, which the payer then owed.
    - `created_at`, `paid_at`: ISO 8601, UTC.
    """

    payment_id: int
    user_id: int
    provider: Provider
    status: Literal["pending", "paid", "expired", "refunded"]
    amount: int
    created_at: str
    paid_at: str | None
    refunded: int
    taken_back: int
    debt: int


def payment_view(payment: Payment) -> dict[str, Any]:
    """Return the payment as operators see it."""
    return {
        "payment_id": payment.id,
        "user_id": payment.user_id,
        "provider": payment.provider,
        "status": payment.status,
        "amount": payment.amount,
        "created_at": iso(payment.created_at),
        "paid_at": iso_or_null(payment.paid_at),
        "refunded": payment.refunded,
        "taken_back": payment.taken_back,
        "debt": payment.debt,
    }


class NoteView(View):
    """An operator's note about a user. `created_at`: ISO 8601, UTC."""

    id: int
    operator_id: int
    text: str
    created_at: str


def note_view(note: Note) -> dict[str, Any]:
    """Return the note as operators see it."""
    return {"id": note.id, "operator_id": note.operator_id, "text": note.text, "created_at": iso(note.created_at)}
