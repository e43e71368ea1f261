"""POST /api/admin/users/{id}/ban: from now on a user changes nothing, and his running orders are taken away."""

import time

from fastapi import APIRouter

from shared import clock
from shared.commands import orders, users
from shared.domain.errors import InvalidInitData, NotAnOperator, OrderNotActive
from shared.domain.order import Order, is_running, removed
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import BanView, Reason, UserIdInPath, ban_view
from shared.service_errors import Busy
from shared.store import audit_log, feeds

router = APIRouter(tags=["admin"])

# A step that begins then ends within 23 s, as any request; the function has 29.
_LAST_STEP = 5.0


@router.post(
    "/api/admin/users/{id}/ban",
    operation_id="ban_user",
    summary="Ban a user",
    response_model=BanView,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def ban_user(user_id: UserIdInPath, why: Reason, operator: Operator) -> dict[str, object]:
    """He still reads, and keeps what he paid for. A 503 means that orders of his may still run: ask again, it goes on.

    A list lags behind the table by moments: an order that he posted just before is removed by asking once more.
    """
    until = time.monotonic() + _LAST_STEP
    user = users.set_banned(
        user_id, audit_log.new(operator.id, "user_banned", why.reason, user_id=user_id), banned=True
    )
    _check_time(until)
    gone = []
    for order in running_orders(user_id):
        _check_time(until)
        if remove(order.id, why, operator.id):
            gone.append(order.id)
    return ban_view(user, gone)


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise Busy


def running_orders(user_id: int) -> list[Order]:
    """The orders in which somebody may still be waiting for this client."""
    now = clock.now_ms()
    return [order for order in feeds.all_of_client(user_id) if is_running(order, now)]


def remove(order_id: str, why: Reason, operator_id: int) -> bool:
    """Take an order away; whether it was still there to take."""
    action = audit_log.new(operator_id, "order_removed", why.reason, order_id=order_id)
    try:
        orders.operate(order_id, removed, action)
    except OrderNotActive:
        return False  # it ended by itself
    return True


handler = http_handler(router)
