"""GET /api/admin/orders/{id}: show operators an order in any state."""

from fastapi import APIRouter

from shared import clock
from shared.domain.errors import InvalidInitData, NotAnOperator, OrderNotFound
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import ComplaintView, OperatorOrderView, OrderId, complaint_view, operator_order_view
from shared.store import orders, reviews

router = APIRouter(tags=["admin"])


class OrderPage(OperatorOrderView):
    """An order as operators see it, with the complaints of its executors."""

    complaints: list[ComplaintView]


@router.get(
    "/api/admin/orders/{id}",
    operation_id="get_order_as_operator",
    summary="Get an order in any state",
    response_model=OrderPage,
    responses=error_responses(InvalidInitData, NotAnOperator, OrderNotFound),
)
async def get_order(order_id: OrderId, operator: Operator) -> dict[str, object]:
    """Shows deleted and removed orders, too.

    `contact` is always null and the description is masked, so the request needs no reason and is not recorded.
    """
    order = orders.get(order_id)
    if order is None:
        raise OrderNotFound
    complaints = [complaint_view(complaint) for complaint in reviews.complaints_about(order)]
    return {**operator_order_view(order, now=clock.now_ms()), "complaints": complaints}


handler = http_handler(router)
