"""GET /api/cities: list the cities that an order can be in."""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from shared.domain import cities
from shared.domain.text import clean
from shared.handlers.http import fast_path_handler

if TYPE_CHECKING:
    from fastapi import APIRouter

LONGEST_SEARCH = 100


def list_cities(search: str | None) -> list[str]:
    """All cities, or those whose name contains `search`; sorted. No credentials are needed."""
    return list(cities.names()) if search is None else cities.search(search)


def fast_path(event: dict[str, Any]) -> list[str] | None:
    """Return the cities for a request with no parameter, or with one valid `search`; None for every other request."""
    query = parse_qs(event.get("rawQueryString", ""), keep_blank_values=True)
    match query:
        case {"search": [typed]} if len(query) == 1 and 1 <= len(search := clean(typed)) <= LONGEST_SEARCH:
            return list_cities(search)
    return None if query else list_cities(None)


def make_router() -> "APIRouter":
    """Make the router: for the OpenAPI document, and for requests that `fast_path` does not cover."""
    from typing import Annotated  # noqa: PLC0415

    from fastapi import APIRouter  # noqa: PLC0415
    from pydantic import StringConstraints  # noqa: PLC0415

    from shared.http.errors import error_responses  # noqa: PLC0415
    from shared.http.schemas import TEXT  # noqa: PLC0415

    router = APIRouter()

    @router.get(
        "/api/cities",
        operation_id="list_cities",
        summary="List Russian cities by their official names",
        response_model=list[str],
        responses=error_responses(),
        description=list_cities.__doc__,
    )
    async def all_or_found(
        search: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SEARCH), TEXT] | None = None,
    ) -> list[str]:
        return list_cities(search)

    return router


handler = fast_path_handler(fast_path, make_router)
