"""GET /api/orders: the feed, and the caller's own lists."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.exceptions import RequestValidationError

from shared import clock
from shared.domain.errors import InvalidInitData, TooOften, Unauthenticated
from shared.domain.order import Status, fresh_for
from shared.domain.visibility import PUBLIC_STATUSES
from shared.handlers.http import http_handler
from shared.http.auth import MaybeReader
from shared.http.errors import error_responses
from shared.http.headers import NEVER_STALE
from shared.http.schemas import Category, City, Limit, OrderView, View, order_view
from shared.settings import feed_cache_seconds
from shared.store import feeds

router = APIRouter()

# The field error for a status that only the client and the executors of an order may list.
NOT_LISTED = {
    "type": "status_not_listed",
    "loc": ("query", "status"),
    "msg": "Заказы с таким статусом видны только их участникам",
}


class OrdersPage(View):
    """A page of orders. `total` is the number of all matching orders, not of the orders on this page."""

    orders: list[OrderView]
    total: int


@router.get(
    "/api/orders",
    operation_id="list_orders",
    summary="List orders, newest first",
    response_model=OrdersPage,
    responses=error_responses(InvalidInitData, TooOften),
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
    """Lists everyone's orders, or only the caller's. `contact` is always null in lists.

    - `status`: for everyone's orders `active` (the default), `expired` or `completed`; another status gets a 422.
    - `category`, `city`: only orders with that exact name.
    - `mine`: only orders that the caller posted. `taken_by_me`: only orders that the caller took. Both list every
      status unless `status` is given. Both need valid credentials (401). Together they match no order.
    - `offset`: number of orders to skip. `limit`: page size.

    `total` is exact, but may be two seconds old when the page does not reach the end of the list. Credentials are
    optional for everyone's orders; invalid ones count as none.
    """
    now = clock.now_ms()
    if mine or taken_by_me:
        if caller is None:
            raise Unauthenticated
        narrowed = feeds.Filter(status, city, category)
        if mine and taken_by_me:
            return {"orders": [], "total": 0}  # nobody can take an own order (I13)
        if mine:
            found, total = feeds.of_client(caller.id, narrowed, offset=offset, limit=limit, now=now)
        else:
            found, total = feeds.of_executor(caller.id, narrowed, offset=offset, limit=limit, now=now)
    else:
        status = status or Status.ACTIVE
        if status not in PUBLIC_STATUSES:
            raise RequestValidationError([NOT_LISTED])
        found, total = feeds.by_status(status, city, category, offset=offset, limit=limit, now=now)
        # A CDN counts from the moment it gets the page: one second is left for the way, and the reads took their time.
        fresh = min(feed_cache_seconds(), fresh_for(found, clock.now_ms()) // 1000 - 1)
        if caller is None and fresh > 0:
            # For a CDN only: a copy in the browser would hide from users what they have just done.
            response.headers["cache-control"] = f"public, max-age=0, s-maxage={fresh}, {NEVER_STALE}"
    return {
        "orders": [order_view(order, user_id=None, now=now, listed=True) for order in found],
        "total": total,
    }


handler = http_handler(router)
