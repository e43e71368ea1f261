"""POST /api/orders/{id}/close: close the caller's taken order."""

from fastapi import APIRouter

from shared.commands import orders as commands
from shared.domain.errors import Banned, InvalidInitData, NobodyTookIt, NotYourOrder, OrderNotActive, OrderNotFound
from shared.domain.order import closed
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import OrderId

router = APIRouter()


@router.post(
    "/api/orders/{id}/close",
    operation_id="close_order",
    summary="Close a taken order",
    status_code=204,
    responses=error_responses(InvalidInitData, Banned, OrderNotFound, NotYourOrder, NobodyTookIt, OrderNotActive),
)
async def close_order(order_id: OrderId, caller: Caller) -> None:
    """The order becomes `closed_no_response` and its contact is free again.

    If the client has not responded before, every executor gets the price back. An order that nobody took gets a 409
    `nobody_took_it`: delete it instead.
    """
    commands.change(order_id, lambda order, now: closed(order, caller.id, now), commands.move, caller_id=caller.id)


handler = http_handler(router)
