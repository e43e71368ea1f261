"""Every minute: ask the providers what became of the payments that we have heard nothing of."""

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

# PollResult about at once: a provider may take 4 s for each.
_AT_ONCE = 4
# The longest that one step may take: asking about so many, or settling one.
_MARGIN_MS = 24_000


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """Credit what was paid while the webhook was lost; expire what nobody paid.

    One Query and the reads of what is due, and what the providers' `ask` costs. One provider's failure stops no other;
    what is left when the time runs out is for the next minute.
    """
    due: dict[Provider, list[Payment]] = defaultdict(list)
    for payment in payments.due(clock.now_ms()):
        due[payment.provider].append(payment)
    if Provider.TELEGRAM_STARS in payment_settings().providers:
        due.setdefault(Provider.TELEGRAM_STARS, [])  # one list for all: it tells of refunds, too, when nobody pays
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
    # An alarm subtracts these from all that the gateway answered: from a metric that has no data it could not.
    metrics.add_metric("ProviderErrors", "Count", 0)


class OutOfTime(Exception):
    """Another step might not come to its end."""


def check(provider: Provider, pending: Sequence[Payment], context: Any) -> None:
    """Ask about these, and write down what became of each. Raises OutOfTime, and what asking and writing raise."""

    def check_time() -> None:
        if context.get_remaining_time_in_millis() < _MARGIN_MS:
            raise OutOfTime

    check_time()
    asked = PROVIDERS[provider].poll(pending)
    for charge in asked.charges:
        check_time()
        settle(charge)
    check_time()
    asked.done()
    now = clock.now_ms()
    for payment in pending:
        check_time()
        try:
            payments.checked(payment, after_check(payment, is_over=payment.id in asked.over, now=now))
        except table.WriteConflict:
            continue  # its money has come, above or just now
