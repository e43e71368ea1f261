"""POST /api/admin/session: exchange a login code of the bot for an operator's session."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from shared import clock
from shared.aws import secrets
from shared.commands import logins
from shared.domain import sessions
from shared.domain.durations import SECOND_MS
from shared.domain.errors import LinkUsed, NotAnOperator
from shared.handlers.http import http_handler
from shared.http.errors import error_responses
from shared.http.schemas import View, iso
from shared.observability import logger
from shared.settings import operator_write_max_age_seconds, operators

router = APIRouter(tags=["admin"])


class LoginCode(BaseModel):
    """The code in the fragment of the bot's link."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}$")]


class SessionView(View):
    """The session. Send it as `Authorization: operator <session>` until `expires_at`, ISO 8601, UTC."""

    session: str
    operator_id: int
    expires_at: str


@router.post(
    "/api/admin/session",
    operation_id="open_session",
    summary="Exchange a login code for a session",
    response_model=SessionView,
    responses=error_responses(LinkUsed, NotAnOperator),
)
async def open_session(login: LoginCode) -> dict[str, object]:
    """The bot gives operators a link with the code, at `/admin`. A code is good for five minutes and one exchange.

    The session is accepted by the operators' routes alone, for reads and writes. It cannot be renewed; ask the bot for
    another link. An operator who leaves the list of operators loses their sessions at once.
    """
    operator_id = logins.exchange(login.code)
    logger.append_keys(user_id=operator_id)
    if operator_id not in operators():
        raise NotAnOperator
    ends_at = clock.now_ms() + operator_write_max_age_seconds() * SECOND_MS
    session = sessions.sign(operator_id, ends_at=ends_at, init_data_key=secrets.init_data_key())
    return {"session": session, "operator_id": operator_id, "expires_at": iso(ends_at)}


handler = http_handler(router)
