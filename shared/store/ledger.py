"""The ledger: one entry for every change of a balance, put once under its cause (I1, I4, I5)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.domain.init_data import TelegramUser
from shared.domain.money import LedgerEntry
from shared.domain.user import User
from shared.store import conditions, keys, table, users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def from_item(item: table.Item) -> LedgerEntry:
    """The entry of an item."""
    return LedgerEntry(
        id=item["id"],
        previous_id=item["previous_id"],
        user_id=item["user_id"],
        type=item["type"],
        cause=item["cause"],
        amount=item["amount"],
        balance_after=item["balance_after"],
        created_at=item["created_at"],
        order_id=item["order_id"],
        payment_method=item["payment_method"],
    )


def entry_write(entry: LedgerEntry, *, lists: Mapping[str, str] | None = None) -> "TransactWriteItemTypeDef":
    """A transaction's write of the entry; `users.user_write` with the same entry belongs beside it.

    `lists` are index keys that put the entry into one list more.
    """
    item = {
        **keys.ledger_entry(entry.user_id, entry.cause),
        "id": entry.id,
        "previous_id": entry.previous_id,
        "user_id": entry.user_id,
        "type": entry.type,
        "cause": entry.cause,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        "created_at": entry.created_at,
        "order_id": entry.order_id,
        "payment_method": entry.payment_method,
        keys.TIMELINE.pk: keys.ledger_of(entry.user_id),
        keys.TIMELINE.sk: keys.id_sk(entry.id),
        **(lists or {}),
    }
    return table.put_write(item, condition=conditions.NOT_THERE)


def read(user_id: int, cause: str) -> tuple[User, LedgerEntry | None]:
    """A user, and the entry of `cause` if it is in his ledger already.

    One consistent BatchGetItem. Raises Unavailable.
    """
    user, entry = table.get_many([keys.user(user_id), keys.ledger_entry(user_id, cause)], consistent=True)
    return users.from_item(user_id, user), from_item(entry) if entry else None


def credit(entry: LedgerEntry, caller: TelegramUser) -> None:
    """Put the entry and the caller's new balance. One TransactWriteItems of two writes. Raises table.WriteConflict."""
    table.transact([entry_write(entry), users.user_write(entry.user_id, caller=caller, entry=entry)])


def page(user_id: int, *, limit: int | None, before: int | None) -> list[LedgerEntry]:
    """The newest `limit` entries of a user, all without one, of those older than the entry `before`.

    One Query of the index, one BatchGetItem. Raises Unavailable.
    """
    found = table.query(
        keys.TIMELINE,
        keys.ledger_of(user_id),
        high=None if before is None else keys.id_sk(before - 1),
        limit=limit,
    )
    # An entry is never changed: the index cannot be ahead of it, and an eventual read of it is exact.
    return [from_item(item) for item in table.get_many(found, consistent=False) if item]
