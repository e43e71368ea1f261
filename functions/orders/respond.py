"""POST /api/orders/{id}/respond: mark the executors of the caller's order as answered."""

from fastapi import APIRouter

from shared import clock
from shared.commands import orders as commands
from shared.domain.errors import (
    AlreadyAnswered,
    Banned,
    InvalidInitData,
    NobodyTookIt,
    NotYourOrder,
    OrderNotActive,
    OrderNotFound,
)
from shared.domain.order import answered
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import OrderId, OrderView, order_view

router = APIRouter()


@router.post(
    "/api/orders/{id}/respond",
    operation_id="respond_to_order",
    summary="Mark the executors as answered",
    response_model=OrderView,
    responses=error_responses(
        InvalidInitData, Banned, OrderNotFound, NotYourOrder, NobodyTookIt, AlreadyAnswered, OrderNotActive
    ),
)
async def respond_to_order(order_id: OrderId, caller: Caller) -> dict[str, object]:
    """Sets `customer_responded_at` and stops the response window. The executors are not refunded.

    The window is 15 minutes from the first take. Until it ends, an expired order can be responded to as well. A second
    request gets a 409 `already_answered`.
    """
    order = commands.change(
        order_id, lambda order, now: answered(order, caller.id, now), commands.move, caller_id=caller.id
    )
    return order_view(order, user_id=caller.id, now=clock.now_ms())


handler = http_handler(router)
