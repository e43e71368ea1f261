"""The payment providers: one module each, all with the functions of `shared/payments/provider.py`."""

from collections.abc import Mapping

from shared.domain.payment import Provider
from shared.payments import crypto_pay, telegram_stars, yookassa
from shared.payments.provider import PaymentProvider
from shared.service_errors import ProviderNotConfigured
from shared.settings import payment_settings

PROVIDERS: Mapping[Provider, PaymentProvider] = {
    Provider.CRYPTO_PAY: crypto_pay,
    Provider.TELEGRAM_STARS: telegram_stars,
    Provider.YOOKASSA: yookassa,
}


def configured(wanted: Provider | None) -> Provider:
    """Return the wanted provider, or the first enabled one without a wish. Raises ProviderNotConfigured.

    A disabled provider takes no new payments. Its pending payments are still polled and settled.
    """
    enabled = payment_settings().providers
    if wanted is None and enabled:
        return Provider(enabled[0])
    if wanted is None or wanted not in enabled:
        raise ProviderNotConfigured
    return wanted


def with_receipts() -> Provider | None:
    """Return the first enabled provider that needs a contact for fiscal receipts; None if none does."""
    enabled = (Provider(name) for name in payment_settings().providers)
    return next((provider for provider in enabled if PROVIDERS[provider].needs_receipt_contact()), None)
