"""The payment providers: one module each, all with the same functions; see provider.py."""

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
    """The provider that is wanted, or the first that is on. Raises ProviderNotConfigured.

    One that was turned off takes no new payments; those that it has are followed to their end.
    """
    on = payment_settings().providers
    if wanted is None and on:
        return Provider(on[0])
    if wanted is None or wanted not in on:
        raise ProviderNotConfigured
    return wanted
