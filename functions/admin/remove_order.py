"""POST /api/admin/orders/{id}/remove, and `make remove`: remove an order, and refund its executors if it then ends."""

from fastapi import APIRouter

from shared import clock
from shared.commands import orders as commands
from shared.domain.errors import InvalidInitData, NotAnOperator, OrderNotFound, OwnCase
from shared.domain.order import removed
from shared.handlers.direct import http_or_direct_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import IdOfOrder, OperatorOrderView, OrderId, Reason, ReasonText, UserId, operator_order_view
from shared.store import audit_log

router = APIRouter(tags=["admin"])


@router.post(
    "/api/admin/orders/{id}/remove",
    operation_id="remove_order",
    summary="Remove an order",
    response_model=OperatorOrderView,
    responses=error_responses(InvalidInitData, NotAnOperator, OrderNotFound, OwnCase),
)
async def remove_order(order_id: OrderId, reason: Reason, operator: Operator) -> dict[str, object]:
    """The order is hidden from everybody but its client and its executors; its review leaves `GET /api/reviews`.

    An active or expired order becomes `deleted`, or `closed_no_response` if it was taken, and its contact is free
    again. Every executor who took it gets the price back, also after the client responded. An order that ended before
    keeps its status, and nobody is refunded. The request is idempotent: a second one records no action.
    """
    return remove(order_id, operator.id, reason.reason)


def remove(order_id: IdOfOrder, operator_id: UserId, reason: ReasonText) -> dict[str, object]:
    """Remove the order. Idempotent. Returns an OperatorOrderView. As many calls as `orders.operate`.

    Raises OrderNotFound, OwnCase, Busy, Unavailable.
    """
    action = audit_log.new(operator_id, "order_removed", reason, order_id=order_id)
    order = commands.operate(order_id, removed, action)
    return operator_order_view(order, now=clock.now_ms())


handler = http_or_direct_handler(router, remove)
