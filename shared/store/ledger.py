"""The ledger: one entry for each change of a balance, put once under its cause (I1, I4, I5)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.domain.days import day_at
from shared.domain.init_data import TelegramUser
from shared.domain.money import BalanceChange, LedgerEntry
from shared.domain.user import User
from shared.store import conditions, keys, table, timelines, users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def from_item(item: table.Item) -> LedgerEntry:
    """Return the entry of an item."""
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


def entry_write(entry: LedgerEntry, *, beside: Mapping[str, object] | None = None) -> "TransactWriteItemTypeDef":
    """Return the write of the entry. The same transaction must contain `users.user_write` with the entry's change.

    `beside` are further attributes, such as the index keys that put the entry into one more list.
    """
    if entry.type == "recharge" and entry.amount > 0:
        listed = keys.topped_up_on(day_at(entry.created_at))
        beside = {keys.LIST1.pk: listed, keys.LIST1.sk: keys.id_sk(entry.id)}
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
        **(beside or {}),
    }
    return table.put_write(item, condition=conditions.NOT_THERE)


def read(user_id: int, cause: str) -> tuple[User, LedgerEntry | None]:
    """Return a user, and the entry of `cause` if the user's ledger has it.

    One consistent BatchGetItem. Raises Unavailable.
    """
    user, entry = table.get_many([keys.user(user_id), keys.ledger_entry(user_id, cause)], consistent=True)
    return users.from_item(user_id, user), from_item(entry) if entry else None


def credit(change: BalanceChange, caller: TelegramUser) -> None:
    """Put the entries and the caller's new balance. One TransactWriteItems of two writes, of three with a repayment.

    Raises table.WriteConflict.
    """
    user = users.user_write(caller.id, caller=caller, change=change)
    table.transact([*map(entry_write, change.entries), user])


def page(user_id: int, *, limit: int, before: int | None) -> list[LedgerEntry]:
    """Return the newest `limit` entries of a user that are older than the entry `before`.

    One Query of the index, one BatchGetItem per hundred entries; see `timelines.page`. Raises Unavailable.
    """
    return timelines.page(keys.ledger_of(user_id), load, limit=limit, beyond=before, newest_first=True)


def load(entries: list[table.Item]) -> list[LedgerEntry]:
    """Return the ledger entries of these entries of a list. One BatchGetItem per hundred. Raises Unavailable."""
    # An entry is never changed, so an eventually consistent read returns what was written, or does not find it yet.
    return [from_item(item) for item in table.get_many(entries, consistent=False) if item]
