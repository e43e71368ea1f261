"""Operators' actions and their audit log: who did what, when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.domain.errors import OwnCase, TooManyNotes

ActionKind = Literal[
    "complaint_handled",
    "take_refunded",
    "session_opened",
    "payment_refunded",
    "refund_requested",
    "refund_approved",
    "refund_withdrawn",
    "messages_redriven",
    "note_added",
    "person_read",
    "order_removed",
    "review_hidden",
    "review_restored",
    "user_banned",
    "user_unbanned",
    "ledger_read",
    "thread_read",
    "thread_answered",
    "thread_taken",
    "thread_closed",
    "data_exported",
    "data_erased",
]

MIN_REASON = 3
MAX_REASON = 500
MAX_NOTE = 1000
MAX_NOTES = 50


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an operator on a user, an order or a payment: an entry of the audit log.

    `id` is the place in the audit log. Two actions of one millisecond may share an id; `token` distinguishes them.
    `operator_id` is the operator's Telegram id. For users who export or erase their own data, it is their own id.
    """

    id: int
    token: str
    operator_id: int
    kind: ActionKind
    reason: str
    created_at: int
    user_id: int | None = None
    order_id: str | None = None
    payment_id: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What an operator noted about a user. `id` grows with time; `created_at` in epoch ms."""

    id: int
    operator_id: int
    text: str
    created_at: int


def with_note(notes: Sequence[Note], note: Note) -> list[Note]:
    """Return the notes about a user with one more, the newest first.

    Unchanged if the newest one says the same (idempotent). Raises TooManyNotes.
    """
    if notes and (notes[0].operator_id, notes[0].text) == (note.operator_id, note.text):
        return list(notes)
    if len(notes) >= MAX_NOTES:
        raise TooManyNotes
    return [note, *notes]


def check_not_own(operator_id: int, *parties: int) -> None:
    """Raise OwnCase if the operator is one of the people whom the action is about."""
    if operator_id in parties:
        raise OwnCase
