"""POST /api/balance/webhook/crypto-bot: receive Crypto Pay's update about an invoice."""

from fastapi import APIRouter, Request

from shared.commands.settle import settle
from shared.domain.errors import Unreadable, UnverifiedSender
from shared.handlers.http import http_handler
from shared.http.errors import error_responses
from shared.http.schemas import Success
from shared.payments import crypto_pay

router = APIRouter()


@router.post(
    "/api/balance/webhook/crypto-bot",
    operation_id="crypto_pay_webhook",
    summary="Receive an update from Crypto Pay",
    response_model=Success,
    responses=error_responses(Unreadable, UnverifiedSender),
)
async def crypto_pay_webhook(request: Request) -> Success:
    """Called by Crypto Pay only. Credits a paid invoice; idempotent. Other signed updates are accepted and ignored.

    An invalid signature gets a 401 `unverified_sender`.
    """
    body = await request.body()
    crypto_pay.verify(request.headers, body)
    charge = crypto_pay.parse_webhook(body)
    if charge is not None:
        settle(charge)
    return Success(success=True)


handler = http_handler(router)
