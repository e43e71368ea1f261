"""Crypto Pay (@CryptoBot): invoices in roubles, paid in crypto. https://help.send.tg/en/articles/10279948-crypto-pay-api"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.aws import secrets
from shared.domain.errors import Unreadable, UnverifiedSender
from shared.domain.payment import LIFETIME_MS, Charge, Payment, Provider
from shared.outbound import http
from shared.payments.provider import (
    DESCRIPTION,
    Invoice,
    PollResult,
    decode_reference,
    encode_reference,
    kopecks,
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

    Raises ProviderUnavailable, Unavailable.
    """
    invoice = _call(
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
    return Invoice(str(invoice["invoice_id"]), invoice["bot_invoice_url"], invoice.get("mini_app_invoice_url"))


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
        return _charge(update["payload"]) if update.get("update_type") == "invoice_paid" else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable from None


def poll(payments: Sequence[Payment]) -> PollResult:
    """Ask for the state of the payments. One getInvoices for all of them. Raises ProviderUnavailable, Unavailable."""
    ids = {payment.invoice_id: payment.id for payment in payments if payment.invoice_id is not None}
    if not ids:
        return PollResult([])
    invoices = _call("getInvoices", {"invoice_ids": ",".join(ids), "count": len(ids)})["items"]
    return PollResult(
        charges=[_charge(invoice) for invoice in invoices if invoice["status"] == "paid"],
        over=frozenset(
            ids[str(invoice["invoice_id"])]
            for invoice in invoices
            if invoice["status"] == "expired" and str(invoice["invoice_id"]) in ids
        ),
    )


def refund(payment: Payment, _: str | None) -> Charge:
    """Refund a payment by a transfer of the paid crypto to the payer. Crypto Pay has no refund method.

    One getInvoices, one getTransfers, one transfer. Idempotent: `spend_id` is the idempotency key of the transfer.
    Raises ProviderUnavailable, Unavailable.
    """
    spend_id = f"refund-{payment.id}"
    [invoice] = _call("getInvoices", {"invoice_ids": payment.charge_id, "count": 1})["items"]
    if not _call("getTransfers", {"spend_id": spend_id})["items"]:
        coins = {"asset": invoice["paid_asset"], "amount": invoice["paid_amount"]}
        _call("transfer", {"user_id": payment.user_id, "spend_id": spend_id, **coins}, repeatable=False)
    return replace(_charge(invoice), refunded=payment.price)


def _charge(invoice: Mapping[str, Any]) -> Charge:
    payment_id, user_id = decode_reference(invoice.get("payload"))
    return Charge(
        provider=Provider.CRYPTO_PAY,
        id=str(invoice["invoice_id"]),
        payment_id=payment_id,
        user_id=user_id,
        price=kopecks(invoice["amount"]),
        # An invoice in a cryptocurrency has no `fiat`. We never create one.
        currency=str(invoice.get("fiat")),
    )


def _call(method: str, parameters: Mapping[str, object], *, repeatable: bool = True) -> Any:
    """Return the result of a method. `repeatable` allows retries. Raises ProviderUnavailable, Unavailable."""
    url = f"{payment_settings().crypto_pay_api_url}/api/{method}"
    headers = {"crypto-pay-api-token": secrets.crypto_pay_token()}
    send = http.request_with_retries if repeatable else http.request
    try:
        reply = send("POST", url, body=parameters, headers=headers)
    except http.Unreachable as error:
        raise ProviderUnavailable from error
    answer = reply.body if isinstance(reply.body, dict) else {}
    if answer.get("ok") is True:
        return answer["result"]
    raise refused(reply.status, answer.get("error", {}).get("name"))
