"""POST /api/admin/users/{id}/ban, `make ban`: stop a user from changing anything, and remove their running orders."""

import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import GetPydanticSchema, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

from shared import clock
from shared.commands import orders, sockets, users
from shared.domain.errors import InvalidInitData, NotAnOperator, OrderNotActive, OwnCase
from shared.domain.order import Order, is_running, removed
from shared.handlers.direct import http_or_direct_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.operator_schemas import BanView, ban_view
from shared.http.schemas import Reason, ReasonText, UserId, UserIdInPath
from shared.service_errors import Busy
from shared.store import audit_log, feeds

router = APIRouter(tags=["admin"])

# No step starts later, in seconds. A step takes at most 23 s, as any request does, and the function has 29 s (P4).
_LAST_STEP = 5.0

# In epoch ms, the beginning of the year 9000. The last hours of the year 9999 have five digits in another time zone.
_LATEST_END = 221_845_392_000_000


def _end_of_a_ban(typed: object) -> int:
    """Return a time that lies ahead as epoch ms. It is ISO 8601 with a time zone."""
    if not isinstance(typed, str):
        raise PydanticKnownError("string_type")
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise PydanticCustomError("not_a_time", "Нужно время с часовым поясом, например 2030-01-31T12:00:00+03:00")
    until = round(at.timestamp() * 1000)
    if until <= clock.now_ms():
        raise PydanticCustomError("not_ahead", "Это время уже прошло")
    if until > _LATEST_END:
        raise PydanticCustomError("too_late", "Слишком далёкое время: для бана без срока until не нужен")
    return until


Until = Annotated[
    int,
    GetPydanticSchema(lambda source, handler: core_schema.no_info_plain_validator_function(_end_of_a_ban)),
    WithJsonSchema({"type": "string"}),
]


class Ban(Reason):
    """The reason for the ban, and when it ends by itself: ISO 8601 with a time zone; null for a ban without an end."""

    until: Until | None = None


@router.post(
    "/api/admin/users/{id}/ban",
    operation_id="ban_user",
    summary="Ban a user",
    response_model=BanView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase),
)
async def ban_user(user_id: UserIdInPath, wanted: Ban, operator: Operator) -> dict[str, object]:
    """A banned user can still read and keeps the contacts they paid for. Their other requests get a 403 `banned`.

    The user's sockets are closed, and their running orders are removed: active ones, and expired ones that still wait
    for the client's response. Every executor who took one gets the price back. The request is idempotent; another
    `until` replaces the end of the ban. A ban ends at `until` without another request. After a 503, some of the orders
    may still be active: repeat the request to continue. An order posted moments before the ban may also need a second
    request. An order that the operator took stays: another operator may remove it.
    """
    return ban(user_id, operator.id, wanted.reason, wanted.until)


def ban(user_id: UserId, operator_id: UserId, reason: ReasonText, until: Until | None = None) -> dict[str, object]:
    """Ban the user, close their sockets, and remove their running orders. Idempotent. Returns a BanView.

    As many calls as `users.ban`, `sockets.closing`, `running_orders`, and `remove` for each order. Raises Busy when the
    time is up: a repeated call continues. Raises Unavailable.
    """
    last_step = time.monotonic() + _LAST_STEP
    user = users.ban(user_id, audit_log.new(operator_id, "user_banned", reason, user_id=user_id), until=until)
    for close in sockets.closing(user_id):
        _check_time(last_step)
        close()
    _check_time(last_step)
    gone = []
    for order in running_orders(user_id):
        _check_time(last_step)
        if remove(order.id, operator_id, reason):
            gone.append(order.id)
    return ban_view(user, gone, clock.now_ms())


def _check_time(last_step: float) -> None:
    if time.monotonic() > last_step:
        raise Busy


def running_orders(user_id: int) -> list[Order]:
    """Return the client's orders in which an executor may still wait for a response.

    As many calls as `feeds.all_of_client`.
    """
    now = clock.now_ms()
    return [order for order in feeds.all_of_client(user_id) if is_running(order, now)]


def remove(order_id: str, operator_id: int, reason: str) -> bool:
    """Remove a running order. Returns whether it was removed. As many calls as `orders.operate`."""
    action = audit_log.new(operator_id, "order_removed", reason, order_id=order_id)
    try:
        orders.operate(order_id, _running_removed, action)
    except (OrderNotActive, OwnCase):
        # Its client, its deadline or another operator ended it first; or this operator took it, and another decides.
        return False
    return True


def _running_removed(order: Order, now: int) -> Order:
    if not is_running(order, now):
        raise OrderNotActive
    return removed(order, now)


handler = http_or_direct_handler(router, ban)
