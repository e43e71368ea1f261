"""GET /api/balance/transactions: list the caller's ledger."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import Cursor, Limit, TransactionView, View, id_at, next_cursor, transaction_view
from shared.store import ledger

router = APIRouter()


class TransactionsPage(View):
    """A page of ledger entries, newest first.

    `next_cursor`: pass it as `cursor` to get the older entries; null on the last page.
    """

    transactions: list[TransactionView]
    next_cursor: str | None


@router.get(
    "/api/balance/transactions",
    operation_id="list_transactions",
    summary="List the caller's transactions",
    response_model=TransactionsPage,
    responses=error_responses(InvalidInitData, TooOften),
)
async def list_transactions(
    caller: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, object]:
    """Lists every change of the caller's balance, each with the balance after it."""
    before = id_at(cursor)
    entries = ledger.page(caller.id, limit=limit + 1, before=before)
    return {
        "transactions": [transaction_view(entry) for entry in entries[:limit]],
        "next_cursor": next_cursor(entries, limit),
    }


handler = http_handler(router)
