"""POST /api/orders/{id}/take: charge the executor and show the contact."""

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
    """The result of a take.

    - `contact`: the client's contact, as typed.
    - `executor_count`: how many executors had taken the order with this take, 1 to 3.
    - `new_balance`: the executor's balance after the take, in roubles.
    """

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
    """Charges 2 roubles and returns the contact. At most three executors can take an order.

    The request is idempotent: an executor who has paid gets the same response again for free, also after the order
    ended. If the client's data was erased, a repeated request gets a 410 `order_not_active`. A balance below the price
    gets a 402 `insufficient_balance`.
    """
    order, debit = commands.take(order_id, caller)
    return TakeView(
        success=True,
        contact=order.contact,
        executor_count=order.takes[caller.id].executor_count,
        new_balance=debit.balance_after,
    )


handler = http_handler(router)
