"""An operator gives a payment back through its provider: `make refund`."""

from typing import Any

from shared.commands.settle import settle
from shared.domain.errors import PaymentNotFound
from shared.domain.payment import Status
from shared.handlers.background import background_handler
from shared.payments import PROVIDERS
from shared.store import payments


@background_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Refund the payment of `{"payment_id"}`, and take from the balance what it still has of it.

    The payment as it is then, roubles; one that is not paid stays as it is. Again, after whatever failed, it goes on
    where it was. Fails on PaymentNotFound, ProviderUnavailable, Busy, Unavailable: the log's `failed` says on which.
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
