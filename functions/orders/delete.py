"""DELETE /api/orders/{id}: a client withdraws an order that nobody took."""

from fastapi import APIRouter

from shared import clock
from shared.domain.errors import InvalidInitData, OrderNotActive, OrderNotFound, OrderTaken
from shared.domain.order import deleted
from shared.http.auth import Caller
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import OrderId
from shared.store import orders, table

router = APIRouter()


@router.delete(
    "/api/orders/{id}",
    operation_id="delete_order",
    summary="Withdraw an order",
    status_code=204,
    responses=documented(InvalidInitData, OrderNotFound, OrderTaken, OrderNotActive),
)
async def delete_order(order_id: OrderId, caller: Caller) -> None:
    """The order becomes `deleted` and its contact is free."""

    def delete_once() -> None:
        now = clock.now_ms()
        order = orders.get(order_id)
        if order is None:
            raise OrderNotFound
        orders.end(order, deleted(order, caller.id, now), now)

    table.settle(delete_once)


handler = http_handler(router)
