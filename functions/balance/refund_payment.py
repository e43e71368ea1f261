"""Refund a payment through its provider at an operator's command (`make refund`)."""

from typing import Any

from shared.commands.settle import settle
from shared.domain.errors import PaymentNotFound, PaymentRefused
from shared.domain.payment import Status
from shared.handlers.background import background_handler
from shared.observability import logger
from shared.payments import PROVIDERS
from shared.store import payments, users


@background_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Refund the payment of `{"payment_id"}`, and debit the balance by the amount, as far as the balance covers it.

    Returns the payment after it, in roubles, and the outcome: `refund` is `none` for a payment that is not paid,
    `succeeded`, `pending` while the provider's decision is open, or `refused` with the provider's `reason`. Idempotent:
    a repeated call continues after a failure. One consistent GetItem, one more where a receipt is due, the provider's
    `refund`, and the calls of `settle`. Fails on PaymentNotFound, ProviderUnavailable, Busy, Unavailable. The log line
    `failed` names the error.
    """
    payment = payments.get(event["payment_id"])
    if payment is None:
        raise PaymentNotFound
    outcome, reason = "none", None
    if payment.status is Status.PAID:
        provider = PROVIDERS[payment.provider]
        # The receipt of the refund goes where the payer's receipts go now; the payment has no copy of the contact.
        contact = users.get(payment.user_id).receipt_contact if provider.needs_receipt_contact() else None
        try:
            payment = settle(provider.refund(payment, contact)) or payment
            outcome = "pending"
        except PaymentRefused as refused:
            outcome, reason = "refused", refused.reason
            logger.append_keys(provider_error=reason)
    if payment.status is Status.REFUNDED:
        outcome = "succeeded"
    return {
        "refund": outcome,
        "reason": reason,
        "payment_id": payment.id,
        "user_id": payment.user_id,
        "provider": payment.provider,
        "status": payment.status,
        "amount": payment.amount,
        "refunded": payment.refunded,
        "taken_back": payment.taken_back,
        "debt": payment.debt,
    }
