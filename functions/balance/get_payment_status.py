"""GET /api/balance/payment/{id}/status: return the status of the caller's payment."""

from typing import Literal

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, PaymentNotFound, TooOften
from shared.domain.payment import shown_status
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import PaymentId, View
from shared.store import payments

router = APIRouter()


class PaymentView(View):
    """The status of a payment.

    - `status`: `pending` until the provider confirms the payment. `paid`: credited; it stays `paid` after a refund.
      `expired`: not paid in time, declined, or refunded before it was credited. It becomes `paid` if the money arrives.
    - `amount`: roubles.
    - `new_balance`: the current balance in roubles; null unless `status` is `paid`.
    """

    payment_id: int
    status: Literal["pending", "paid", "expired"]
    amount: int
    new_balance: int | None


@router.get(
    "/api/balance/payment/{id}/status",
    operation_id="get_payment_status",
    summary="Get the status of a payment",
    response_model=PaymentView,
    responses=error_responses(InvalidInitData, PaymentNotFound, TooOften),
)
async def get_payment_status(payment_id: PaymentId, caller: Reader) -> PaymentView:
    """The current status of the caller's payment. The payment of another user gets a 404 `payment_not_found`."""
    payment, payer = payments.get_with_payer(payment_id, caller.id)
    if payment is None or payment.user_id != caller.id:
        raise PaymentNotFound
    status = shown_status(payment)
    return PaymentView(
        payment_id=payment.id,
        status=status,
        amount=payment.amount,
        new_balance=payer.balance if status == "paid" else None,
    )


handler = http_handler(router)
