"""What operators noted about a user: one item for each user, written under optimistic concurrency."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.domain.operators import Action, Note
from shared.store import audit_log, conditions, keys, table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def _from_item(item: table.Item | None) -> list[Note]:
    stored = item["notes"] if item else []
    return [Note(note["id"], note["operator_id"], note["text"], note["created_at"]) for note in stored]


def get(user_id: int) -> list[Note]:
    """Return the notes about a user, the newest first. One consistent GetItem. Raises Unavailable."""
    return _from_item(table.get(keys.notes(user_id)))


def read_for(action: Action, user_id: int) -> tuple[list[Note], int, bool, bool]:
    """Return the notes about a user, their version, and whether the user is known and the action was recorded.

    One consistent BatchGetItem. Raises Unavailable.
    """
    notes, user, recorded = table.get_many(
        [keys.notes(user_id), keys.user(user_id), keys.action(action.token)], consistent=True
    )
    return _from_item(notes), notes["version"] if notes else 0, user is not None, recorded is not None


def write(user_id: int, notes: Sequence[Note], version: int, action: Action) -> None:
    """Replace the notes of `version`, 0 for none, and put the operator's action.

    One TransactWriteItems of two writes. Raises table.WriteConflict.
    """
    item = {
        **keys.notes(user_id),
        "notes": [
            {"id": note.id, "operator_id": note.operator_id, "text": note.text, "created_at": note.created_at}
            for note in notes
        ],
        "version": version + 1,
    }
    put = (
        table.put_write(item, condition=conditions.NOTES_AS_READ, values={":version_read": version})
        if version
        else table.put_write(item, condition=conditions.NOT_THERE)
    )
    table.transact([put, audit_log.action_write(action)])


def erase_write(user_id: int) -> "TransactWriteItemTypeDef":
    """Return the write that erases the notes about a user."""
    return table.delete_write(keys.notes(user_id), condition=None)
