"""GET /api/admin/actions: list the audit log of the operators' actions."""

from fastapi import APIRouter

from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.domain.operators import ActionKind
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import Cursor, Limit, View, id_at, iso, next_cursor
from shared.store import audit_log

router = APIRouter(tags=["admin"])


class ActionView(View):
    """An entry of the audit log.

    - `operator_id`: Telegram id of the operator. For users who erase their own data, the id of the user.
    - `user_id`, `order_id`, `payment_id`: what the action concerns; null when it concerns none.
    """

    id: int
    operator_id: int
    kind: ActionKind
    reason: str
    user_id: int | None
    order_id: str | None
    payment_id: int | None
    created_at: str


class ActionsPage(View):
    """A page of the audit log, newest entries first.

    `next_cursor`: pass it as `cursor` to get the older entries; null on the last page.
    """

    actions: list[ActionView]
    next_cursor: str | None


@router.get(
    "/api/admin/actions",
    operation_id="list_actions",
    summary="List the audit log of the operators' actions",
    response_model=ActionsPage,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def list_actions(
    operator: Operator,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ActionsPage:
    """The audit log is append-only: no request changes or removes an entry."""
    found = audit_log.page(limit=limit + 1, before=id_at(cursor))
    return ActionsPage(
        actions=[
            ActionView(
                id=action.id,
                operator_id=action.operator_id,
                kind=action.kind,
                reason=action.reason,
                user_id=action.user_id,
                order_id=action.order_id,
                payment_id=action.payment_id,
                created_at=iso(action.created_at),
            )
            for action in found[:limit]
        ],
        next_cursor=next_cursor(found, limit),
    )


handler = http_handler(router)
