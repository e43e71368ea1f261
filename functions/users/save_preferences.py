"""PUT /api/users/me/preferences: save the categories and cities of which the caller wants notifications."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.commands import users
from shared.domain.errors import Banned, InvalidInitData, TooOften
from shared.domain.user import MAX_PREFERRED_CATEGORIES, MAX_PREFERRED_CITIES
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import Category, City, Success

router = APIRouter()


class Preferences(BaseModel):
    """The complete new preferences. An empty list means any category, or any city."""

    categories: Annotated[list[Category], Field(max_length=MAX_PREFERRED_CATEGORIES)]
    cities: Annotated[list[City], Field(max_length=MAX_PREFERRED_CITIES)]


@router.put(
    "/api/users/me/preferences",
    operation_id="save_preferences",
    summary="Save the preferred categories and cities",
    response_model=Success,
    responses=error_responses(InvalidInitData, Banned, TooOften),
)
async def save_preferences(preferences: Preferences, caller: Caller) -> Success:
    """Replaces both lists. A name that is given twice is kept once. The request is idempotent."""
    users.save_preferences(
        caller,
        categories=list(dict.fromkeys(preferences.categories)),
        cities=list(dict.fromkeys(preferences.cities)),
    )
    return Success(success=True)


handler = http_handler(router)
