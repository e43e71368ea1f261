"""GET /api/admin/users/{id}/ledger: show operators a user's balance and ledger."""

from fastapi import APIRouter

from shared import clock
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
    """A page of a user's ledger, newest entries first.

    - `balance`, `debt`: the current balance and debt in roubles; one of them is 0.
    - `banned_at`: null unless the user is banned.
    - `next_cursor`: pass it as `cursor` to get the older entries; null on the last page.
    """

    user_id: int
    balance: int
    debt: int
    banned_at: str | None
    transactions: list[TransactionView]
    next_cursor: str | None


@router.get(
    "/api/admin/users/{id}/ledger",
    operation_id="get_ledger",
    summary="Get a user's balance and ledger",
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
    """Every request is recorded in the audit log with its `reason`; if it cannot be recorded, the response is a 503.

    A user id that the service does not know gives an empty ledger and a balance of 0.
    """
    record(audit_log.new(operator.id, "ledger_read", reason, user_id=user_id))
    user = users.get(user_id)
    entries = ledger.page(user_id, limit=limit + 1, before=id_at(cursor))
    return {
        "user_id": user_id,
        "balance": user.balance,
        "debt": user.debt,
        "banned_at": iso_or_null(user.banned_at if user.is_banned(clock.now_ms()) else None),
        "transactions": [transaction_view(entry) for entry in entries[:limit]],
        "next_cursor": next_cursor(entries, limit),
    }


handler = http_handler(router)
