"""The interface of a payment provider, and the payment reference that is sent to it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from shared.domain.errors import PaymentRefused
from shared.domain.payment import Charge, Payment
from shared.observability import logger
from shared.service_errors import ProviderUnavailable


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice: the provider's id, the URL to pay in a browser, and the provider's URL to pay inside Telegram."""

    id: str
    pay_url: str
    telegram_url: str | None

    @property
    def mini_app_url(self) -> str | None:
        """`telegram_url` if Telegram can open it: the WebApp passes it to `openTelegramLink`, which takes t.me only."""
        is_link = self.telegram_url is not None and self.telegram_url.startswith("https://t.me/")
        return self.telegram_url if is_link else None


@dataclass(frozen=True, slots=True)
class PollResult:
    """The result of polling a provider.

    `charges`: the charges that it reports. `over`: the ids of payments that will never be paid. `unanswered`: the ids
    of payments that it could not be asked about, with the first `error`. All other payments may still be paid. `done`
    must be called after every charge is settled.
    """

    charges: Sequence[Charge]
    over: frozenset[int] = frozenset()
    unanswered: frozenset[int] = frozenset()
    error: Exception | None = None
    done: Callable[[], None] = field(default=lambda: None)


class PaymentProvider(Protocol):
    """The functions of a provider's module.

    Each raises ProviderUnavailable if the provider cannot be reached or fails, PaymentRefused if it refuses for good,
    and Unavailable without its secret. A provider with its own webhook also has `verify`, which raises
    UnverifiedSender, and `parse_webhook`. `receipt_contact` is where the fiscal receipt goes, in normal form; None
    without one.
    """

    def needs_receipt_contact(self) -> bool:
        """Whether an invoice is refused without a contact for the fiscal receipt."""

    def create(self, payment: Payment, receipt_contact: str | None, /) -> Invoice:
        """Create an invoice for the payment."""

    def poll(self, payments: Sequence[Payment]) -> PollResult:
        """Ask for the state of some of the provider's payments."""

    def refund(self, payment: Payment, receipt_contact: str | None, /) -> Charge:
        """Refund a paid payment (idempotent), and return the charge after it: not refunded if the refund is pending."""


DESCRIPTION = "Пополнение баланса в «Срочных услугах»"
"""The description that the payer reads beside the price."""


def invoice(id: object, pay_url: object, telegram_url: object) -> Invoice:
    """Return the invoice of a provider's response. Raises ProviderUnavailable if its id or its URL is missing."""
    if not (isinstance(id, str) and isinstance(pay_url, str)):
        raise ProviderUnavailable
    return Invoice(id, pay_url, telegram_url if isinstance(telegram_url, str) else None)


def lookup(body: object, *path: str) -> Any:
    """Return what stands at the path in a provider's JSON; None where the path ends early or meets no object."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


_REFERENCE = re.compile(r"([0-9]{1,16})\.([0-9]{1,16})", re.ASCII)


def encode_reference(payment: Payment) -> str:
    """Return the reference of a payment for the provider, which returns it with every charge."""
    return f"{payment.id}.{payment.user_id}"


def decode_reference(reference: object) -> tuple[int, int] | None:
    """Return the ids of the payment and its user; None for anything but a reference of ours.

    A shop, an app or a bot may sell other things than top-ups. Such a charge is nobody's here, and no alarm.
    """
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    return (int(match[1]), int(match[2])) if match else None


def kopecks(amount: object) -> int:
    """Convert an amount of roubles like "100.00" to kopecks. Return -1, which is never a price, for anything else."""
    try:
        exact = Decimal(str(amount)) * 100
        return int(exact) if exact == exact.to_integral_value() else -1
    except ArithmeticError:  # not a number, or infinity
        return -1


# HTTP statuses of a refusal that a repeated call would meet again. A 401 or a 403 is about our secret.
_FOR_GOOD = frozenset({400, 402, 413, 422})


def refused(status: int, reason: object) -> PaymentRefused | ProviderUnavailable:
    """Return the error for a refusal with an HTTP `status` and the provider's error code `reason`. Both are logged."""
    logger.append_keys(provider_status=status, provider_error=reason)
    if status in _FOR_GOOD:
        return PaymentRefused(reason if isinstance(reason, str) else None)
    return ProviderUnavailable()
