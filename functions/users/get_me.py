"""GET /api/users/me: return the caller's profile."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.store import users

router = APIRouter()


class MeView(View):
    """The caller's own profile.

    - `first_name`, `last_name`, `username`: as Telegram sent them in the latest initData.
    - `active_orders`: own orders that are active, and taken orders that have not ended.
    - `completed_orders`: completed orders, as a client or as an executor.
    - `rating`: the mean of all reviews received, rounded to two digits; 0 before the first review.
    - `balance`: roubles.
    """

    id: int
    first_name: str
    last_name: str
    username: str | None
    completed_orders: int
    active_orders: int
    rating: float
    balance: int


@router.get(
    "/api/users/me",
    operation_id="get_me",
    summary="Get the caller's profile",
    response_model=MeView,
    responses=error_responses(InvalidInitData, TooOften),
)
async def get_me(caller: Reader) -> MeView:
    """The caller's name, counters, rating and balance. The first request of a new Telegram user creates the user."""
    user = users.visit(caller)
    return MeView(
        id=user.id,
        first_name=user.first_name,
        last_name=user.last_name,
        username=user.username,
        completed_orders=user.completed_orders,
        active_orders=user.active_orders,
        rating=user.rating,
        balance=user.balance,
    )


handler = http_handler(router)
