"""GET /api/balance: return the caller's balance."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.store import users

router = APIRouter()


class BalanceView(View):
    """The balance, in roubles."""

    balance: int


@router.get(
    "/api/balance",
    operation_id="get_balance",
    summary="Get the caller's balance",
    response_model=BalanceView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def get_balance(caller: Reader) -> BalanceView:
    """The current balance, in whole roubles. It is never negative."""
    return BalanceView(balance=users.visit(caller).balance)


handler = http_handler(router)
