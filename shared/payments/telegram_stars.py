"""Telegram Stars: https://core.telegram.org/bots/payments-stars. Events arrive through the bot's webhook."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from shared.domain.errors import PaymentRefused, Unreadable
from shared.domain.payment import Charge, Payment, Provider
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.payments.provider import (
    DESCRIPTION,
    Invoice,
    PollResult,
    decode_reference,
    encode_reference,
    invoice,
    lookup,
    refused,
)
from shared.service_errors import ProviderUnavailable
from shared.store.payments import get_cursor, set_cursor

_CODE = re.compile(r"[A-Z][A-Z0-9_]+$", re.ASCII)
_TITLE = "Пополнение баланса"
_PAGE = 100
# Limits of one poll: pages, and seconds for each. The next poll continues after them.
_MAX_PAGES = 3
_PAGE_TIMEOUT_SECONDS = 3.0


def needs_receipt_contact() -> bool:
    """Never: Telegram sends no receipts."""
    return False


def create(payment: Payment, _: str | None) -> Invoice:
    """Create an invoice and return its link. One createInvoiceLink.

    Raises PaymentRefused, ProviderUnavailable, Unavailable.
    """
    link = _call(
        "createInvoiceLink",
        title=_TITLE,
        description=DESCRIPTION,
        payload=encode_reference(payment),
        provider_token="",
        currency="XTR",
        prices=[{"label": _TITLE, "amount": payment.price}],
    )
    return invoice(link, link, link)


def parse_webhook(message: Mapping[str, Any]) -> Charge | None:
    """Return the charge of a message with a successful_payment or a refunded_payment; None if it is not ours.

    Raises Unreadable.
    """
    is_refund = "refunded_payment" in message
    event = message["refunded_payment" if is_refund else "successful_payment"]
    id, price = lookup(event, "telegram_payment_charge_id"), lookup(event, "total_amount")
    payer_id, reference = lookup(message, "from", "id"), decode_reference(lookup(event, "invoice_payload"))
    if not isinstance(id, str) or type(price) is not int or (type(payer_id) is not int and not is_refund):
        raise Unreadable
    if reference is None:
        return None
    return Charge(
        provider=Provider.TELEGRAM_STARS,
        id=id,
        payment_id=reference[0],
        user_id=reference[1],
        price=price,
        currency=str(lookup(event, "currency")),
        payer_id=None if is_refund else payer_id,
        refunded=price if is_refund else 0,
    )


def poll(payments: Sequence[Payment]) -> PollResult:
    """Continue reading the list of the bot's transactions at the stored position.

    One getStarTransactions per hundred transactions, three at most; one GetItem for the position. Raises
    ProviderUnavailable, Unavailable.
    """
    start = position = get_cursor(Provider.TELEGRAM_STARS)
    charges: list[Charge] = []
    for _ in range(_MAX_PAGES):
        found = _call("getStarTransactions", read_timeout=_PAGE_TIMEOUT_SECONDS, offset=position, limit=_PAGE)
        page = lookup(found, "transactions")
        if not isinstance(page, list):
            raise ProviderUnavailable
        charges += filter(None, map(_charge_of_transaction, page))
        position += len(page)
        if len(page) < _PAGE:
            break
    done: Callable[[], None] = partial(set_cursor, Provider.TELEGRAM_STARS, position)
    return PollResult(charges, done=done) if position > start else PollResult(charges)


def refund(payment: Payment, _: str | None) -> Charge:
    """Refund the Stars. One refundStarPayment, which Telegram refuses for a refunded charge, so this is idempotent.

    Raises PaymentRefused, ProviderUnavailable, Unavailable.
    """
    try:
        _call("refundStarPayment", user_id=payment.user_id, telegram_payment_charge_id=payment.charge_id)
    except PaymentRefused as error:
        if error.reason != "CHARGE_ALREADY_REFUNDED":
            raise
    return Charge(
        provider=Provider.TELEGRAM_STARS,
        id=payment.charge_id or "",
        payment_id=payment.id,
        user_id=payment.user_id,
        price=payment.price,
        currency=payment.currency,
        refunded=payment.price,
    )


def _charge_of_transaction(transaction: object) -> Charge | None:
    """Return the charge of a transaction; None if it is not about a payment of ours.

    A payment has the payer as its source. Its refund has the same id and the payer as its receiver. The amount is what
    the bot got. Where an affiliate got a commission, that is less than the price, and may have billionths of a Star
    (`nanostar_amount`). A refund is always of the whole price.
    https://core.telegram.org/bots/api#startransaction
    """
    is_refund = lookup(transaction, "source") is None
    partner = lookup(transaction, "receiver" if is_refund else "source")
    reference = decode_reference(lookup(partner, "invoice_payload"))
    if lookup(partner, "type") != "user" or reference is None:
        return None
    amount, payer_id = lookup(transaction, "amount"), lookup(partner, "user", "id")
    is_net = is_refund or bool(lookup(partner, "affiliate") or lookup(transaction, "nanostar_amount"))
    return Charge(
        provider=Provider.TELEGRAM_STARS,
        id=str(lookup(transaction, "id")),
        payment_id=reference[0],
        user_id=reference[1],
        price=None if is_net else amount if type(amount) is int else -1,
        currency="XTR",
        payer_id=None if is_refund else payer_id if type(payer_id) is int else -1,
        refunded=1 if is_refund else 0,
    )


def _call(method: str, **parameters: Any) -> Any:
    try:
        return bot_api.call(method, **parameters)
    except BotApiError as error:
        # As in "Bad Request: CHARGE_NOT_FOUND". The rest of the sentence may repeat what was sent.
        code = _CODE.search(error.description)
        raise refused(error.error_code, code[0] if code else method) from error
    except BotApiUnreachable as error:
        raise ProviderUnavailable from error
