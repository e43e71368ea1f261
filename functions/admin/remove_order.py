"""POST /api/admin/orders/{id}/remove: remove an order and refund its executors."""

from fastapi import APIRouter

from shared import clock
from shared.commands import orders as commands
from shared.domain.errors import InvalidInitData, NotAnOperator, OrderNotActive, OrderNotFound
from shared.domain.order import removed
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import OrderId, OrderView, Reason, order_view
from shared.store import audit_log

router = APIRouter(tags=["admin"])


@router.post(
    "/api/admin/orders/{id}/remove",
    operation_id="remove_order",
    summary="Remove an active or expired order",
    response_model=OrderView,
    responses=error_responses(InvalidInitData, NotAnOperator, OrderNotFound, OrderNotActive),
)
async def remove_order(order_id: OrderId, reason: Reason, operator: Operator) -> dict[str, object]:
    """An active or expired order becomes `deleted`, or `closed_no_response` if it was taken. Its contact is free again.

    Every executor who took the order gets the price back, also after the client responded. An order with another
    status gets a 410 `order_not_active`.
    """
    action = audit_log.new(operator.id, "order_removed", reason.reason, order_id=order_id)
    order = commands.operate(order_id, removed, action)
    return order_view(order, user_id=None, now=clock.now_ms())


handler = http_handler(router)
