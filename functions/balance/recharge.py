"""POST /api/balance/recharge: credit test money, in the local stage only (I8)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.commands import payments as commands
from shared.domain import money
from shared.domain.errors import Banned, InvalidInitData, RechargeUnavailable
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.settings import settings

router = APIRouter()


class Recharge(BaseModel):
    """A credit of test money. `amount`: roubles, a JSON integer. `method`: shown as `payment_method` in the ledger."""

    amount: Annotated[int, Field(strict=True, ge=money.MIN_RECHARGE, le=money.MAX_RECHARGE)]
    method: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")] = "telegram_stars"


class RechargeView(View):
    """The credit. `new_balance`: roubles, after a debt was repaid; `transaction_id`: the id of the credit's entry."""

    success: bool
    new_balance: int
    transaction_id: int


@router.post(
    "/api/balance/recharge",
    operation_id="recharge",
    summary="Credit the balance without a payment (local stage only)",
    response_model=RechargeView,
    responses=error_responses(InvalidInitData, Banned, RechargeUnavailable),
)
async def recharge(recharge: Recharge, caller: Caller) -> RechargeView:
    """Credits at once, in the local stage only.

    Every other stage responds with a 403 `recharge_unavailable`: there, only a verified payment credits a balance.
    """
    if settings().stage != "local":
        raise RechargeUnavailable
    change = commands.recharge(caller, amount=recharge.amount, method=recharge.method)
    return RechargeView(success=True, new_balance=change.balance, transaction_id=change.entries[0].id)


handler = http_handler(router)
