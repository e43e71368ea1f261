"""Authentication: Telegram's initData, sent in one of three headers, verified on every request (I22)."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase

from shared import clock
from shared.aws import secrets
from shared.domain import init_data, sessions
from shared.domain.errors import (
    CredentialsTooOld,
    InitDataExpired,
    InvalidInitData,
    NotAnOperator,
    Unauthenticated,
    UnverifiedSender,
)
from shared.domain.init_data import TelegramUser
from shared.observability import logger
from shared.settings import operator_write_max_age_seconds, operators, settings
from shared.store import reads

_SCHEMES = ("bearer", "tma")


def _credentials(request: Request) -> str | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in _SCHEMES and (sent := credentials.strip()):
        return sent
    return request.headers.get("x-telegram-init-data", "").strip() or None


def _verified(sent: str, *, max_age: int | None = None) -> TelegramUser:
    max_age = settings().init_data_max_age_seconds if max_age is None else max_age
    user = init_data.verify(sent, key=secrets.init_data_key(), now=clock.now_ms(), max_age=max_age)
    logger.append_keys(user_id=user.id)
    return user


class InitData(SecurityBase):
    """The security scheme for the OpenAPI document, and the dependency that checks the credentials.

    With `counts`, each request is counted against the caller's rate limit for reads. Raises Unauthenticated,
    InvalidInitData when `required`; TooOften, Unavailable. Otherwise the error is kept in the request's state, for a
    route that needs credentials for some of its parameters.
    """

    def __init__(self, *, required: bool, counts: bool = False) -> None:
        self.scheme_name = "initData"
        self.model = HTTPBearerModel(
            bearerFormat="initData",
            description="The raw initData of the Mini App. `Authorization: tma <initData>` and"
            " `X-Telegram-Init-Data: <initData>` are accepted, too. The code of a 401 tells what is wrong:"
            " `unauthenticated` (none sent), `init_data_expired` (signed by Telegram, too long ago) or"
            " `invalid_init_data` (anything else). Operators may send `Authorization: operator <session>` to"
            " `/api/admin`; `session_expired`: it has ended. `credentials_too_old`: too old for an operator's change.",
        )
        self.required = required
        self._counts = counts

    async def __call__(self, request: Request) -> TelegramUser | None:
        sent = _credentials(request)
        try:
            if sent is None:
                raise Unauthenticated
            user = _verified(sent)
        except (Unauthenticated, InvalidInitData) as refused:
            if self.required:
                raise
            request.state.refused_credentials = refused
            return None
        if self._counts:
            reads.count(user.id, now=clock.now_ms())
        return user


Caller = Annotated[TelegramUser, Depends(InitData(required=True))]
"""The user who sent valid credentials; any other request gets a 401."""

Reader = Annotated[TelegramUser, Depends(InitData(required=True, counts=True))]
"""A caller of a read endpoint, within the rate limit for reads."""

MaybeReader = Annotated[TelegramUser | None, Depends(InitData(required=False, counts=True))]
"""The reader who sent valid credentials; None without them."""


async def _operator(
    request: Request, caller: Annotated[TelegramUser | None, Depends(InitData(required=False))]
) -> TelegramUser:
    """Return the operator of an initData, or of a session that `POST /api/admin/session` opened.

    A request that changes something needs an initData of at most `operator_write_max_age_seconds`: Telegram's clients
    keep one for days. Raises NotAnOperator, CredentialsTooOld, SessionExpired, Unauthenticated, InvalidInitData.
    """
    scheme, _, session = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "operator":
        operator_id = sessions.verify(session, init_data_key=secrets.init_data_key(), now=clock.now_ms())
        logger.append_keys(user_id=operator_id)
        caller = TelegramUser(operator_id, "", "", None)
    if caller is None:
        raise request.state.refused_credentials
    if caller.id not in operators():
        raise NotAnOperator
    if scheme.lower() != "operator" and request.method != "GET":
        try:
            _verified(_credentials(request) or "", max_age=operator_write_max_age_seconds())
        except InitDataExpired:
            raise CredentialsTooOld from None
    return caller


Operator = Annotated[TelegramUser, Depends(_operator)]
"""A caller in the list of operators; any other caller gets a 403: the existence of these paths is not secret."""


def check_sent_by_telegram(request: Request) -> None:
    """Compare the header of an update with the secret given to setWebhook. One ssm:GetParameter per five minutes.

    Raises UnverifiedSender, Unavailable.
    """
    sent = request.headers.get("x-telegram-bot-api-secret-token")
    # As bytes: compare_digest raises on text that is not ASCII.
    if not sent or not hmac.compare_digest(sent.encode(), secrets.telegram_webhook_secret().encode()):
        raise UnverifiedSender
