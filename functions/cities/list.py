"""GET /api/cities: the cities an order can be in."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.domain import cities
from shared.http.entry import http_handler
from shared.http.errors import documented

router = APIRouter()


@router.get(
    "/api/cities",
    operation_id="list_cities",
    summary="Russian cities by their official names",
    response_model=list[str],
    responses=documented(),
)
async def list_cities(search: Annotated[str | None, Query(min_length=1, max_length=100)] = None) -> list[str]:
    """All of them, or those whose name contains `search`, sorted."""
    return list(cities.names()) if search is None else cities.search(search)


handler = http_handler(router)
