"""GET /api/orders/{id}: anybody looks at an order."""

from fastapi import APIRouter

from shared import clock
from shared.domain.errors import OrderNotFound, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import MaybeReader
from shared.http.errors import error_responses
from shared.http.schemas import OrderId, OrderView, order_view
from shared.store import orders

router = APIRouter()


@router.get(
    "/api/orders/{id}",
    operation_id="get_order",
    summary="An order",
    response_model=OrderView,
    responses=error_responses(OrderNotFound, TooOften),
)
async def get_order(order_id: OrderId, caller: MaybeReader) -> dict[str, object]:
    """The order, with its contact for its owner and for the executors who paid."""
    order = orders.get(order_id)
    if order is None:
        raise OrderNotFound
    return order_view(order, user_id=caller.id if caller else None, now=clock.now_ms())


handler = http_handler(router)
