"""Refund a payment through its provider at an operator's command (`make refund`)."""

from typing import Any

from shared.commands.refunds import give_back
from shared.domain.errors import PaymentNotFound
from shared.handlers.background import background_handler
from shared.store import payments


@background_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Refund the payment of `{"payment_id"}`, and debit the balance by the amount, as far as the balance covers it.

    Returns the payment after it, in roubles, and the outcome: `refund` is `none` for a payment that is not paid,
    `succeeded`, `pending` while the provider's decision is open, or `refused` with the provider's `reason`. Idempotent:
    a repeated call continues after a failure. One consistent GetItem and the calls of `give_back`. Fails on
    PaymentNotFound, ProviderUnavailable, Busy, Unavailable. The log line `failed` names the error.
    """
    found = payments.get(event["payment_id"])
    if found is None:
        raise PaymentNotFound
    payment, outcome, reason, _ = give_back(found)
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
