"""POST /api/admin/complaints/handle: mark a complaint handled."""

from fastapi import APIRouter
from pydantic import BaseModel

from shared.commands import reviews
from shared.domain.errors import AlreadyHandled, ComplaintNotFound, InvalidInitData, NotAnOperator, OwnCase
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import ComplaintView, IdOfOrder, ReasonText, UserId, complaint_view
from shared.store import audit_log

router = APIRouter(tags=["admin"])


class HandleComplaint(BaseModel):
    """The complaint to mark, named by its order and the executor who complained.

    `reason` says what the operator decided; it is recorded in the audit log.
    """

    order_id: IdOfOrder
    executor_id: UserId
    reason: ReasonText


@router.post(
    "/api/admin/complaints/handle",
    operation_id="handle_complaint",
    summary="Mark a complaint handled",
    response_model=ComplaintView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase, ComplaintNotFound, AlreadyHandled),
)
async def handle_complaint(handled: HandleComplaint, operator: Operator) -> dict[str, object]:
    """The complaint leaves the queue of open complaints. A refund or a ban is a separate request.

    A second request for the same complaint gets a 409 `already_handled`.
    """
    action = audit_log.new(
        operator.id,
        "complaint_handled",
        handled.reason,
        user_id=handled.executor_id,
        order_id=handled.order_id,
    )
    return complaint_view(reviews.handle_complaint(handled.order_id, handled.executor_id, action))


handler = http_handler(router)
