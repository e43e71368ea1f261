"""GET /api/balance/transactions: why the caller's balance is what it is."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.domain.errors import InvalidInitData
from shared.http.auth import Caller
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import TransactionView, View, transaction_view
from shared.store import ledger

router = APIRouter()


class TransactionsPage(View):
    """Newest first; `next_cursor` asks for the older ones, null is the end."""

    transactions: list[TransactionView]
    next_cursor: str | None


@router.get(
    "/api/balance/transactions",
    operation_id="list_transactions",
    summary="The caller's ledger",
    response_model=TransactionsPage,
    responses=documented(InvalidInitData),
)
async def list_transactions(
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=16, pattern=r"^[0-9]+$")] = None,
) -> dict[str, object]:
    """Every change of the caller's balance, each with the balance after it."""
    before = int(cursor) if cursor is not None else None
    entries = ledger.page(caller.id, limit=limit + 1, before=before)
    return {
        "transactions": [transaction_view(entry) for entry in entries[:limit]],
        "next_cursor": str(entries[limit - 1].id) if len(entries) > limit else None,
    }


handler = http_handler(router)
