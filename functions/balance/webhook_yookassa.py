"""POST /api/balance/webhook/yookassa: YooKassa tells that something happened to a payment."""

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
    summary="A notification from YooKassa",
    response_model=Success,
    responses=error_responses(Unreadable, UnverifiedSender, ProviderUnavailable),
)
async def yookassa_webhook(request: Request) -> Success:
    """Asks YooKassa what became of the payment, and credits or takes back what it says, once."""
    # What the gateway saw, not what a header claims.
    yookassa.verify(request.scope["aws.event"]["requestContext"]["http"]["sourceIp"])
    charge = yookassa.parse_webhook(await request.body())
    if charge is not None:
        settle(charge)
    return Success(success=True)


handler = http_handler(router)
