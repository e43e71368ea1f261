"""The command that settles a verified charge: idempotent, and independent of the order of the notifications."""

from shared import clock, ids
from shared.commands.retry import retry
from shared.domain import payment as rules
from shared.domain.payment import Charge, ChargeRefused, Payment, Settlement, Status
from shared.observability import logger, metrics
from shared.store import payments


def settle(charge: Charge) -> Payment | None:
    """Credit the charge, and debit the part of it that the provider refunded.

    Returns the payment after it; None when nothing is new. Per attempt: one consistent BatchGetItem and one
    TransactWriteItems of up to five writes; twice for a new charge with a partial refund. A charge that does not fit
    its payment changes nothing. It is logged and counted in the metric `ChargesRefused`; no error is raised, because a
    repeated notification would not help. Raises Busy, Unavailable.
    """
    tried: tuple[Payment, Settlement] | None = None

    def settle_once() -> tuple[Payment, Settlement] | None:
        nonlocal tried
        now = clock.now_ms()
        before, user, is_known = payments.read_for_charge(charge)
        if tried is not None and is_known and before == tried[1].payment:
            return tried  # the last attempt was applied; only the response was lost (P3)
        settlement = rules.settled(before, charge, user, is_known=is_known, new_id=ids.new_integer_id(now), now=now)
        if settlement is None or before is None:
            return None
        tried = before, settlement
        payments.settle(charge, before, settlement)
        return tried

    settled: Payment | None = None
    try:
        while (step := retry(settle_once)) is not None:
            before, settlement = step
            settled, tried = settlement.payment, None
            _report(before, settlement)
            if charge.refunded == 0 or settled.status is Status.REFUNDED:
                break  # otherwise the partial refund is settled next
    except ChargeRefused as refused:
        metrics.add_metric("ChargesRefused", "Count", 1)
        logger.error(
            "charge refused",
            extra={"provider": charge.provider, "charge_id": charge.id, "reason": refused.reason},
        )
    return settled


def _report(before: Payment, settlement: Settlement) -> None:
    payment = settlement.payment
    about = {"payment_id": payment.id, "user_id": payment.user_id, "provider": payment.provider}
    logger.info("payment settled", extra={**about, "payment_status": payment.status})
    moved = settlement.change.entries[0].amount if settlement.change and settlement.change.entries else 0
    if moved > 0:
        metrics.add_metric("PaymentsCredited", "Count", 1)
        metrics.add_metric("RoublesIn", "Count", moved)
    if moved < 0:
        metrics.add_metric("RoublesOut", "Count", -moved)
    debt = payment.debt - before.debt
    if debt > 0:
        metrics.add_metric("Debts", "Count", 1)
        logger.error("debt", extra={**about, "roubles": debt})
