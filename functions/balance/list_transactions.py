"""GET /api/balance/transactions: why the caller's balance is what it is."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.domain.errors import InvalidInitData
from shared.domain.money import EntryType
from shared.http.auth import Caller
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import View, iso
from shared.store import ledger

router = APIRouter()


class TransactionView(View):
    """One change of the balance; `amount` and `balance_after` in roubles, what was spent is negative."""

    id: int
    type: EntryType
    amount: int
    balance_after: int
    order_id: str | None
    payment_method: str | None
    created_at: str


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
) -> TransactionsPage:
    """Every change of the caller's balance, each with the balance after it."""
    before = int(cursor) if cursor is not None else None
    entries = ledger.page(caller.id, limit=limit + 1, before=before)
    return TransactionsPage(
        transactions=[
            TransactionView(
                id=entry.id,
                type=entry.type,
                amount=entry.amount,
                balance_after=entry.balance_after,
                order_id=entry.order_id,
                payment_method=entry.payment_method,
                created_at=iso(entry.created_at),
            )
            for entry in entries[:limit]
        ],
        next_cursor=str(entries[limit - 1].id) if len(entries) > limit else None,
    )


handler = http_handler(router)
