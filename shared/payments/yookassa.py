"""YooKassa: cards and what else Russians pay with. https://yookassa.ru/developers/api"""

import base64
import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws import secrets
from shared.domain.errors import Unreadable, UnverifiedSender
from shared.domain.payment import Charge, Payment, Provider
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

_PAYMENT_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)
# Seconds for one call where others follow.
_BRIEFLY = 4.0


def create(payment: Payment) -> Invoice:
    """Make a payment. One POST /payments, again where needed: its key makes it happen once."""
    made = _call(
        "POST",
        "/payments",
        key=f"payment-{payment.id}",
        body={
            "amount": _roubles(payment.price),
            "capture": True,
            "confirmation": {"type": "redirect", "return_url": payment_settings().return_url},
            "description": DESCRIPTION,
            "metadata": {"payment": encode_reference(payment)},
        },
    )
    return Invoice(made["id"], made["confirmation"]["confirmation_url"], None)


def verify(source_ip: str) -> None:
    """Hold the sender's address to those that YooKassa has published: its requests are not signed.

    That alone proves little, so `parse_webhook` believes nothing of the request. Raises UnverifiedSender.
    """
    try:
        address = ipaddress.ip_address(source_ip)
    except ValueError:
        raise UnverifiedSender from None
    if not any(address in ipaddress.ip_network(network) for network in payment_settings().yookassa_networks):
        raise UnverifiedSender


def parse_webhook(body: bytes) -> Charge | None:
    """The charge of the payment that the request is about, as YooKassa itself tells when asked; None where none is.

    One GET /payments/{id}. Raises Unreadable for what is no notification at all, ProviderUnavailable.
    """
    try:
        about = json.loads(body)["object"]
        # Of a refund, its payment.
        payment_id = str(about.get("payment_id", about["id"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable from None
    if not _PAYMENT_ID.fullmatch(payment_id):
        return None
    return _charge(_get(payment_id))


def poll(payments: Sequence[Payment]) -> PollResult:
    """One GET /payments/{id} for each."""
    charges: list[Charge] = []
    over: set[int] = set()
    for payment in payments:
        if payment.invoice_id is None:
            continue
        found = _get(payment.invoice_id)
        charge = _charge(found)
        if charge is not None:
            charges.append(charge)
        elif found is None or found["status"] == "canceled":
            over.add(payment.id)
    return PollResult(charges, frozenset(over))


def refund(payment: Payment) -> Charge:
    """Give back what was not given back yet. One GET /payments/{id}, one POST /refunds, and the GET again."""
    assert payment.charge_id is not None  # noqa: S101 - only what was paid is refunded
    charge = _charge(_get(payment.charge_id))
    if charge is None:
        raise ProviderUnavailable
    if charge.refunded < charge.price:
        # The key names how far it is to go: after a part was given back by hand, this is another refund.
        key = f"refund-{payment.id}-{charge.refunded}"
        rest = _roubles(charge.price - charge.refunded)
        _call("POST", "/refunds", key=key, body={"payment_id": payment.charge_id, "amount": rest})
        charge = _charge(_get(payment.charge_id)) or charge
    return charge


def _charge(found: Mapping[str, Any] | None) -> Charge | None:
    if found is None or found["status"] != "succeeded":
        return None
    payment_id, user_id = decode_reference(found.get("metadata", {}).get("payment"))
    given_back = found.get("refunded_amount")
    return Charge(
        provider=Provider.YOOKASSA,
        id=found["id"],
        payment_id=payment_id,
        user_id=user_id,
        price=kopecks(found["amount"]["value"]),
        currency=found["amount"]["currency"],
        refunded=kopecks(given_back["value"]) if given_back else 0,
    )


def _roubles(kopecks: int) -> dict[str, str]:
    return {"value": f"{kopecks // 100}.{kopecks % 100:02d}", "currency": "RUB"}


def _get(payment_id: str) -> dict[str, Any] | None:
    """A payment as it is now; None where there is no such one."""
    found: dict[str, Any] | None = _call("GET", f"/payments/{payment_id}", seconds=_BRIEFLY)
    return found


def _call(
    method: str, path: str, *, key: str | None = None, body: Mapping[str, object] | None = None, seconds: float = 8.0
) -> Any:
    """An answer; None for a 404. Raises ProviderUnavailable, Unavailable."""
    shop = f"{payment_settings().yookassa_shop_id}:{secrets.yookassa_secret_key()}"
    credentials = base64.b64encode(shop.encode()).decode()
    headers = {"authorization": f"Basic {credentials}", **({"idempotence-key": key} if key else {})}
    url = payment_settings().yookassa_api_url + path
    try:
        reply = http.request_with_retries(method, url, body=body, headers=headers, seconds=seconds)
    except http.Unreachable as error:
        raise ProviderUnavailable from error
    answer = reply.body if isinstance(reply.body, dict) else {}
    if reply.status == 404:
        return None
    # A 202 says that it is still being done: the same key asks for the outcome later.
    if reply.status != 200:
        raise refused(reply.status, answer.get("code"))
    return answer
