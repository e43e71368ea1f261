"""Telegram Stars: approve a payment before Telegram takes it, and settle payments and refunds."""

from typing import Any

from shared import clock
from shared.bot import texts
from shared.commands.settle import settle
from shared.domain.payment import may_be_paid
from shared.outbound import bot_api
from shared.payments import telegram_stars
from shared.payments.provider import decode_reference
from shared.store import payments


def pre_checkout(query: dict[str, Any]) -> None:
    """Respond to a pre_checkout_query, for which Telegram waits ten seconds. One consistent GetItem, one HTTP call."""
    payment_id, _ = decode_reference(query["invoice_payload"])
    payment = payments.get(payment_id)
    ok = payment is not None and may_be_paid(
        payment,
        price=query["total_amount"],
        currency=query["currency"],
        payer_id=query["from"]["id"],
        now=clock.now_ms(),
    )
    bot_api.call(
        "answerPreCheckoutQuery",
        pre_checkout_query_id=query["id"],
        ok=ok,
        error_message=None if ok else texts.CANNOT_PAY,
    )


def payment_update(message: dict[str, Any]) -> None:
    """Credit a successful_payment, or take back a refunded_payment. As many calls as `settle`."""
    settle(telegram_stars.parse_webhook(message))
