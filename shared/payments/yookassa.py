"""YooKassa: cards and other Russian payment methods. https://yookassa.ru/developers/api"""

import base64
import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws import secrets
from shared.domain.errors import PaymentRefused, Unreadable, UnverifiedSender
from shared.domain.payment import Charge, Payment, Provider
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

_PAYMENT_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
# Time for one GET, which is one of several calls.
_GET_SECONDS = 4.0


def needs_receipt_contact() -> bool:
    """Whether the shop sends fiscal receipts (54-FZ). Without one, YooKassa then refuses a payment."""
    return payment_settings().yookassa_vat_code is not None


def create(payment: Payment, receipt_contact: str | None) -> Invoice:
    """Create a payment. One POST /payments with an idempotency key, retried if needed.

    Raises PaymentRefused, ProviderUnavailable, Unavailable.
    """
    created = _call(
        "POST",
        "/payments",
        key=f"payment-{payment.id}",
        body={
            "amount": _roubles(payment.price),
            "capture": True,
            "confirmation": {"type": "redirect", "return_url": payment_settings().return_url},
            "description": DESCRIPTION,
            "metadata": {"payment": encode_reference(payment)},
            **_receipt(receipt_contact, payment.price),
        },
    )
    return invoice(lookup(created, "id"), lookup(created, "confirmation", "confirmation_url"), None)


def verify(source_ip: str) -> None:
    """Check that the sender's address is in the networks that YooKassa publishes. Its webhook calls are not signed.

    An address proves little, so `parse_webhook` trusts nothing in the request. Raises UnverifiedSender.
    """
    try:
        address = ipaddress.ip_address(source_ip)
    except ValueError:
        raise UnverifiedSender from None
    # Not strict: 10.0.0.1/8 is the network of that address.
    networks = (ipaddress.ip_network(network, strict=False) for network in payment_settings().yookassa_networks)
    if not any(address in network for network in networks):
        raise UnverifiedSender


def parse_webhook(body: bytes) -> Charge | None:
    """Return the charge of the payment that the call names, as read from YooKassa; None without a charge.

    One GET /payments/{id}. Raises Unreadable for a body that is not a notification, ProviderUnavailable, Unavailable.
    """
    try:
        about = json.loads(body)["object"]
        # A notification about a refund names the payment in `payment_id`.
        payment_id = str(about.get("payment_id", about["id"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable from None
    if not _PAYMENT_ID.fullmatch(payment_id):
        return None
    return _charge(_get(payment_id))


def poll(payments: Sequence[Payment]) -> PollResult:
    """Ask for the state of the payments. One GET /payments/{id} each; one that fails stops no other.

    Raises Unavailable.
    """
    charges: list[Charge] = []
    over, unanswered = set(), set()
    first_error: Exception | None = None
    for payment in payments:
        if payment.invoice_id is None:
            continue
        try:
            found = _get(payment.invoice_id)
        except (PaymentRefused, ProviderUnavailable) as error:
            unanswered.add(payment.id)
            first_error = first_error or error
            continue
        charge = _charge(found)
        if charge is not None:
            charges.append(charge)
        elif found is None or found.get("status") == "canceled":
            over.add(payment.id)
    return PollResult(charges, frozenset(over), frozenset(unanswered), first_error)


def refund(payment: Payment, receipt_contact: str | None) -> Charge:
    """Refund the part of a payment that was not refunded yet. Idempotent. Nothing is refunded while one is pending.

    Without a contact, no receipt is sent. YooKassa then takes a full refund's receipt from the payment, and refuses the
    refund of a part. https://yookassa.ru/developers/payment-acceptance/receipts/54fz/yoomoney/refunds

    One GET of the payment, one of its refunds, one POST /refunds, and the first GET again. Raises PaymentRefused with
    the reason of a canceled refund, ProviderUnavailable, Unavailable.
    """
    assert payment.charge_id is not None  # noqa: S101 - only what was paid is refunded
    charge = _charge(_get(payment.charge_id))
    if charge is None:
        raise ProviderUnavailable
    if charge.refunded >= payment.price:
        return charge
    listed = lookup(_call("GET", f"/refunds?payment_id={charge.id}&limit=100", seconds=_GET_SECONDS), "items")
    if not isinstance(listed, list):
        raise ProviderUnavailable
    states = [lookup(each, "status") for each in listed]
    if "pending" in states:
        return charge
    # YooKassa repeats its answer to a key for 24 hours, a refusal too. So the key names what makes this refund another
    # one: the part that is already refunded (in YooKassa's web interface, too), and the attempts that were canceled.
    key = f"refund-{payment.id}-{charge.refunded}-{states.count('canceled')}"
    rest = payment.price - charge.refunded
    body = {"payment_id": payment.charge_id, "amount": _roubles(rest), **_receipt(receipt_contact, rest)}
    made = _call("POST", "/refunds", key=key, body=body)
    if lookup(made, "status") == "canceled":
        raise PaymentRefused(lookup(made, "cancellation_details", "reason"))
    return _charge(_get(payment.charge_id)) or charge


def _charge(found: Mapping[str, Any] | None) -> Charge | None:
    """Return the charge of a payment; None if it is not paid, or not one that we created."""
    reference = decode_reference(lookup(found, "metadata", "payment"))
    if lookup(found, "status") != "succeeded" or reference is None:
        return None
    return Charge(
        provider=Provider.YOOKASSA,
        id=lookup(found, "id"),
        payment_id=reference[0],
        user_id=reference[1],
        price=kopecks(lookup(found, "amount", "value")),
        currency=str(lookup(found, "amount", "currency")),
        refunded=max(kopecks(lookup(found, "refunded_amount", "value")), 0),
    )


def _receipt(contact: str | None, kopecks: int) -> dict[str, object]:
    """Return the parameter `receipt` for one item of this price; nothing if receipts are off or without a contact.

    The values: https://yookassa.ru/developers/payment-acceptance/receipts/54fz/yoomoney/parameters-values
    """
    if contact is None or not needs_receipt_contact():
        return {}
    item = {
        "description": DESCRIPTION,
        "quantity": "1.00",
        "amount": _roubles(kopecks),
        "vat_code": payment_settings().yookassa_vat_code,
        # A top-up pays for takes that nobody knows yet: an advance.
        "payment_subject": "payment",
        "payment_mode": "advance",
        "measure": "piece",
    }
    customer = {"email": contact} if "@" in contact else {"phone": contact.removeprefix("+")}
    tax_system = payment_settings().yookassa_tax_system_code
    receipt = {"customer": customer, "items": [item]}
    return {"receipt": receipt if tax_system is None else {**receipt, "tax_system_code": tax_system}}


def _roubles(kopecks: int) -> dict[str, str]:
    return {"value": f"{kopecks // 100}.{kopecks % 100:02d}", "currency": "RUB"}


def _get(payment_id: str) -> dict[str, Any] | None:
    """Return a payment; None if YooKassa does not know it."""
    found: dict[str, Any] | None = _call("GET", f"/payments/{payment_id}", seconds=_GET_SECONDS)
    if found is not None and found.get("id") != payment_id:
        raise ProviderUnavailable
    return found


def _call(
    method: str, path: str, *, key: str | None = None, body: Mapping[str, object] | None = None, seconds: float = 8.0
) -> Any:
    """Return the body of a response; None for a 404. Raises PaymentRefused, ProviderUnavailable, Unavailable."""
    shop = f"{payment_settings().yookassa_shop_id}:{secrets.yookassa_secret_key()}"
    credentials = base64.b64encode(shop.encode()).decode()
    headers = {"authorization": f"Basic {credentials}", **({"idempotence-key": key} if key else {})}
    url = payment_settings().yookassa_api_url + path
    try:
        reply = http.request_with_retries(method, url, body=body, headers=headers, seconds=seconds)
    except http.Unreachable as error:
        raise ProviderUnavailable from error
    if reply.status == 404:
        return None
    # A 202 means that YooKassa is still processing. A later call with the same key returns the outcome.
    if reply.status != 200:
        raise refused(reply.status, lookup(reply.body, "code"))
    if not isinstance(reply.body, dict):
        raise ProviderUnavailable
    return reply.body
