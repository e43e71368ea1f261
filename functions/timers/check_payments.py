"""Every minute: ask the providers what became of the payments that we have heard nothing of."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Any

from shared import clock, payments
from shared.background import background_handler
from shared.domain.payment import Payment, Provider, after_check
from shared.observability import logger, metrics, where
from shared.payments.settle import settle
from shared.store import payments as store
from shared.store import table

# Asked about at once, so that what takes long takes the time of a few only.
_AT_ONCE = 4
# Left for the last of them: a provider may take 5 s for each that is asked about alone.
_MARGIN_MS = 22_000


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """Credit what was paid while the webhook was lost; expire what nobody paid.

    One Query and the reads of what is due, and what the providers' `ask` costs. One provider's failure stops no other;
    what is left when the time runs out is for the next minute.
    """
    due: dict[Provider, list[Payment]] = defaultdict(list)
    for payment in store.due(clock.now_ms()):
        due[payment.provider].append(payment)
    failed = 0
    for provider, waiting in due.items():
        rest = iter(waiting)
        while (some := list(islice(rest, _AT_ONCE))) and context.get_remaining_time_in_millis() > _MARGIN_MS:
            try:
                check(provider, some)
            except Exception as error:
                failed += 1
                logger.error("payments not checked", extra={"provider": provider, **where(error)})
                break
    metrics.add_metric("PaymentCheckFailures", "Count", failed)


def check(provider: Provider, pending: Sequence[Payment]) -> None:
    """Ask about these, and write down what became of each."""
    asked = payments.PROVIDERS[provider].ask(pending)
    for charge in asked.charges:
        settle(charge)
    asked.done()
    now = clock.now_ms()
    for payment in pending:
        try:
            store.checked(payment, after_check(payment, is_over=payment.id in asked.over, now=now))
        except table.Stale:
            continue  # its money has come, above or just now
