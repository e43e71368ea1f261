"""The trail of what operators did: an item each, put in the transaction of what was done."""

from typing import TYPE_CHECKING

from shared import clock, ids
from shared.domain.durations import DAY_MS
from shared.domain.operators import Action, ActionKind
from shared.store import conditions, keys, table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# As long as somebody may still ask why; then DynamoDB's TTL removes it.
_RETENTION_MS = 3 * 365 * DAY_MS


def new(
    operator_id: int, kind: ActionKind, reason: str, *, user_id: int | None = None, order_id: str | None = None
) -> Action:
    """An action that an operator is about to do; nothing is written yet."""
    now = clock.now_ms()
    return Action(
        id=ids.new_integer_id(now),
        token=ids.new_id(),
        operator_id=operator_id,
        kind=kind,
        reason=reason,
        created_at=now,
        user_id=user_id,
        order_id=order_id,
    )


def action_write(action: Action) -> "TransactWriteItemTypeDef":
    """A transaction's write of the action, which belongs beside what was done."""
    return table.put_write(
        {
            **keys.action(action.token),
            "id": action.id,
            "operator_id": action.operator_id,
            "kind": action.kind,
            "reason": action.reason,
            "created_at": action.created_at,
            "user_id": action.user_id,
            "order_id": action.order_id,
            "ttl": (action.created_at + _RETENTION_MS) // 1000,
            keys.TIMELINE.pk: keys.ACTIONS,
            keys.TIMELINE.sk: keys.id_sk(action.id),
        },
        condition=conditions.NOT_THERE,
    )


def is_done(action: Action) -> bool:
    """Whether the action is in the trail. One consistent GetItem. Raises Unavailable."""
    return table.get(keys.action(action.token)) is not None


def put(action: Action) -> None:
    """Put an action that changes nothing else. One TransactWriteItems of one write. Raises table.WriteConflict."""
    table.transact([action_write(action)])


def page(*, limit: int, before: int | None) -> list[Action]:
    """The newest `limit` actions, of those older than the action `before`. One Query, one BatchGetItem."""
    found = table.query(
        keys.TIMELINE, keys.ACTIONS, high=None if before is None else keys.id_sk(before - 1), limit=limit
    )
    # An action is never changed: an eventual read of it is exact.
    return [_from_item(item) for item in table.get_many(found, consistent=False) if item]


def _from_item(item: table.Item) -> Action:
    return Action(
        id=item["id"],
        token=keys.token_of(item),
        operator_id=item["operator_id"],
        kind=item["kind"],
        reason=item["reason"],
        created_at=item["created_at"],
        user_id=item["user_id"],
        order_id=item["order_id"],
    )
