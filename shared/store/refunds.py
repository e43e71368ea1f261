"""Operators' refunds of payments: one item for each payment, and what each operator refunded on a day."""

from typing import TYPE_CHECKING, NamedTuple

from shared.domain.durations import DAY_MS
from shared.domain.operators import Action
from shared.domain.payment import Payment
from shared.domain.refunds import Refund
from shared.store import audit_log, conditions, keys, payments, table, timelines

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# The payment and the audit log have what happened. The item only keeps a refund from being counted twice.
_RETENTION_MS = 30 * DAY_MS
_SPENT_RETENTION_MS = 2 * DAY_MS


class Found(NamedTuple):
    """A payment, the refund of it, the roubles that the operator refunded that day, whether the action is recorded."""

    payment: Payment | None
    refund: Refund | None
    spent: int
    is_done: bool


def _from_item(item: table.Item) -> Refund:
    return Refund(
        payment_id=keys.payment_id_of(item),
        user_id=item["user_id"],
        amount=item["amount"],
        operator_id=item["operator_id"],
        reason=item["reason"],
        created_at=item["created_at"],
        approved_at=item.get("approved_at"),
        check_at=item.get(keys.DUE.sk),
    )


def read_for(action: Action, payment_id: int, day: int) -> Found:
    """Return what an operator's action on a payment is decided by. One consistent BatchGetItem. Raises Unavailable."""
    payment, refund, spent, recorded = table.get_many(
        [
            keys.payment(payment_id),
            keys.refund(payment_id),
            keys.refunded_by(action.operator_id, day),
            keys.action(action.token),
        ],
        consistent=True,
    )
    return Found(
        payments.from_item(payment) if payment else None,
        _from_item(refund) if refund else None,
        spent["roubles"] if spent else 0,
        recorded is not None,
    )


def get(payment_id: int) -> Refund | None:
    """Return the refund of a payment; None without one. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.refund(payment_id))
    return _from_item(item) if item else None


def spent_by(operator_id: int, day: int) -> int:
    """Return the roubles that an operator refunded on a day. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.refunded_by(operator_id, day))
    return item["roubles"] if item else 0


def waiting() -> list[Refund]:
    """Return the refunds that wait for a second operator, the oldest first, at most a hundred.

    One Query, one consistent BatchGetItem. Raises Unavailable.
    """

    def load(entries: list[table.Item]) -> list[Refund]:
        found = [_from_item(item) for item in table.get_many(entries, consistent=True) if item]
        return [refund for refund in found if refund.approved_at is None]

    return timelines.page(keys.REFUNDS_WAITING, load, limit=100, beyond=None, newest_first=False)


def _list_keys(refund: Refund) -> dict[str, str | int]:
    """Return the keys that list a refund among those that wait, or among those that are due; none once it has ended."""
    if refund.approved_at is None:
        return {keys.TIMELINE.pk: keys.REFUNDS_WAITING, keys.TIMELINE.sk: keys.id_sk(refund.created_at)}
    return {} if refund.check_at is None else {keys.DUE.pk: keys.DUE_REFUNDS, keys.DUE.sk: refund.check_at}


def _put_write(refund: Refund) -> "TransactWriteItemTypeDef":
    item = {
        **keys.refund(refund.payment_id),
        "user_id": refund.user_id,
        "amount": refund.amount,
        "operator_id": refund.operator_id,
        "reason": refund.reason,
        "created_at": refund.created_at,
        "ttl": (refund.created_at + _RETENTION_MS) // 1000,
        **({} if refund.approved_at is None else {"approved_at": refund.approved_at}),
        **_list_keys(refund),
    }
    return table.put_write(item, condition=conditions.NOT_THERE)


def ask(refund: Refund, action: Action) -> None:
    """Put a refund that waits, and the action. One TransactWriteItems of two writes. Raises table.WriteConflict."""
    table.transact([_put_write(refund), audit_log.action_write(action)])


def begin(refund: Refund, spent: int, day: int, action: Action) -> None:
    """Put an approved refund and the action, and add it to the `spent` roubles that were read for the operator's day.

    One TransactWriteItems of three writes. Raises table.WriteConflict.
    """
    total = {
        **keys.refunded_by(refund.operator_id, day),
        "roubles": spent + refund.amount,
        "ttl": (refund.created_at + _SPENT_RETENTION_MS) // 1000,
    }
    counted = (
        table.put_write(total, condition=conditions.REFUNDED_AS_READ, values={":spent_read": spent})
        if spent
        else table.put_write(total, condition=conditions.NOT_THERE)
    )
    table.transact([_put_write(refund), counted, audit_log.action_write(action)])


def approve(refund: Refund, action: Action) -> None:
    """Write the approval of a refund that waits, and put the action. One TransactWriteItems of two writes.

    It is kept as long as one that was approved at once. Raises table.WriteConflict if it does not wait any more.
    """
    due = _list_keys(refund)
    table.transact(
        [
            table.update_write(
                keys.refund(refund.payment_id),
                f"SET approved_at = :approved_at, {keys.DUE.pk} = :due_pk, {keys.DUE.sk} = :check_at, #ttl = :ttl"
                f" REMOVE {keys.TIMELINE.pk}, {keys.TIMELINE.sk}",
                condition=conditions.REFUND_WAITS,
                values={
                    ":approved_at": refund.approved_at,
                    ":due_pk": due[keys.DUE.pk],
                    ":check_at": due[keys.DUE.sk],
                    ":ttl": (action.created_at + _RETENTION_MS) // 1000,
                },
            ),
            audit_log.action_write(action),
        ]
    )


def withdraw(refund: Refund, action: Action) -> None:
    """Remove a refund that waits, and put the action. One TransactWriteItems of two writes.

    Raises table.WriteConflict if it does not wait any more.
    """
    table.transact(
        [
            table.delete_write(keys.refund(refund.payment_id), condition=conditions.REFUND_WAITS),
            audit_log.action_write(action),
        ]
    )


# ---------------------------------------------------------------- refunds that were begun


def due(now: int) -> list[Refund]:
    """Return the begun refunds to continue at `now` (epoch ms), the longest due first.

    One Query per megabyte of keys, one consistent BatchGetItem per hundred refunds. Raises Unavailable.
    """
    entries = table.query(keys.DUE, keys.DUE_REFUNDS, high=now, newest_first=False)
    found = [_from_item(item) for item in table.get_many(entries, consistent=True) if item]
    return [refund for refund in found if refund.check_at is not None and refund.check_at <= now]


def checked(before: Refund, after: Refund) -> None:
    """Write when an approved refund is continued next; it leaves the index of due refunds if `after` has ended.

    One TransactWriteItems of one write. Raises table.WriteConflict if another attempt has begun since `before`.
    """
    due = _list_keys(after)
    written = {":due_pk": due[keys.DUE.pk], ":check_at": due[keys.DUE.sk]} if due else {}
    read = {} if before.check_at is None else {":check_read": before.check_at}
    table.transact(
        [
            table.update_write(
                keys.refund(before.payment_id),
                f"SET {keys.DUE.pk} = :due_pk, {keys.DUE.sk} = :check_at"
                if due
                else f"REMOVE {keys.DUE.pk}, {keys.DUE.sk}",
                condition=conditions.REFUND_CHECK_AS_READ if read else conditions.NO_REFUND_CHECK,
                values={**written, **read},
            )
        ]
    )
