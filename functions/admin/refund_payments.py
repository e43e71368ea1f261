"""/api/admin/payments/{id} and /api/admin/refunds: show operators a payment, and refund it, alone or with another."""

from typing import Literal

from fastapi import APIRouter

from shared import clock
from shared.commands import refunds as commands
from shared.domain.errors import (
    InvalidInitData,
    NotAnOperator,
    OwnCase,
    PaymentNotFound,
    PaymentNotPaid,
    RefundNotFound,
    RefundTooEarly,
    SecondOperatorNeeded,
)
from shared.domain.refunds import Refund, day_of, may_approve_at
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.operator_schemas import PaymentView, payment_view
from shared.http.schemas import PaymentId, Reason, View, iso, iso_or_null
from shared.service_errors import ProviderNotConfigured, ProviderUnavailable
from shared.settings import operator_refunds_per_day, operators
from shared.store import audit_log, refunds

router = APIRouter(tags=["admin"])


class RefundRequestView(View):
    """A refund that waits for a second operator. `amount` in roubles; times in ISO 8601, UTC.

    `may_approve_at`: from when the operator who asked may approve it; null if another operator must.
    """

    payment_id: int
    user_id: int
    amount: int
    operator_id: int
    reason: str
    created_at: str
    may_approve_at: str | None


class PaymentWithRequestView(PaymentView):
    """A payment. `request`: the refund of it that waits for a second operator; null without one."""

    request: RefundRequestView | None


class RefundedView(View):
    """The outcome of a refund.

    - `refund`: `pending` while the provider's decision is open, `refused` with `provider_reason`, `waiting` for a
      second operator: then nothing was refunded.
    """

    refund: Literal["none", "succeeded", "pending", "refused", "waiting"]
    provider_reason: str | None
    payment: PaymentView
    request: RefundRequestView | None


class RefundsView(View):
    """The refunds that wait, the oldest first. `spent_today`, `limit`: the caller's refunds of today, in roubles."""

    refunds: list[RefundRequestView]
    spent_today: int
    limit: int


class WithdrawnView(View):
    """The refund was withdrawn."""

    withdrawn: bool


def _request_view(refund: Refund | None) -> dict[str, object] | None:
    if refund is None:
        return None
    return {
        "payment_id": refund.payment_id,
        "user_id": refund.user_id,
        "amount": refund.amount,
        "operator_id": refund.operator_id,
        "reason": refund.reason,
        "created_at": iso(refund.created_at),
        "may_approve_at": iso_or_null(may_approve_at(refund, operators())),
    }


def _refunded_view(refunded: commands.Refunded) -> dict[str, object]:
    return {
        "refund": refunded.outcome,
        "provider_reason": refunded.provider_reason,
        "payment": payment_view(refunded.payment),
        "request": _request_view(refunded.waiting),
    }


@router.get(
    "/api/admin/payments/{id}",
    operation_id="get_payment",
    summary="Get a payment",
    response_model=PaymentWithRequestView,
    responses=error_responses(InvalidInitData, NotAnOperator, PaymentNotFound),
)
async def get_payment(payment_id: PaymentId, operator: Operator) -> dict[str, object]:
    """Shows a payment of any user, with the refund of it that waits."""
    payment, waiting = commands.payment_with_refund(payment_id)
    return {**payment_view(payment), "request": _request_view(waiting)}


@router.post(
    "/api/admin/payments/{id}/refund",
    operation_id="refund_payment",
    summary="Refund a payment",
    response_model=RefundedView,
    responses=error_responses(
        InvalidInitData,
        NotAnOperator,
        OwnCase,
        PaymentNotFound,
        PaymentNotPaid,
        ProviderNotConfigured,
        ProviderUnavailable,
    ),
)
async def refund_payment(payment_id: PaymentId, reason: Reason, operator: Operator) -> dict[str, object]:
    """The payment's provider gives the money back, and the balance is debited as far as it covers the amount.

    The rest becomes a debt. Refunds above the operator's sum of the day wait for a second operator. The request is
    idempotent. After a 503 or a `pending`, the refund is continued in the background; a repeated request does so now.
    """
    action = audit_log.new(operator.id, "payment_refunded", reason.reason, payment_id=payment_id)
    request = audit_log.new(operator.id, "refund_requested", reason.reason, payment_id=payment_id)
    return _refunded_view(commands.refund(payment_id, action, request))


@router.get(
    "/api/admin/refunds",
    operation_id="list_refunds",
    summary="List the refunds that wait for a second operator",
    response_model=RefundsView,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def list_refunds(operator: Operator) -> dict[str, object]:
    """The operator who asked cannot approve a refund, unless there is no other operator and a day has passed."""
    return {
        "refunds": [_request_view(refund) for refund in refunds.waiting()],
        "spent_today": refunds.spent_by(operator.id, day_of(clock.now_ms())),
        "limit": operator_refunds_per_day(),
    }


@router.post(
    "/api/admin/refunds/{id}/approve",
    operation_id="approve_refund",
    summary="Approve a refund as the second operator",
    response_model=RefundedView,
    responses=error_responses(
        InvalidInitData,
        NotAnOperator,
        OwnCase,
        SecondOperatorNeeded,
        RefundNotFound,
        RefundTooEarly,
        ProviderNotConfigured,
        ProviderUnavailable,
    ),
)
async def approve_refund(payment_id: PaymentId, reason: Reason, operator: Operator) -> dict[str, object]:
    """The id is that of the payment. The request is idempotent, like a refund."""
    action = audit_log.new(operator.id, "refund_approved", reason.reason, payment_id=payment_id)
    return _refunded_view(commands.approve(payment_id, action))


@router.post(
    "/api/admin/refunds/{id}/withdraw",
    operation_id="withdraw_refund",
    summary="Withdraw a refund that waits",
    response_model=WithdrawnView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase, RefundNotFound),
)
async def withdraw_refund(payment_id: PaymentId, reason: Reason, operator: Operator) -> dict[str, object]:
    """The id is that of the payment. Nothing was refunded; the payment can be refunded later."""
    action = audit_log.new(operator.id, "refund_withdrawn", reason.reason, payment_id=payment_id)
    commands.withdraw(payment_id, action)
    return {"withdrawn": True}


handler = http_handler(router)
