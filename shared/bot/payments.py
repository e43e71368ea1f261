"""Telegram Stars: approve a payment before Telegram takes it, and settle payments and refunds."""

from typing import Any

from shared import clock
from shared.bot import texts
from shared.commands.settle import settle
from shared.domain.payment import may_be_paid
from shared.outbound import bot_api
from shared.payments import telegram_stars
from shared.payments.provider import decode_reference, lookup
from shared.store import payments


def pre_checkout(query: dict[str, Any]) -> None:
    """Respond to a pre_checkout_query, for which Telegram waits ten seconds.

    At most one consistent GetItem, and one HTTP call. An invoice that is not ours is refused.
    """
    reference = decode_reference(query.get("invoice_payload"))
    payment = payments.get(reference[0]) if reference else None
    ok = payment is not None and may_be_paid(
        payment,
        price=lookup(query, "total_amount"),
        currency=lookup(query, "currency"),
        payer_id=lookup(query, "from", "id"),
        now=clock.now_ms(),
    )
    bot_api.call(
        "answerPreCheckoutQuery",
        pre_checkout_query_id=query.get("id"),
        ok=ok,
        error_message=None if ok else texts.CANNOT_PAY,
    )


def payment_update(message: dict[str, Any]) -> None:
    """Credit a successful_payment, or take back a refunded_payment. As many calls as `settle`. Raises Unreadable."""
    charge = telegram_stars.parse_webhook(message)
    if charge is not None:
        settle(charge)
