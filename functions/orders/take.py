"""POST /api/orders/{id}/take: an executor pays to see the contact."""

from fastapi import APIRouter

from shared.commands import orders as commands
from shared.domain.errors import (
    AllSlotsTaken,
    Banned,
    InsufficientBalance,
    InvalidInitData,
    OrderNotActive,
    OrderNotFound,
    OwnOrder,
    TooOften,
)
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import OrderId, View

router = APIRouter()


class TakeView(View):
    """What the executor paid for, and what he has left in roubles."""

    success: bool
    contact: str
    executor_count: int
    new_balance: int


@router.post(
    "/api/orders/{id}/take",
    operation_id="take_order",
    summary="Take an order",
    response_model=TakeView,
    responses=error_responses(
        InvalidInitData, Banned, TooOften, OrderNotFound, OwnOrder, OrderNotActive, AllSlotsTaken, InsufficientBalance
    ),
)
async def take_order(order_id: OrderId, caller: Caller) -> TakeView:
    """The contact, for 2 roubles. One who paid gets the same answer again, free, also after the order ended."""

    order, debit = commands.take(order_id, caller)
    return TakeView(
        success=True,
        contact=order.contact,
        executor_count=order.takes[caller.id].executor_count,
        new_balance=debit.balance_after,
    )


handler = http_handler(router)
