"""POST /api/admin/users/{id}/unban, and `make unban`: lift a user's ban."""

from fastapi import APIRouter

from shared import clock
from shared.commands import users
from shared.domain.errors import InvalidInitData, NotAnOperator, OwnCase
from shared.handlers.direct import http_or_direct_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.operator_schemas import BanView, ban_view
from shared.http.schemas import Reason, ReasonText, UserId, UserIdInPath
from shared.store import audit_log

router = APIRouter(tags=["admin"])


@router.post(
    "/api/admin/users/{id}/unban",
    operation_id="unban_user",
    summary="Lift a user's ban",
    response_model=BanView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase),
)
async def unban_user(user_id: UserIdInPath, reason: Reason, operator: Operator) -> dict[str, object]:
    """Orders that the ban removed stay removed. The request is idempotent; `removed_orders` is always empty."""
    return unban(user_id, operator.id, reason.reason)


def unban(user_id: UserId, operator_id: UserId, reason: ReasonText) -> dict[str, object]:
    """Lift the user's ban. Idempotent. Returns a BanView. As many calls as `users.unban`."""
    action = audit_log.new(operator_id, "user_unbanned", reason, user_id=user_id)
    return ban_view(users.unban(user_id, action), [], clock.now_ms())


handler = http_or_direct_handler(router, unban)
