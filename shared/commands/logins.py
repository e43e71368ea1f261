"""Commands on operators' login codes: the bot issues one, and the panel exchanges it for a session, once."""

import secrets

from shared import clock
from shared.commands.retry import retry
from shared.domain.errors import LinkUsed
from shared.domain.sessions import CODE_LIFETIME_MS
from shared.store import audit_log, logins, table


def issue(operator_id: int) -> str:
    """Return a new code for the operator, of 22 URL-safe characters. It is good for five minutes and one exchange.

    Per attempt: one TransactWriteItems of one write. Raises Busy.
    """

    def issue_once() -> str:
        code = secrets.token_urlsafe(16)
        logins.put(code, operator_id, ends_at=clock.now_ms() + CODE_LIFETIME_MS)
        return code

    return retry(issue_once)


def exchange(code: str) -> int:
    """Use the code up, record that, and return its operator.

    Per attempt: one consistent GetItem and one TransactWriteItems of two writes; after a conflict one GetItem more.
    Raises LinkUsed for a code that was used, has ended or never was; Busy, Unavailable.
    """
    operator_id = logins.get(code, clock.now_ms())
    if operator_id is None:
        raise LinkUsed
    action = audit_log.new(operator_id, "session_opened", "вход по ссылке бота")

    def use_once() -> None:
        try:
            logins.use(code, action)
        except table.WriteConflict:
            if audit_log.is_done(action):
                return  # only the response was lost
            if logins.get(code, clock.now_ms()) is None:
                raise LinkUsed from None
            raise

    retry(use_once)
    return operator_id
