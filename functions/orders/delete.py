"""DELETE /api/orders/{id}: delete the caller's order that nobody took."""

from fastapi import APIRouter

from shared.commands import orders as commands
from shared.domain.errors import Banned, InvalidInitData, OrderNotActive, OrderNotFound, OrderTaken
from shared.domain.order import deleted
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import OrderId

router = APIRouter()


@router.delete(
    "/api/orders/{id}",
    operation_id="delete_order",
    summary="Delete an order that nobody took",
    status_code=204,
    responses=error_responses(InvalidInitData, Banned, OrderNotFound, OrderTaken, OrderNotActive),
)
async def delete_order(order_id: OrderId, caller: Caller) -> None:
    """The order becomes `deleted` and its contact is free again. An expired order can be deleted, too.

    A taken order gets a 403 `order_taken`: close it instead. The order of another user gets a 404 `order_not_found`.
    """
    commands.change(order_id, lambda order, now: deleted(order, caller.id, now), commands.move, caller_id=caller.id)


handler = http_handler(router)
