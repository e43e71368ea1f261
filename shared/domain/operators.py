"""What operators do, and the trail that it leaves: who did what, when and why."""

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
    """One thing that an operator did, to a user, to an order, or to both.

    `id` has its place in the trail; two of one millisecond may share it, and `token` tells them apart.
    `operator_id` is the operator's Telegram id; a user who acts on his own data is his own operator.
    """

    id: int
    token: str
    operator_id: int
    kind: ActionKind
    reason: str
    created_at: int
    user_id: int | None = None
    order_id: str | None = None
