"""DELETE /api/users/me: the caller wants to be forgotten."""

import time

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, TooOften
from shared.erasure import erase
from shared.http.auth import Caller
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.store import actions

router = APIRouter()

# A step that begins then ends within 23 s, as any request; the function has 29.
_LAST_STEP = 5.0


@router.delete(
    "/api/users/me",
    operation_id="delete_me",
    summary="Forget the caller",
    status_code=204,
    responses=documented(InvalidInitData, TooOften),
)
async def delete_me(caller: Caller) -> None:
    """His orders end as he could have ended them, and what he wrote is removed.

    The ledger stays, under his id and without his name, and so does his balance. After a 503 work is left: ask again.
    """
    action = actions.new(caller.id, "data_erased", "по просьбе самого пользователя", user_id=caller.id)
    erase(caller.id, action, until=time.monotonic() + _LAST_STEP)


handler = http_handler(router)
