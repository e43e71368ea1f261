"""POST /api/admin/orders/{id}/remove: an operator takes an order away."""

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
async def remove_order(order_id: OrderId, why: Reason, operator: Operator) -> dict[str, object]:
    """It leaves every list, its contact is free, and whoever took it gets his money back, answered or not."""
    action = audit_log.new(operator.id, "order_removed", why.reason, order_id=order_id)
    order = commands.operate(order_id, removed, action)
    return order_view(order, user_id=None, now=clock.now_ms())


handler = http_handler(router)
