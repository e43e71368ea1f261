"""The audit log of operators' actions: one item per action, written in the same transaction as its effect."""

from typing import TYPE_CHECKING

from shared import clock, ids
from shared.domain.durations import DAY_MS
from shared.domain.operators import Action, ActionKind
from shared.store import conditions, keys, table, timelines

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# Retention of the audit log: three years. Then DynamoDB's TTL removes the item.
_RETENTION_MS = 3 * 365 * DAY_MS


def new(
    operator_id: int,
    kind: ActionKind,
    reason: str,
    *,
    user_id: int | None = None,
    order_id: str | None = None,
    payment_id: int | None = None,
) -> Action:
    """Return an action that an operator is about to do. Nothing is written."""
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
        payment_id=payment_id,
    )


def action_write(action: Action) -> "TransactWriteItemTypeDef":
    """Return the write of the action, for the transaction of its effect."""
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
            **({} if action.payment_id is None else {"payment_id": action.payment_id}),
            "ttl": (action.created_at + _RETENTION_MS) // 1000,
            keys.TIMELINE.pk: keys.ACTIONS,
            keys.TIMELINE.sk: keys.id_sk(action.id),
        },
        condition=conditions.NOT_THERE,
    )


def is_done(action: Action) -> bool:
    """Whether the action is in the audit log. One consistent GetItem. Raises Unavailable."""
    return table.get(keys.action(action.token)) is not None


def put(action: Action) -> None:
    """Put an action without a further write. One TransactWriteItems of one write. Raises table.WriteConflict."""
    table.transact([action_write(action)])


def page(*, limit: int, before: int | None) -> list[Action]:
    """Return the newest `limit` actions that are older than the action `before`.

    One Query and one BatchGetItem; see `timelines.page`. Raises Unavailable.
    """
    return timelines.page(keys.ACTIONS, _load, limit=limit, beyond=before, newest_first=True)


def _load(entries: list[table.Item]) -> list[Action]:
    # An action is never changed, so an eventually consistent read returns what was written, or does not find it.
    return [_from_item(item) for item in table.get_many(entries, consistent=False) if item]


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
        payment_id=item.get("payment_id"),
    )
