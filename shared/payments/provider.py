"""What a payment provider does for us, and how it is told which payment is meant."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from shared.domain.payment import Charge, Payment
from shared.observability import logger
from shared.service_errors import ProviderUnavailable


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a person pays: the provider's id of it, where he pays in a browser, and where inside Telegram if he can."""

    id: str
    pay_url: str
    mini_app_url: str | None


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a provider says of the payments that it was asked about.

    `charges` is what it took; `over` are the ids of payments that it will never take. Whatever it does not mention may
    still be paid. `done` is called when every charge is settled.
    """

    charges: Sequence[Charge]
    over: frozenset[int] = frozenset()
    done: Callable[[], None] = field(default=lambda: None)


class PaymentProvider(Protocol):
    """Each raises ProviderUnavailable where the provider cannot be reached or refuses, Unavailable without a secret.

    A provider with a webhook of its own has `verify`, which raises UnverifiedSender, and `parse_webhook`, too.
    """

    def create(self, payment: Payment) -> Invoice:
        """Ask the provider to collect the payment."""

    def poll(self, payments: Sequence[Payment]) -> PollResult:
        """Ask what became of some of its payments."""

    def refund(self, payment: Payment) -> Charge:
        """Give a paid payment back, once however often it is asked; the charge as it is then."""


DESCRIPTION = "Пополнение баланса в «Срочных услугах»"
"""What a person reads beside the price."""

_NAME = re.compile(r"([0-9]{1,16})\.([0-9]{1,16})", re.ASCII)


def encode_reference(payment: Payment) -> str:
    """How the provider is told which payment it is; it comes back with every charge."""
    return f"{payment.id}.{payment.user_id}"


def decode_reference(name: object) -> tuple[int, int]:
    """The ids of the payment and of its user; zeros, which are nobody's, for what is no name of ours."""
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    return (int(match[1]), int(match[2])) if match else (0, 0)


def kopecks(amount: object) -> int:
    """Kopecks of an amount like "100.00"; -1, which is never a price, for what is none."""
    try:
        exact = Decimal(str(amount)) * 100
        return int(exact) if exact == exact.to_integral_value() else -1
    except ArithmeticError:  # no number, or one beyond all others
        return -1


def refused(status: int, reason: object) -> ProviderUnavailable:
    """The error for a provider that answered with `status` and its own short name of the reason; both go to the log."""
    logger.append_keys(provider_status=status, provider_error=reason)
    return ProviderUnavailable()
