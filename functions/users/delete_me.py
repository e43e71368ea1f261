"""DELETE /api/users/me: erase the caller's personal data."""

import time

from fastapi import APIRouter

from shared.commands.erasure import erase
from shared.domain.errors import InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.store import audit_log

router = APIRouter()

# No step starts later, in seconds. A step takes at most 23 s, as any request does, and the function has 29 s (P4).
_LAST_STEP = 5.0


@router.delete(
    "/api/users/me",
    operation_id="delete_me",
    summary="Erase the caller's personal data",
    status_code=204,
    responses=error_responses(InvalidInitData, TooOften),
)
async def delete_me(caller: Caller) -> None:
    """The caller's name, settings and texts are removed. Ratings that they gave in reviews still count.

    Running orders end first: an order that nobody took is deleted; a taken one is closed, with refunds if the client
    has not responded. The balance and the ledger stay under the bare user id. A banned caller can do this too. The
    request counts against the rate limit of the settings. After a 503, work is left: repeat the request to continue.
    """
    action = audit_log.new(caller.id, "data_erased", "по просьбе самого пользователя", user_id=caller.id)
    erase(caller.id, action, until=time.monotonic() + _LAST_STEP)


handler = http_handler(router)
