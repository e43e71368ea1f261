"""POST /api/admin/orders/{id}/refund: give an executor back the price of a take."""

from fastapi import APIRouter
from pydantic import BaseModel

from shared.commands import orders as commands
from shared.domain.errors import (
    AlreadyRefunded,
    InvalidInitData,
    NotAnOperator,
    OrderNotFound,
    OwnCase,
    TakeNotFound,
    TakeNotOver,
)
from shared.domain.order import with_refund
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import OrderId, ReasonText, UserId, View
from shared.store import audit_log

router = APIRouter(tags=["admin"])


class Refund(BaseModel):
    """The executor to refund, and the reason for the audit log."""

    executor_id: UserId
    reason: ReasonText


class RefundView(View):
    """The refund; `amount` is in roubles."""

    order_id: str
    executor_id: int
    amount: int


@router.post(
    "/api/admin/orders/{id}/refund",
    operation_id="refund_take",
    summary="Refund an executor's take",
    response_model=RefundView,
    responses=error_responses(
        InvalidInitData, NotAnOperator, OwnCase, OrderNotFound, TakeNotFound, TakeNotOver, AlreadyRefunded
    ),
)
async def refund_take(order_id: OrderId, refund: Refund, operator: Operator) -> RefundView:
    """The price of the take returns to the executor's balance, at most once.

    A take that was refunded for any reason gets a 409 `already_refunded`. While the client can still respond, the
    request gets a 409 `take_not_over`; to refund earlier, remove the order.
    """
    action = audit_log.new(operator.id, "take_refunded", refund.reason, user_id=refund.executor_id, order_id=order_id)
    order = commands.operate(order_id, lambda order, now: with_refund(order, refund.executor_id, now), action)
    amount = order.takes[refund.executor_id].price
    return RefundView(order_id=order_id, executor_id=refund.executor_id, amount=amount)


handler = http_handler(router)
