"""POST /api/telegram/webhook: receive the updates of the bot."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from shared import clock
from shared.bot import buttons, chats, panel, payments, receipts, support
from shared.bot.updates import OF_OPERATORS, kind_of
from shared.domain.errors import Unreadable, UnverifiedSender
from shared.handlers.http import http_handler
from shared.http.auth import check_sent_by_telegram
from shared.http.errors import error_responses
from shared.http.schemas import Success
from shared.observability import logger
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.service_errors import Unavailable
from shared.store import updates

router = APIRouter()

# The kind of a command that has no handler of its own.
ANY_COMMAND = "/"
# The command of operators, whose reply needs the address of the panel.
ADMIN = "/admin"

# The handler of each kind of update, as `kind_of` names it. Telegram may deliver an update twice, so every handler is
# idempotent. After an error of a handler, Telegram delivers the update again.
HANDLERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "/help": chats.explain,
    "/support": support.invite,
    "/paysupport": support.pay_support,
    OF_OPERATORS: support.watch,
    ANY_COMMAND: chats.explain,
    "reply": receipts.answer,
    "message": receipts.write,
    "edited_message": receipts.edit,
    "pre_checkout_query": payments.pre_checkout,
    "successful_payment": payments.payment_update,
    "refunded_payment": payments.payment_update,
}

# The same for kinds whose handlers read the mark of the update in the same call as what they change.
CHECKING_HANDLERS: dict[str, Callable[[dict[str, Any], int], None]] = {
    "/start": chats.start,
    "write_access_allowed": chats.write_access,
    "my_chat_member": chats.membership,
    "callback_query": buttons.press,
}

# Kinds whose handlers write under a key of their own: a mark that the update was handled would add nothing.
REPEATABLE = frozenset({"pre_checkout_query", "successful_payment", "refunded_payment"})


@router.post(
    "/api/telegram/webhook",
    operation_id="telegram_webhook",
    summary="Receive an update from Telegram",
    response_model=Success,
    responses=error_responses(Unreadable, UnverifiedSender),
)
async def telegram_webhook(request: Request) -> Success:
    """Called by Telegram only. Handles each update once; updates of other kinds are accepted and ignored.

    A missing or wrong secret token gets a 401 `unverified_sender`.
    """
    check_sent_by_telegram(request)
    update = _update(await request.body())
    update_id = update["update_id"]
    kind, content = kind_of(update)
    is_known = kind in HANDLERS or kind in CHECKING_HANDLERS or kind == ADMIN
    if not is_known and kind.startswith("/"):
        kind = ANY_COMMAND  # the word may be anything that a person types, and the kind is logged
    elif not is_known:
        return Success(success=True)
    logger.append_keys(update_id=update_id, kind=kind)
    try:
        _handle(kind, content, update_id, request)
    except updates.AlreadyHandled:
        return Success(success=True)
    except BotApiUnreachable as error:
        raise Unavailable from error
    except BotApiError as error:
        if error.error_code == 429 or error.error_code >= 500:
            raise Unavailable from error
        # The user blocked the bot, or the message is gone: another delivery would not change that.
        logger.append_keys(telegram_error=error.error_code)
    if kind not in REPEATABLE:
        updates.mark_handled(update_id, clock.now_ms())
    return Success(success=True)


def _handle(kind: str, content: dict[str, Any], update_id: int, request: Request) -> None:
    if kind in CHECKING_HANDLERS:
        CHECKING_HANDLERS[kind](content, update_id)
        return
    if kind not in REPEATABLE and updates.is_handled(update_id):
        raise updates.AlreadyHandled
    if kind == ADMIN:
        panel.invite(content, _panel_url(request))
    else:
        HANDLERS[kind](content)


def _panel_url(request: Request) -> str:
    """Return the address of the panel: the host at which Telegram, whose secret was checked, called this function."""
    # API Gateway says by which scheme it was called. The local front does not, and has http.
    return f"{request.headers.get('x-forwarded-proto', 'http')}://{request.headers['host']}/admin"


def _update(body: bytes) -> dict[str, Any]:
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(update, dict) or type(update.get("update_id")) is not int:
        raise Unreadable
    return update


handler = http_handler(router)
