"""POST /api/admin/users/{id}/ban, `make ban`: stop a user from changing anything, and remove their running orders."""

import time

from fastapi import APIRouter

from shared import clock
from shared.commands import orders, users
from shared.domain.errors import InvalidInitData, NotAnOperator, OrderNotActive
from shared.domain.order import Order, is_running, removed
from shared.handlers.direct import http_or_direct_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import BanView, Reason, ReasonText, UserId, UserIdInPath, ban_view
from shared.service_errors import Busy
from shared.store import audit_log, feeds

router = APIRouter(tags=["admin"])

# No step starts later, in seconds. A step takes at most 23 s, as any request does, and the function has 29 s (P4).
_LAST_STEP = 5.0


@router.post(
    "/api/admin/users/{id}/ban",
    operation_id="ban_user",
    summary="Ban a user",
    response_model=BanView,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def ban_user(user_id: UserIdInPath, reason: Reason, operator: Operator) -> dict[str, object]:
    """A banned user can still read and keeps the contacts they paid for. Their other requests get a 403 `banned`.

    The user's running orders are removed: active ones, and expired ones that still wait for the client's response.
    Every executor who took one gets the price back. The request is idempotent. After a 503, some of the orders may
    still be active: repeat the request to continue. An order posted moments before the ban may also need a second
    request.
    """
    return ban(user_id, operator.id, reason.reason)


def ban(user_id: UserId, operator_id: UserId, reason: ReasonText) -> dict[str, object]:
    """Ban the user and remove their running orders. Idempotent. Returns a BanView.

    As many calls as `users.set_banned`, `running_orders`, and `remove` for each order. Raises Busy when the time is
    up: a repeated call continues. Raises Unavailable.
    """
    until = time.monotonic() + _LAST_STEP
    user = users.set_banned(user_id, audit_log.new(operator_id, "user_banned", reason, user_id=user_id), banned=True)
    _check_time(until)
    gone = []
    for order in running_orders(user_id):
        _check_time(until)
        if remove(order.id, operator_id, reason):
            gone.append(order.id)
    return ban_view(user, gone)


def _check_time(until: float) -> None:
    if time.monotonic() > until:
        raise Busy


def running_orders(user_id: int) -> list[Order]:
    """Return the client's orders in which an executor may still wait for a response.

    As many calls as `feeds.all_of_client`.
    """
    now = clock.now_ms()
    return [order for order in feeds.all_of_client(user_id) if is_running(order, now)]


def remove(order_id: str, operator_id: int, reason: str) -> bool:
    """Remove a running order. Returns False when it had already ended. As many calls as `orders.operate`."""
    action = audit_log.new(operator_id, "order_removed", reason, order_id=order_id)
    try:
        orders.operate(order_id, _running_removed, action)
    except OrderNotActive:
        return False  # its client, its deadline or another operator ended it first
    return True


def _running_removed(order: Order, now: int) -> Order:
    if not is_running(order, now):
        raise OrderNotActive
    return removed(order, now)


handler = http_or_direct_handler(router, ban)
