"""The command behind every look at personal data: record it first."""

from shared.commands.retry import retry
from shared.domain.operators import Action
from shared.store import audit_log, table


def record(action: Action) -> None:
    """Put an action that changes nothing else, before its result is shown.

    One TransactWriteItems of one write; after a conflict one consistent GetItem. Raises Busy: when the audit log cannot
    be written, nothing is shown.
    """

    def record_once() -> None:
        try:
            audit_log.put(action)
        except table.WriteConflict:
            if not audit_log.is_done(action):
                raise

    retry(record_once)
