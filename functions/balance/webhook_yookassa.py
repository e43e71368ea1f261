"""POST /api/balance/webhook/yookassa: receive YooKassa's notification about a payment."""

from fastapi import APIRouter, Request

from shared.commands.settle import settle
from shared.domain.errors import Unreadable, UnverifiedSender
from shared.handlers.http import http_handler
from shared.http.errors import error_responses
from shared.http.schemas import Success
from shared.payments import yookassa
from shared.service_errors import ProviderUnavailable

router = APIRouter()


@router.post(
    "/api/balance/webhook/yookassa",
    operation_id="yookassa_webhook",
    summary="Receive a notification from YooKassa",
    response_model=Success,
    responses=error_responses(Unreadable, UnverifiedSender, ProviderUnavailable),
)
async def yookassa_webhook(request: Request) -> Success:
    """Called by YooKassa only. Reads the payment from YooKassa's API, then credits it or takes back a refund.

    Idempotent. A request from outside YooKassa's networks gets a 401 `unverified_sender`.
    """
    # The address that the gateway saw: a header can be forged.
    yookassa.verify(request.scope["aws.event"]["requestContext"]["http"]["sourceIp"])
    charge = yookassa.parse_webhook(await request.body())
    if charge is not None:
        settle(charge)
    return Success(success=True)


handler = http_handler(router)
