"""GET /api/users/me/preferences: return the categories and cities of which the caller wants notifications."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.store import users

router = APIRouter()


class PreferencesView(View):
    """The preferred categories and cities, as saved.

    An empty list does not narrow: no category means any category, no city means any city.
    """

    categories: list[str]
    cities: list[str]


@router.get(
    "/api/users/me/preferences",
    operation_id="get_preferences",
    summary="Get the preferred categories and cities",
    response_model=PreferencesView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def get_preferences(caller: Reader) -> PreferencesView:
    """The categories and cities of the orders that the bot offers to the caller.

    Both lists are empty until preferences are saved.
    """
    user = users.visit(caller)
    return PreferencesView(categories=list(user.preferred_categories), cities=list(user.preferred_cities))


handler = http_handler(router)
