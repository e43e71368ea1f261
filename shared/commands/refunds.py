"""Commands of operators on payments: refund one, alone or with a second operator."""

from contextlib import suppress
from dataclasses import replace
from typing import Literal, NamedTuple

from shared import clock
from shared.commands.retry import retry
from shared.commands.settle import settle
from shared.domain import refunds as rules
from shared.domain.errors import PaymentNotFound, PaymentNotPaid, PaymentRefused, RefundNotFound
from shared.domain.operators import Action, check_not_own
from shared.domain.payment import Payment, Status
from shared.domain.refunds import Refund
from shared.observability import logger
from shared.payments import PROVIDERS
from shared.settings import operator_refunds_per_day, operators
from shared.store import payments, refunds, users
from shared.store.table import WriteConflict

Outcome = Literal["none", "succeeded", "pending", "refused", "waiting"]


class Refunded(NamedTuple):
    """A payment after its refund, the outcome, the reason of a provider that refused, what waits if anything."""

    payment: Payment
    outcome: Outcome
    provider_reason: str | None = None
    waiting: Refund | None = None


def give_back(payment: Payment) -> Refunded:
    """Refund the payment through its provider, and debit the balance by the amount, as far as the balance covers it.

    The outcome is `none` for a payment that is not paid, `succeeded`, `pending` while the provider's decision is open,
    or `refused`. Idempotent: a repeated call continues after a failure. One GetItem where a receipt is due, the
    provider's `refund`, and the calls of `settle`. Raises ProviderUnavailable, Busy, Unavailable.
    """
    outcome: Outcome = "none"
    reason = None
    if payment.status is Status.PAID:
        provider = PROVIDERS[payment.provider]
        # The receipt of the refund goes where the payer's receipts go now; the payment has no copy of the contact.
        contact = users.get(payment.user_id).receipt_contact if provider.needs_receipt_contact() else None
        try:
            payment = settle(provider.refund(payment, contact)) or payment
            outcome = "pending"
        except PaymentRefused as refused:
            outcome, reason = "refused", refused.reason
            logger.append_keys(provider_error=reason)
    if payment.status is Status.REFUNDED:
        outcome = "succeeded"
    return Refunded(payment, outcome, reason)


def refund(payment_id: int, action: Action, request: Action) -> Refunded:
    """Refund a payment at an operator's command, or ask a second operator if the operator's sum of the day is used up.

    `action` is put with a refund, `request` with a question. Idempotent: a refund that was begun is continued, one that
    waits is returned. Per attempt: one consistent BatchGetItem and one TransactWriteItems of one to three writes; then
    the calls of `_continue`. Raises PaymentNotFound, PaymentNotPaid, OwnCase, and what `give_back` raises.
    """
    day = rules.day_of(action.created_at)

    def decide_once() -> tuple[Payment, Refund | None]:
        payment, found, spent, _ = refunds.read_for(action, payment_id, day)
        if payment is None:
            raise PaymentNotFound
        check_not_own(action.operator_id, payment.user_id)
        if payment.status is Status.REFUNDED or found is not None:
            return payment, _again(payment, found, action.created_at)
        if payment.status is not Status.PAID:
            raise PaymentNotPaid
        wanted = Refund(
            payment_id=payment.id,
            user_id=payment.user_id,
            amount=payment.amount - payment.refunded,
            operator_id=action.operator_id,
            reason=action.reason,
            created_at=action.created_at,
        )
        if spent + wanted.amount > operator_refunds_per_day():
            refunds.ask(wanted, replace(request, user_id=payment.user_id))
            return payment, wanted
        begun = rules.begun(wanted, action.created_at)
        refunds.begin(begun, spent, day, replace(action, user_id=payment.user_id))
        return payment, begun

    payment, found = retry(decide_once)
    if payment.status is not Status.REFUNDED and found is not None and found.approved_at is None:
        return Refunded(payment, "waiting", waiting=found)
    return _continue(payment, found)


def _again(payment: Payment, found: Refund | None, now: int) -> Refund | None:
    """Make an approved refund due again before another attempt at `now`: the last one may have been refused.

    One TransactWriteItems of one write, for a payment that is not refunded yet. Raises table.WriteConflict.
    """
    if payment.status is not Status.PAID or found is None or found.approved_at is None:
        return found
    again = rules.begun(found, now)
    refunds.checked(found, again)
    return again


def _continue(payment: Payment, begun: Refund | None) -> Refunded:
    """Give the payment back, and end its refund unless the outcome is open.

    The calls of `give_back`, and one TransactWriteItems of one write if the refund ended. An error, or a newer attempt,
    leaves the refund due. Raises what `give_back` raises.
    """
    refunded = give_back(payment)
    if refunded.outcome != "pending" and begun is not None and begun.check_at is not None:
        with suppress(WriteConflict):
            refunds.checked(begun, replace(begun, check_at=None))
    return refunded


def continue_due(begun: Refund) -> Refunded | None:
    """Continue a begun refund that is due. Returns None if another attempt has begun since it was read.

    The time of the next attempt is written first, so that an attempt that never ends holds up no other refund. One
    TransactWriteItems of one write, one consistent GetItem, and the calls of `_continue`. Raises PaymentNotFound, and
    what `give_back` raises.
    """
    attempt = rules.continued(begun, clock.now_ms())
    try:
        refunds.checked(begun, attempt)
    except WriteConflict:
        return None
    return _continue(_payment(begun.payment_id), attempt)


def approve(payment_id: int, action: Action) -> Refunded:
    """Approve a refund that waits, and refund the payment. Idempotent: a refund that was approved is continued.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems of one or two writes; then the calls of
    `_continue`. Raises RefundNotFound, SecondOperatorNeeded, RefundTooEarly, OwnCase, and what `give_back` raises.
    """

    def approve_once() -> tuple[Payment, Refund | None]:
        now = clock.now_ms()
        payment, found, _, _ = refunds.read_for(action, payment_id, rules.day_of(now))
        if payment is None or found is None:
            raise RefundNotFound
        check_not_own(action.operator_id, found.user_id)
        if found.approved_at is not None:
            return payment, _again(payment, found, action.created_at)
        rules.check_approver(found, action.operator_id, operators(), now)
        begun = rules.begun(found, action.created_at)
        refunds.approve(begun, replace(action, user_id=found.user_id))
        return payment, begun

    return _continue(*retry(approve_once))


def withdraw(payment_id: int, action: Action) -> None:
    """Withdraw a refund that waits; any operator may, but its payer. Nothing was refunded.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems of two writes. Raises RefundNotFound for one
    that does not wait (any more), OwnCase, Busy, Unavailable.
    """

    def withdraw_once() -> None:
        _, found, _, is_done = refunds.read_for(action, payment_id, rules.day_of(action.created_at))
        if is_done:
            return  # only the response was lost
        if found is None or found.approved_at is not None:
            raise RefundNotFound
        check_not_own(action.operator_id, found.user_id)
        refunds.withdraw(found, replace(action, user_id=found.user_id))

    retry(withdraw_once)


def payment_with_refund(payment_id: int) -> tuple[Payment, Refund | None]:
    """Return a payment and the refund of it that waits. Two consistent GetItems.

    Raises PaymentNotFound, Unavailable.
    """
    payment = _payment(payment_id)
    found = refunds.get(payment_id)
    return payment, found if found is not None and found.approved_at is None else None


def _payment(payment_id: int) -> Payment:
    payment = payments.get(payment_id)
    if payment is None:
        raise PaymentNotFound
    return payment
