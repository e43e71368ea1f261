"""Poll the providers every minute for pending payments without a webhook."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from shared import clock
from shared.commands.settle import settle
from shared.domain.payment import Payment, Provider, after_check
from shared.handlers.background import background_handler
from shared.observability import logger, metrics, where
from shared.payments import PROVIDERS
from shared.settings import payment_settings
from shared.store import payments, table

# Payments polled in one step: a provider may take 4 s for each.
_AT_ONCE = 4
# The longest time that one step may take: polling that many payments, or settling one.
_MARGIN_MS = 24_000


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """Credit payments whose webhook was lost, and expire payments that were not made.

    One Query and the reads of the due payments; the calls of each provider's `poll` and of `check`. A failing provider
    does not stop the others. The next minute's run continues when the time runs out.
    """
    due: dict[Provider, list[Payment]] = defaultdict(list)
    for payment in payments.due(clock.now_ms()):
        due[payment.provider].append(payment)
    if Provider.TELEGRAM_STARS in payment_settings().providers:
        due.setdefault(Provider.TELEGRAM_STARS, [])  # its poll also reports refunds, so it runs with no payment due
    failed = 0
    for provider, waiting in due.items():
        try:
            for start in range(0, max(len(waiting), 1), _AT_ONCE):
                check(provider, waiting[start : start + _AT_ONCE], context)
        except OutOfTime:
            break
        except Exception as error:
            failed += 1
            logger.error("payments not checked", extra={"provider": provider, **where(error)})
    metrics.add_metric("PaymentCheckFailures", "Count", failed)
    # An alarm subtracts this metric from the gateway's 5xx responses. Without a data point it could not.
    metrics.add_metric("ProviderErrors", "Count", 0)


class OutOfTime(Exception):
    """Too little time is left for another step."""


def check(provider: Provider, pending: Sequence[Payment], context: Any) -> None:
    """Poll the provider for these payments, settle its charges, and record the check of each payment.

    The calls of `poll`, of `settle` for each charge, and of `payments.checked` for each payment. Raises OutOfTime, and
    the errors of these calls.
    """

    def check_time() -> None:
        if context.get_remaining_time_in_millis() < _MARGIN_MS:
            raise OutOfTime

    check_time()
    result = PROVIDERS[provider].poll(pending)
    for charge in result.charges:
        check_time()
        settle(charge)
    check_time()
    result.done()
    now = clock.now_ms()
    for payment in pending:
        check_time()
        try:
            payments.checked(payment, after_check(payment, is_over=payment.id in result.over, now=now))
        except table.WriteConflict:
            continue  # it was paid, above or by a webhook meanwhile
