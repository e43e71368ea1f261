"""POST /api/orders/{id}/complete: mark the work of the caller's order as done."""

from fastapi import APIRouter

from shared import clock
from shared.commands import orders as commands
from shared.domain.errors import Banned, InvalidInitData, NobodyTookIt, NotYourOrder, OrderNotActive, OrderNotFound
from shared.domain.order import completed
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import OrderId, OrderView, order_view

router = APIRouter()


@router.post(
    "/api/orders/{id}/complete",
    operation_id="complete_order",
    summary="Complete a taken order",
    response_model=OrderView,
    responses=error_responses(InvalidInitData, Banned, OrderNotFound, NotYourOrder, NobodyTookIt, OrderNotActive),
)
async def complete_order(order_id: OrderId, caller: Caller) -> dict[str, object]:
    """The order becomes `completed` and its contact is free again. It counts as a response to the executors.

    Only an active order can be completed; after its lifetime the request gets a 410 `order_not_active`.
    """
    order = commands.change(
        order_id, lambda order, now: completed(order, caller.id, now), commands.move, caller_id=caller.id
    )
    return order_view(order, user_id=caller.id, now=clock.now_ms())


handler = http_handler(router)
