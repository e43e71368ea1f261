"""POST /api/orders/{id}/respond: a client answered the executors who took his order."""

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
    summary="Say that the executors were answered",
    response_model=OrderView,
    responses=error_responses(
        InvalidInitData, Banned, OrderNotFound, NotYourOrder, NobodyTookIt, AlreadyAnswered, OrderNotActive
    ),
)
async def respond_to_order(order_id: OrderId, caller: Caller) -> dict[str, object]:
    """The answer window stops; what the executors paid stays paid."""
    order = commands.change(
        order_id, lambda order, now: answered(order, caller.id, now), commands.move, caller_id=caller.id
    )
    return order_view(order, user_id=caller.id, now=clock.now_ms())


handler = http_handler(router)
