"""The response that the functions of support threads share."""

from typing import Any

from shared.domain.support import State, Thread
from shared.domain.user import User
from shared.http.schemas import View, iso, iso_or_null


class ThreadView(View):
    """A person's support thread, without its texts.

    - `user_id`: Telegram id of the person; it is the thread's id.
    - `waiting_since`: the first message that no operator answered, ISO 8601, UTC; null unless `state` is `waiting`.
    - `operator_id`: who took the thread over or answered last; null if nobody since it was opened.
    - `is_reachable`: false if the bot cannot write to the person, as far as the service knows.
    """

    user_id: int
    first_name: str
    last_name: str
    username: str | None
    state: State
    opened_at: str
    waiting_since: str | None
    last_message_at: str
    operator_id: int | None
    closed_at: str | None
    is_reachable: bool


def thread_view(thread: Thread, person: User) -> dict[str, Any]:
    """Return the thread as operators see it in a list."""
    return {
        "user_id": thread.user_id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
        "state": thread.state,
        "opened_at": iso(thread.opened_at),
        "waiting_since": iso_or_null(thread.waiting_since),
        "last_message_at": iso(thread.last_at),
        "operator_id": thread.operator_id,
        "closed_at": iso_or_null(thread.closed_at),
        "is_reachable": person.chat_open is not False,
    }
