"""Refund a payment through its provider at an operator's command (`make refund`)."""

from typing import Any

from shared.commands.settle import settle
from shared.domain.errors import PaymentNotFound
from shared.domain.payment import Status
from shared.handlers.background import background_handler
from shared.payments import PROVIDERS
from shared.store import payments


@background_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Refund the payment of `{"payment_id"}`, and debit the balance by the amount, as far as the balance covers it.

    Returns the payment after it, in roubles. A payment that is not paid stays unchanged. Idempotent: a repeated call
    continues after a failure. One consistent GetItem, the provider's `refund`, and the calls of `settle`. Fails on
    PaymentNotFound, ProviderUnavailable, Busy, Unavailable. The log line `failed` names the error.
    """
    payment = payments.get(event["payment_id"])
    if payment is None:
        raise PaymentNotFound
    if payment.status is Status.PAID:
        payment = settle(PROVIDERS[payment.provider].refund(payment)) or payment
    return {
        "payment_id": payment.id,
        "user_id": payment.user_id,
        "provider": payment.provider,
        "status": payment.status,
        "amount": payment.amount,
        "refunded": payment.refunded,
        "taken_back": payment.taken_back,
        "debt": payment.debt,
    }
