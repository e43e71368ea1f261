"""Operators' actions and their audit log: who did what, when and why."""

from dataclasses import dataclass
from typing import Literal

ActionKind = Literal[
    "complaint_handled",
    "take_refunded",
    "order_removed",
    "user_banned",
    "user_unbanned",
    "ledger_read",
    "data_exported",
    "data_erased",
]

MIN_REASON = 3
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an operator on a user, an order, or both: an entry of the audit log.

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
