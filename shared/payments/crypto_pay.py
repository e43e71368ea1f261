"""Crypto Pay (@CryptoBot): invoices in roubles, paid in crypto. https://help.send.tg/en/articles/10279948-crypto-pay-api"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.aws import secrets
from shared.domain.errors import PaymentRefused, Unreadable, UnverifiedSender
from shared.domain.payment import LIFETIME_MS, Charge, Payment, Provider
from shared.outbound import http
from shared.payments.provider import (
    DESCRIPTION,
    Invoice,
    PollResult,
    decode_reference,
    encode_reference,
    invoice,
    kopecks,
    lookup,
    refused,
)
from shared.service_errors import ProviderUnavailable
from shared.settings import payment_settings

_SIGNATURE = re.compile("[0-9a-f]{64}", re.ASCII)


def needs_receipt_contact() -> bool:
    """Never: Crypto Pay sends no receipts."""
    return False


def create(payment: Payment, _: str | None) -> Invoice:
    """Create an invoice. One createInvoice, never retried: it has no idempotency key, so a retry could create a second.

    Raises PaymentRefused, ProviderUnavailable, Unavailable.
    """
    created = _call(
        "createInvoice",
        {
            "currency_type": "fiat",
            "fiat": "RUB",
            "amount": str(payment.amount),
            "description": DESCRIPTION,
            "payload": encode_reference(payment),
            "expires_in": LIFETIME_MS[Provider.CRYPTO_PAY] // 1000,
        },
        repeatable=False,
    )
    return invoice(_id(created), lookup(created, "bot_invoice_url"), lookup(created, "mini_app_invoice_url"))


def verify(headers: Mapping[str, str], body: bytes) -> None:
    """Verify the signature, which only Crypto Pay and we can create. Raises UnverifiedSender, Unavailable.

    A malformed signature is refused before the key is read. On a stage without a key, every signature is refused.
    """
    signature = headers.get("crypto-pay-api-signature", "")
    if not _SIGNATURE.fullmatch(signature):
        raise UnverifiedSender
    key = secrets.crypto_pay_webhook_key_if_set()
    if key is None:
        raise UnverifiedSender
    expected = hmac.new(key, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, expected):
        raise UnverifiedSender


def parse_webhook(body: bytes) -> Charge | None:
    """Return the charge in a verified webhook call; None if it is about anything else. Raises Unreadable."""
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(update, dict):
        raise Unreadable
    if update.get("update_type") != "invoice_paid":
        return None
    paid = update.get("payload")
    if not isinstance(paid, dict) or _id(paid) is None or "amount" not in paid:
        raise Unreadable
    return _charge(paid)


def poll(payments: Sequence[Payment]) -> PollResult:
    """Ask for the state of the payments. One getInvoices for all of them. Raises ProviderUnavailable, Unavailable."""
    ids = {payment.invoice_id: payment.id for payment in payments if payment.invoice_id is not None}
    if not ids:
        return PollResult([])
    found = {_id(each): each for each in _items("getInvoices", invoice_ids=",".join(ids), count=len(ids))}
    invoices = {id: found[id] for id in ids if id in found}
    charges = [_charge(each) for each in invoices.values() if lookup(each, "status") == "paid"]
    return PollResult(
        charges=[charge for charge in charges if charge is not None],
        over=frozenset(ids[id] for id, each in invoices.items() if lookup(each, "status") == "expired"),
    )


def refund(payment: Payment, _: str | None) -> Charge:
    """Refund a payment by a transfer of the paid crypto to the payer. Crypto Pay has no refund method.

    One getInvoices, one getTransfers, one transfer; after a refusal one more getTransfers. Idempotent: Crypto Pay makes
    one transfer for a `spend_id`. A transfer is of 1 to 25 000 USD, to a user of @CryptoBot; otherwise PaymentRefused
    with Crypto Pay's code. Raises ProviderUnavailable, Unavailable.
    """
    spend_id = f"refund-{payment.id}"
    paid = next(iter(_items("getInvoices", invoice_ids=payment.charge_id, count=1)), None)
    charge = _charge(paid)
    if charge is None:
        raise ProviderUnavailable
    if not _items("getTransfers", spend_id=spend_id):
        coins = {"asset": lookup(paid, "paid_asset"), "amount": lookup(paid, "paid_amount")}
        try:
            _call("transfer", {"user_id": payment.user_id, "spend_id": spend_id, **coins}, repeatable=False)
        except PaymentRefused:
            # A call at the same time may have made the transfer. Which error this one gets is not documented.
            if not _items("getTransfers", spend_id=spend_id):
                raise
    return replace(charge, refunded=payment.price)


def _id(invoice: object) -> str | None:
    id = lookup(invoice, "invoice_id")
    return str(id) if type(id) is int else None


def _charge(paid: object) -> Charge | None:
    """Return the charge of a paid invoice; None if we did not create it."""
    id, reference = _id(paid), decode_reference(lookup(paid, "payload"))
    if id is None or reference is None:
        return None
    return Charge(
        provider=Provider.CRYPTO_PAY,
        id=id,
        payment_id=reference[0],
        user_id=reference[1],
        price=kopecks(lookup(paid, "amount")),
        # An invoice in a cryptocurrency has no `fiat`. We never create one.
        currency=str(lookup(paid, "fiat")),
    )


def _items(method: str, **parameters: object) -> list[Any]:
    """Return the items that a method lists. Raises ProviderUnavailable, Unavailable."""
    items = lookup(_call(method, parameters), "items")
    if not isinstance(items, list):
        raise ProviderUnavailable
    return items


def _call(method: str, parameters: Mapping[str, object], *, repeatable: bool = True) -> Any:
    """Return the result of a method. `repeatable` allows retries.

    Raises PaymentRefused, ProviderUnavailable, Unavailable.
    """
    url = f"{payment_settings().crypto_pay_api_url}/api/{method}"
    headers = {"crypto-pay-api-token": secrets.crypto_pay_token()}
    send = http.request_with_retries if repeatable else http.request
    try:
        reply = send("POST", url, body=parameters, headers=headers)
    except http.Unreachable as error:
        raise ProviderUnavailable from error
    if lookup(reply.body, "ok") is True:
        return lookup(reply.body, "result")
    raise refused(reply.status, lookup(reply.body, "error", "name"))
