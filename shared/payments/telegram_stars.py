"""Telegram Stars: https://core.telegram.org/bots/payments-stars. Events arrive through the bot's webhook."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from shared.domain.payment import Charge, Payment, Provider
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.payments.provider import DESCRIPTION, Invoice, PollResult, decode_reference, encode_reference, refused
from shared.service_errors import ProviderUnavailable
from shared.store.payments import get_cursor, set_cursor

_TITLE = "Пополнение баланса"
_PAGE = 100
# Limits of one poll: pages, and seconds for each. The next poll continues after them.
_MAX_PAGES = 3
_PAGE_TIMEOUT_SECONDS = 3.0


def needs_receipt_contact() -> bool:
    """Never: Telegram sends no receipts."""
    return False


def create(payment: Payment, _: str | None) -> Invoice:
    """Create an invoice and return its link. One createInvoiceLink. Raises ProviderUnavailable, Unavailable."""
    link = _call(
        "createInvoiceLink",
        title=_TITLE,
        description=DESCRIPTION,
        payload=encode_reference(payment),
        provider_token="",
        currency="XTR",
        prices=[{"label": _TITLE, "amount": payment.price}],
    )
    return Invoice(link, link, link)


def parse_webhook(message: Mapping[str, Any]) -> Charge:
    """Return the charge of a message with a successful_payment or a refunded_payment."""
    paid = message.get("successful_payment")
    if paid is not None:
        return _charge(paid, payer_id=message["from"]["id"])
    given_back = message["refunded_payment"]
    return _charge(given_back, refunded=given_back["total_amount"])


def poll(payments: Sequence[Payment]) -> PollResult:
    """Continue reading the list of the bot's transactions at the stored position.

    One getStarTransactions per hundred transactions, three at most; one GetItem for the position. Raises
    ProviderUnavailable, Unavailable.
    """
    start = position = get_cursor(Provider.TELEGRAM_STARS)
    charges: list[Charge] = []
    for _ in range(_MAX_PAGES):
        page = _call("getStarTransactions", read_timeout=_PAGE_TIMEOUT_SECONDS, offset=position, limit=_PAGE)[
            "transactions"
        ]
        charges += filter(None, map(_charge_of_transaction, page))
        position += len(page)
        if len(page) < _PAGE:
            break
    done: Callable[[], None] = partial(set_cursor, Provider.TELEGRAM_STARS, position)
    return PollResult(charges, done=done) if position > start else PollResult(charges)


def refund(payment: Payment, _: str | None) -> Charge:
    """Refund the Stars. One refundStarPayment, which Telegram refuses for a refunded charge, so this is idempotent.

    Raises ProviderUnavailable, Unavailable.
    """
    try:
        bot_api.call("refundStarPayment", user_id=payment.user_id, telegram_payment_charge_id=payment.charge_id)
    except BotApiError as error:
        if "CHARGE_ALREADY_REFUNDED" not in error.description:
            raise refused(error.error_code, "refundStarPayment") from error
    except BotApiUnreachable as error:
        raise ProviderUnavailable from error
    return Charge(
        provider=Provider.TELEGRAM_STARS,
        id=payment.charge_id or "",
        payment_id=payment.id,
        user_id=payment.user_id,
        price=payment.price,
        currency=payment.currency,
        refunded=payment.price,
    )


def _charge(paid: Mapping[str, Any], *, payer_id: int | None = None, refunded: int = 0) -> Charge:
    payment_id, user_id = decode_reference(paid["invoice_payload"])
    return Charge(
        provider=Provider.TELEGRAM_STARS,
        id=paid["telegram_payment_charge_id"],
        payment_id=payment_id,
        user_id=user_id,
        price=paid["total_amount"],
        currency=paid["currency"],
        payer_id=payer_id,
        refunded=refunded,
    )


def _charge_of_transaction(transaction: Mapping[str, Any]) -> Charge | None:
    """Return the charge of a transaction; None if it is not about a payment of ours.

    A payment has the payer as its source. Its refund has the same id and the payer as its receiver.
    """
    source, receiver = transaction.get("source"), transaction.get("receiver")
    partner = source or receiver or {}
    if partner.get("type") != "user" or "invoice_payload" not in partner:
        return None
    payment_id, user_id = decode_reference(partner["invoice_payload"])
    return Charge(
        provider=Provider.TELEGRAM_STARS,
        id=transaction["id"],
        payment_id=payment_id,
        user_id=user_id,
        price=transaction["amount"],
        currency="XTR",
        payer_id=partner["user"]["id"] if source else None,
        refunded=0 if source else transaction["amount"],
    )


def _call(method: str, **parameters: Any) -> Any:
    try:
        return bot_api.call(method, **parameters)
    except BotApiError as error:
        raise refused(error.error_code, method) from error
    except BotApiUnreachable as error:
        raise ProviderUnavailable from error
