"""GET /api/orders/{id}: return an order to anyone."""

from fastapi import APIRouter

from shared import clock
from shared.domain.errors import OrderNotFound, TooOften
from shared.domain.visibility import seen_by
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

    An order that was deleted or that an operator removed exists for its client and its executors only. Everybody else
    gets a 404 `order_not_found`, here and for every other request about it. Credentials are optional; invalid ones
    count as none.
    """
    user_id = caller.id if caller else None
    order = seen_by(orders.get(order_id), user_id)
    return order_view(order, user_id=user_id, now=clock.now_ms())


handler = http_handler(router)
