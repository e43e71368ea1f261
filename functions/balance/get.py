"""GET /api/balance: return the caller's balance."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.store import users

router = APIRouter()


class BalanceView(View):
    """The balance and the debt, in roubles.

    `debt`: what a payment provider took back after it was spent; only there when above 0. Every credit repays it first.
    """

    balance: int
    debt: Annotated[int, Field(ge=1)] | SkipJsonSchema[None] = None


@router.get(
    "/api/balance",
    operation_id="get_balance",
    summary="Get the caller's balance",
    response_model=BalanceView,
    response_model_exclude_none=True,
    responses=error_responses(InvalidInitData, TooOften),
)
async def get_balance(caller: Reader) -> BalanceView:
    """The current balance, in whole roubles. It is never negative, and 0 while there is a debt."""
    user = users.visit(caller)
    return BalanceView(balance=user.balance, debt=user.debt or None)


handler = http_handler(router)
