"""GET /api/users/me/preferences: of which orders the caller wants to hear."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.store import users

router = APIRouter()


class PreferencesView(View):
    """Categories and cities, as saved."""

    categories: list[str]
    cities: list[str]


@router.get(
    "/api/users/me/preferences",
    operation_id="get_preferences",
    summary="Preferred categories and cities",
    response_model=PreferencesView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def get_preferences(caller: Reader) -> PreferencesView:
    """The caller's preferences; empty lists before he saved any."""
    user = users.visit(caller)
    return PreferencesView(categories=list(user.preferred_categories), cities=list(user.preferred_cities))


handler = http_handler(router)
