"""GET /api/orders: the feed, and the caller's own lists."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from shared import clock
from shared.domain.errors import InvalidInitData, TooOften, Unauthenticated
from shared.domain.order import Status, fresh_for
from shared.domain.visibility import PUBLIC_STATUSES
from shared.handlers.http import http_handler
from shared.http.auth import MaybeReader
from shared.http.errors import error_responses
from shared.http.headers import NEVER_STALE
from shared.http.schemas import (
    Category,
    City,
    Limit,
    OrderCursor,
    OrderView,
    View,
    listed_view,
    sort_key_at,
    sort_key_cursor,
)
from shared.settings import feed_cache_seconds
from shared.store import feeds

router = APIRouter()

# A page skips the entries before it by reading them.
MAX_OFFSET = 1000

# The field error for a status that only the client and the executors of an order may list.
NOT_LISTED = {
    "type": "status_not_listed",
    "loc": ("query", "status"),
    "msg": "Заказы с таким статусом видны только их участникам",
}


class OrdersPage(View):
    """A page of orders. `total` is the number of all matching orders, not of the orders on this page.

    `next_cursor` is the `cursor` of the next page, and null at the end of the list.
    """

    orders: list[OrderView]
    total: int
    next_cursor: str | None


@router.get(
    "/api/orders",
    operation_id="list_orders",
    summary="List orders, newest first",
    response_model=OrdersPage,
    responses=error_responses(InvalidInitData, TooOften),
)
async def list_orders(
    caller: MaybeReader,
    status: Status | None = None,
    category: Category | None = None,
    city: City | None = None,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    cursor: OrderCursor = None,
    mine: bool = False,
    taken_by_me: bool = False,
) -> JSONResponse:
    """Lists everyone's orders, or only the caller's. `contact` is always null in lists.

    - `status`: for everyone's orders `active` (the default), `expired` or `completed`; another status gets a 422.
    - `category`, `city`: only orders with that exact name.
    - `mine`: only orders that the caller posted. `taken_by_me`: only orders that the caller took. Both list every
      status unless `status` is given. Both need valid credentials (401). Together they match no order.
    - `cursor`: `next_cursor` of the previous page of the same list. `offset`: number of orders to skip, at most 1000;
      use `cursor` for a longer list. `limit`: page size.

    `total` is exact, but may be two seconds old when the page does not reach the end of the list. Credentials are
    optional for everyone's orders; invalid ones count as none.
    """
    now, after, headers = clock.now_ms(), sort_key_at(cursor), {}
    if mine or taken_by_me:
        if caller is None:
            raise Unauthenticated
        narrowed = feeds.Filter(status, city, category)
        if mine and taken_by_me:
            return _response(feeds.Page([], 0, None), now)  # nobody can take an own order (I13)
        read = feeds.of_client if mine else feeds.of_executor
        page = read(caller.id, narrowed, after=after, offset=offset, limit=limit, now=now)
    else:
        status = status or Status.ACTIVE
        if status not in PUBLIC_STATUSES:
            raise RequestValidationError([NOT_LISTED])
        page = feeds.by_status(status, city, category, after=after, offset=offset, limit=limit, now=now)
        # A CDN counts from the moment it gets the page: one second is left for the way, and the reads took their time.
        fresh = min(feed_cache_seconds(), fresh_for(page.orders, clock.now_ms()) // 1000 - 1)
        if caller is None and fresh > 0:
            # For a CDN only: a copy in the browser would hide from users what they have just done.
            headers["cache-control"] = f"public, max-age=0, s-maxage={fresh}, {NEVER_STALE}"
    return _response(page, now, headers)


def _response(page: feeds.Page, now: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response as JSON. FastAPI would validate the orders of a page once more, for half a millisecond."""
    content: dict[str, Any] = {
        "orders": [listed_view(order, now=now) for order in page.orders],
        "total": page.total,
        "next_cursor": sort_key_cursor(page.next_after),
    }
    return JSONResponse(content, headers=headers)


handler = http_handler(router)
