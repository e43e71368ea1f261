"""POST /api/balance/create-invoice: a person wants to top his balance up."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared import clock, ids
from shared.commands import payments as commands
from shared.domain import money
from shared.domain.errors import Banned, InvalidInitData, TooOften
from shared.domain.payment import Provider, new_payment
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.payments import PROVIDERS, configured
from shared.service_errors import ProviderNotConfigured, ProviderUnavailable, Unavailable
from shared.settings import payment_settings
from shared.store import payments, table

router = APIRouter()


class NewInvoice(BaseModel):
    """`amount` in roubles, a JSON integer; without a `provider` the first of those that are on."""

    amount: Annotated[int, Field(strict=True, ge=money.MIN_RECHARGE, le=money.MAX_RECHARGE)]
    provider: Provider | None = None


class InvoiceView(View):
    """Where to pay: inside Telegram by `mini_app_invoice_url` where there is one, in a browser by `pay_url`."""

    payment_id: int
    pay_url: str
    mini_app_invoice_url: str | None


@router.post(
    "/api/balance/create-invoice",
    operation_id="create_invoice",
    summary="Top the balance up",
    response_model=InvoiceView,
    responses=error_responses(InvalidInitData, Banned, TooOften, ProviderNotConfigured, ProviderUnavailable),
)
async def create_invoice(invoice: NewInvoice, caller: Caller) -> InvoiceView:
    """A payment that waits for its payer; its status tells when the money came."""
    provider = configured(invoice.provider)
    now = clock.now_ms()
    payment = new_payment(
        id=ids.new_integer_id(now),
        user_id=caller.id,
        provider=provider,
        amount=invoice.amount,
        star_roubles=payment_settings().star_roubles,
        now=now,
    )

    # Put before the provider knows of it: a webhook can come before the provider's response.
    payment = commands.create(payment, caller)
    try:
        made = PROVIDERS[provider].create(payment)
        payments.set_invoice(payment.id, made.id)
    except table.WriteConflict as stale:
        # Nobody knows the way to pay it yet: it will expire.
        raise Unavailable from stale
    return InvoiceView(payment_id=payment.id, pay_url=made.pay_url, mini_app_invoice_url=made.mini_app_url)


handler = http_handler(router)
