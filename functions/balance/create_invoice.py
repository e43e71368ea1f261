"""POST /api/balance/create-invoice: create an invoice that tops up the caller's balance."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.bot import receipts
from shared.commands import payments as commands
from shared.domain import money
from shared.domain.errors import (
    AmountOutOfLimits,
    Banned,
    InvalidInitData,
    PaymentRefused,
    ReceiptContactNeeded,
    TooOften,
)
from shared.domain.payment import Provider
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import ReceiptContact, View
from shared.service_errors import ProviderNotConfigured, ProviderUnavailable

router = APIRouter()


class NewInvoice(BaseModel):
    """A top-up.

    - `amount`: roubles, a JSON integer.
    - `provider`: without it, the first payment provider that the service offers.
    - `receipt_contact`: an e-mail or a Russian phone for the fiscal receipts of card payments. By giving it, the caller
      consents to its storage for the next receipts. It replaces the one before. Other payments ignore it.
    """

    amount: Annotated[int, Field(strict=True, ge=money.MIN_RECHARGE, le=money.MAX_RECHARGE)]
    provider: Provider | None = None
    receipt_contact: ReceiptContact | None = None


class InvoiceView(View):
    """Where to pay.

    - `pay_url`: the page to pay on in a browser.
    - `mini_app_invoice_url`: the `https://t.me` link to pay inside Telegram; null when the provider has none.
    """

    payment_id: int
    pay_url: str
    mini_app_invoice_url: str | None


@router.post(
    "/api/balance/create-invoice",
    operation_id="create_invoice",
    summary="Create an invoice to top up the balance",
    response_model=InvoiceView,
    responses=error_responses(
        InvalidInitData,
        AmountOutOfLimits,
        Banned,
        PaymentRefused,
        ReceiptContactNeeded,
        TooOften,
        ProviderNotConfigured,
        ProviderUnavailable,
    ),
)
async def create_invoice(invoice: NewInvoice, caller: Caller) -> InvoiceView:
    """Creates a pending payment. The balance is credited when the provider confirms it.

    Poll `GET /api/balance/payment/{id}/status` with `payment_id` to see it paid. A payment can be paid for 30 minutes,
    by card for 60. A 422 `amount_out_of_limits` has the provider's limits in its sentence. A 503
    `provider_not_configured` means that the service does not offer this provider. A 409 `receipt_contact_needed` means
    that a receipt is due and that no `receipt_contact` is stored: ask the caller for one and repeat the request with
    it. The bot asks the caller too, and sends the link to pay after the reply.
    """
    try:
        payment, provider_invoice = commands.begin(
            caller, wanted=invoice.provider, amount=invoice.amount, receipt_contact=invoice.receipt_contact
        )
    except ReceiptContactNeeded:
        receipts.ask(caller.id, invoice.amount)
        raise
    return InvoiceView(
        payment_id=payment.id,
        pay_url=provider_invoice.pay_url,
        mini_app_invoice_url=provider_invoice.mini_app_url,
    )


handler = http_handler(router)
