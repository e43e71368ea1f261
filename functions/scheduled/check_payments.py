"""Every minute, poll the providers for payments without a webhook, and continue the refunds that stopped half-way."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from shared import clock
from shared.commands.refunds import continue_due
from shared.commands.settle import settle
from shared.domain.errors import PaymentRefused
from shared.domain.payment import Payment, Provider, after_check
from shared.handlers.background import background_handler
from shared.observability import logger, metrics, where
from shared.payments import PROVIDERS
from shared.payments.provider import PollResult
from shared.service_errors import ProviderUnavailable
from shared.settings import payment_settings
from shared.store import payments, refunds, table

# Payments polled in one step: a provider may take 4 s for each.
_AT_ONCE = 4
# The longest time that one step may take: polling that many payments, or settling one.
_MARGIN_MS = 24_000
# The longest time that one refund may take: with Crypto Pay four calls, then the settlement.
_REFUND_MARGIN_MS = 40_000


@background_handler
def handler(event: dict[str, Any], context: Any) -> None:
    """Credit payments whose webhook was lost, expire payments that were not made, and continue operators' refunds.

    Two Queries and the reads of the due payments and refunds; the calls of each provider's `poll`, of `check`, and of
    `continue_due`. What fails stops nothing else: neither a provider, nor a payment, nor a refund. The next minute's
    run continues when the time runs out.
    """
    due: dict[Provider, list[Payment]] = defaultdict(list)
    for payment in payments.due(clock.now_ms()):
        due[payment.provider].append(payment)
    if Provider.TELEGRAM_STARS in payment_settings().providers:
        due.setdefault(Provider.TELEGRAM_STARS, [])  # its poll also reports refunds, so it runs with no payment due
    failed: set[Provider] = set()
    for provider, pending in _in_turn(due):
        try:
            error = check(provider, pending, context)
        except OutOfTime:
            break
        except Exception as unexpected:
            error = unexpected
        if error is not None:
            failed.add(provider)
            ids = [payment.id for payment in pending]
            logger.error("payments not checked", extra={"provider": provider, "payment_ids": ids, **where(error)})
    metrics.add_metric("PaymentCheckFailures", "Count", len(failed) + _continue_refunds(context))
    # An alarm subtracts this metric from the gateway's 5xx responses. Without a data point it could not.
    metrics.add_metric("ProviderErrors", "Count", 0)


def _in_turn(due: Mapping[Provider, Sequence[Payment]]) -> Iterator[tuple[Provider, Sequence[Payment]]]:
    """Yield the payments of each step. The providers take turns, so that a slow one leaves time for the others."""
    steps = [
        [(provider, waiting[start : start + _AT_ONCE]) for start in range(0, max(len(waiting), 1), _AT_ONCE)]
        for provider, waiting in due.items()
    ]
    return (step for turn in zip_longest(*steps) for step in turn if step is not None)


def _continue_refunds(context: Any) -> int:
    """Continue the due refunds of operators; return how many failed, or were refused, which no operator is told.

    What failed is continued again later, with backoff. One Query, the reads of the due refunds, and the calls of
    `continue_due` for each.
    """
    failures = 0
    for refund in refunds.due(clock.now_ms()):
        if context.get_remaining_time_in_millis() < _REFUND_MARGIN_MS:
            break
        try:
            continued = continue_due(refund)
        except Exception as error:
            failures += 1
            logger.error("refund not continued", extra={"payment_id": refund.payment_id, **where(error)})
            continue
        if continued is not None and continued.outcome == "refused":
            failures += 1
            reason = continued.provider_reason
            logger.error("refund refused", extra={"payment_id": refund.payment_id, "provider_reason": reason})
    return failures


class OutOfTime(Exception):
    """Too little time is left for another step."""


def check(provider: Provider, pending: Sequence[Payment], context: Any) -> Exception | None:
    """Poll the provider for these payments, settle its charges, and record the check of each payment.

    Returns the first error of the provider or of a settlement; its payments are polled again later, with backoff. The
    calls of `poll`, of `settle` for each charge, and of `payments.checked` for each payment. Raises OutOfTime, and the
    errors of the other calls.
    """

    def check_time() -> None:
        if context.get_remaining_time_in_millis() < _MARGIN_MS:
            raise OutOfTime

    check_time()
    result = _poll(provider, pending)
    error, unanswered, settled = result.error, set(result.unanswered), set()
    all_settled = True
    for charge in result.charges:
        check_time()
        try:
            if settle(charge) is not None:
                settled.add(charge.payment_id)
        except Exception as failure:
            error, all_settled = error or failure, False
            unanswered.add(charge.payment_id)
    check_time()
    if all_settled:
        result.done()
    now = clock.now_ms()
    for payment in pending:
        if payment.id in settled:
            continue
        check_time()
        after = after_check(
            payment, is_over=payment.id in result.over, is_answered=payment.id not in unanswered, now=now
        )
        try:
            payments.checked(payment, after)
        except table.WriteConflict:
            continue  # it was paid, above or by a webhook meanwhile
    return error


def _poll(provider: Provider, pending: Sequence[Payment]) -> PollResult:
    try:
        return PROVIDERS[provider].poll(pending)
    except (PaymentRefused, ProviderUnavailable) as error:
        return PollResult([], unanswered=frozenset(payment.id for payment in pending), error=error)
