"""GET /api/admin/actions: what operators did."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.domain.errors import InvalidInitData, NotAnOperator
from shared.domain.operators import ActionKind
from shared.http.auth import Operator
from shared.http.entry import http_handler
from shared.http.errors import documented
from shared.http.schemas import View, iso
from shared.store import actions

router = APIRouter(tags=["admin"])


class ActionView(View):
    """Who did what, when and why; `user_id` and `order_id` are whom and what it concerns."""

    id: int
    operator_id: int
    kind: ActionKind
    reason: str
    user_id: int | None
    order_id: str | None
    created_at: str


class ActionsPage(View):
    """Newest first; `next_cursor` asks for the older ones, null is the end."""

    actions: list[ActionView]
    next_cursor: str | None


@router.get(
    "/api/admin/actions",
    operation_id="list_actions",
    summary="The trail of what operators did",
    response_model=ActionsPage,
    responses=documented(InvalidInitData, NotAnOperator),
)
async def list_actions(
    operator: Operator,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=16, pattern=r"^[0-9]+$")] = None,
) -> ActionsPage:
    """Nobody changes it: there is no path that does."""
    found = actions.page(limit=limit + 1, before=int(cursor) if cursor is not None else None)
    return ActionsPage(
        actions=[
            ActionView(
                id=action.id,
                operator_id=action.operator_id,
                kind=action.kind,
                reason=action.reason,
                user_id=action.user_id,
                order_id=action.order_id,
                created_at=iso(action.created_at),
            )
            for action in found[:limit]
        ],
        next_cursor=str(found[limit - 1].id) if len(found) > limit else None,
    )


handler = http_handler(router)
