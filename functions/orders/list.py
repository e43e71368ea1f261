"""GET /api/orders: the feed, and a user's own lists."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.exceptions import RequestValidationError

from shared import clock
from shared.domain.errors import TooOften, Unauthenticated
from shared.domain.order import PUBLIC_STATUSES, Status, fresh_for
from shared.handlers.http import http_handler
from shared.http.auth import MaybeReader
from shared.http.errors import error_responses
from shared.http.schemas import Category, City, Limit, OrderView, View, order_view
from shared.settings import feed_cache_seconds
from shared.store import feeds

router = APIRouter()

# What a stranger gets who asks for a status that only an order's own people see.
NOT_LISTED = {
    "type": "status_not_listed",
    "loc": ("query", "status"),
    "msg": "Заказы с таким статусом видны только их участникам",
}


class OrdersPage(View):
    """A page of orders and how many there are in all."""

    orders: list[OrderView]
    total: int


@router.get(
    "/api/orders",
    operation_id="list_orders",
    summary="Orders, newest first",
    response_model=OrdersPage,
    responses=error_responses(Unauthenticated, TooOften),
)
async def list_orders(
    response: Response,
    caller: MaybeReader,
    status: Status | None = None,
    category: Category | None = None,
    city: City | None = None,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
    mine: bool = False,
    taken_by_me: bool = False,
) -> dict[str, Any]:
    """Active orders unless `status` says otherwise; with `mine` or `taken_by_me` the caller's, of every status."""
    now = clock.now_ms()
    if mine or taken_by_me:
        if caller is None:
            raise Unauthenticated
        narrowed = feeds.Filter(status, city, category)
        if mine and taken_by_me:
            return {"orders": [], "total": 0}  # nobody takes his own order (I13)
        if mine:
            found, total = feeds.of_client(caller.id, narrowed, offset=offset, limit=limit, now=now)
        else:
            found, total = feeds.of_executor(caller.id, narrowed, offset=offset, limit=limit, now=now)
    else:
        status = status or Status.ACTIVE
        if status not in PUBLIC_STATUSES:
            raise RequestValidationError([NOT_LISTED])
        found, total = feeds.by_status(status, city, category, offset=offset, limit=limit, now=now)
        # A CDN counts from when it gets the page: a second is left for the way, and what the reading took is gone.
        fresh = min(feed_cache_seconds(), fresh_for(found, clock.now_ms()) // 1000 - 1)
        if caller is None and fresh > 0:
            # For a CDN alone: a browser's own copy would hide from a person what he has just done himself.
            response.headers["cache-control"] = f"public, max-age=0, s-maxage={fresh}"
    return {
        "orders": [order_view(order, user_id=None, now=now, listed=True) for order in found],
        "total": total,
    }


handler = http_handler(router)
