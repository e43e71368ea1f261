"""POST /api/balance/create-invoice: a person wants to top his balance up."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared import clock, ids, payments
from shared.domain import money
from shared.domain.errors import InvalidInitData, ProviderNotConfigured, ProviderUnavailable, Unavailable
from shared.domain.payment import Payment, Provider, new_payment
from shared.http.auth import Caller
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import View
from shared.settings import payment_settings
from shared.store import payments as store
from shared.store import table

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
    responses=documented(InvalidInitData, ProviderNotConfigured, ProviderUnavailable),
)
async def create_invoice(invoice: NewInvoice, caller: Caller) -> InvoiceView:
    """A payment that waits for its payer; its status tells when the money came."""
    provider = payments.configured(invoice.provider)
    try:
        # Before the provider knows of it: it may tell us of the money before it has answered.
        payment = _written(provider, caller.id, invoice.amount)
        made = payments.PROVIDERS[provider].create(payment)
        store.set_invoice(payment.id, made.id)
    except table.Stale as stale:
        # Nobody knows the way to pay it yet: it will expire.
        raise Unavailable from stale
    return InvoiceView(payment_id=payment.id, pay_url=made.pay_url, mini_app_invoice_url=made.mini_app_url)


def _written(provider: Provider, user_id: int, amount: int) -> Payment:
    """A new payment that is in the table. Raises table.Stale."""
    for ids_left in (2, 1, 0):
        now = clock.now_ms()
        payment = new_payment(
            id=ids.new_integer_id(now),
            user_id=user_id,
            provider=provider,
            amount=amount,
            star_roubles=payment_settings().star_roubles,
            now=now,
        )
        try:
            store.create(payment)
        except table.Stale:  # another payment of this millisecond got the id
            if not ids_left:
                raise
        else:
            return payment
    raise AssertionError("it has returned or raised")


handler = http_handler(router)
