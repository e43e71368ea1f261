"""GET /api/orders/{id}: return an order to anyone."""

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
    summary="Get an order",
    response_model=OrderView,
    responses=error_responses(OrderNotFound, TooOften),
)
async def get_order(order_id: OrderId, caller: MaybeReader) -> dict[str, object]:
    """Returns the order. `contact` is null unless the caller is its client or an executor who took it.

    Credentials are optional; invalid ones count as none.
    """
    order = orders.get(order_id)
    if order is None:
        raise OrderNotFound
    return order_view(order, user_id=caller.id if caller else None, now=clock.now_ms())


handler = http_handler(router)
