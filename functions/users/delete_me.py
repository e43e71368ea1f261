"""DELETE /api/users/me: the caller wants to be forgotten."""

import time

from fastapi import APIRouter

from shared.commands.erasure import erase
from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.store import audit_log

router = APIRouter()

# A step that begins then ends within 23 s, as any request; the function has 29.
_LAST_STEP = 5.0


@router.delete(
    "/api/users/me",
    operation_id="delete_me",
    summary="Forget the caller",
    status_code=204,
    responses=error_responses(InvalidInitData, TooOften),
)
async def delete_me(caller: Caller) -> None:
    """His orders end as he could have ended them, and what he wrote is removed.

    The ledger stays, under his id and without his name, and so does his balance. After a 503 work is left: ask again.
    """
    action = audit_log.new(caller.id, "data_erased", "по просьбе самого пользователя", user_id=caller.id)
    erase(caller.id, action, until=time.monotonic() + _LAST_STEP)


handler = http_handler(router)
