"""POST /api/balance/create-invoice: create an invoice that tops up the caller's balance."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared import clock, ids
from shared.commands import payments as commands
from shared.domain import money
from shared.domain.errors import Banned, InvalidInitData, ReceiptContactNeeded, TooOften
from shared.domain.payment import Provider, new_payment
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import ReceiptContact, View
from shared.payments import PROVIDERS, configured
from shared.service_errors import ProviderNotConfigured, ProviderUnavailable, Unavailable
from shared.settings import payment_settings
from shared.store import payments, table

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
        InvalidInitData, Banned, ReceiptContactNeeded, TooOften, ProviderNotConfigured, ProviderUnavailable
    ),
)
async def create_invoice(invoice: NewInvoice, caller: Caller) -> InvoiceView:
    """Creates a pending payment. The balance is credited when the provider confirms it.

    Poll `GET /api/balance/payment/{id}/status` with `payment_id` to see it paid. A payment can be paid for 30 minutes,
    by card for 60. A 503 `provider_not_configured` means that the service does not offer this provider. A 409
    `receipt_contact_needed` means that a receipt is due and that no `receipt_contact` is stored: ask the caller for one
    and repeat the request with it.
    """
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

    # Put before the provider is called: a webhook can arrive before the provider's response.
    payment, receipt_contact = commands.create(
        payment,
        caller,
        needs_receipt_contact=PROVIDERS[provider].needs_receipt_contact(),
        receipt_contact=invoice.receipt_contact,
    )
    try:
        provider_invoice = PROVIDERS[provider].create(payment, receipt_contact)
        payments.set_invoice(payment.id, provider_invoice.id)
    except table.WriteConflict as conflict:
        # Its payment links were not returned yet, so the payment will expire.
        raise Unavailable from conflict
    return InvoiceView(
        payment_id=payment.id,
        pay_url=provider_invoice.pay_url,
        mini_app_invoice_url=provider_invoice.mini_app_url,
    )


handler = http_handler(router)
