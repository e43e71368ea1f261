"""GET /api/admin/users/{id}/ledger: why a user's balance is what it is, for operators."""

from fastapi import APIRouter

from shared.commands.audit_log import record
from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import (
    Cursor,
    Limit,
    ReasonText,
    TransactionView,
    UserIdInPath,
    View,
    id_at,
    iso_or_null,
    next_cursor,
    transaction_view,
)
from shared.store import audit_log, ledger, users

router = APIRouter(tags=["admin"])


class LedgerView(View):
    """`balance` in roubles; newest first; `next_cursor` asks for the older ones, null is the end."""

    user_id: int
    balance: int
    banned_at: str | None
    transactions: list[TransactionView]
    next_cursor: str | None


@router.get(
    "/api/admin/users/{id}/ledger",
    operation_id="get_ledger",
    summary="A user's balance and ledger",
    response_model=LedgerView,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def get_ledger(
    user_id: UserIdInPath,
    operator: Operator,
    reason: ReasonText,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, object]:
    """Looking is an action as well: what cannot be put into the trail is not shown."""
    record(audit_log.new(operator.id, "ledger_read", reason, user_id=user_id))
    user = users.get(user_id)
    entries = ledger.page(user_id, limit=limit + 1, before=id_at(cursor))
    return {
        "user_id": user_id,
        "balance": user.balance,
        "banned_at": iso_or_null(user.banned_at),
        "transactions": [transaction_view(entry) for entry in entries[:limit]],
        "next_cursor": next_cursor(entries, limit),
    }


handler = http_handler(router)
