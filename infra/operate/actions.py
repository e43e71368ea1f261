"""`make export`, `erase`, `ban`, `unban`, `remove` with ID=… BY=… WHY=…: an operator's action, past the gateway.

ID is the Telegram id of the user, or the id of the order to remove. BY is the operator's Telegram id, WHY the reason.
The audit log records all three. STAGE is `local` or a deployed stage; see infra/operate/invoke.py. Exit code 0: done;
1: there is no such order, or it is the operator's own; 2: not done, repeating is safe.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter, ValidationError

from infra.operate.invoke import CannotInvoke, invoke
from shared import ids
from shared.domain.errors import OrderNotFound, OwnCase
from shared.domain.init_data import MAX_USER_ID
from shared.domain.operators import MAX_REASON, MIN_REASON
from shared.domain.person import LISTS
from shared.domain.text import clean
from shared.error_responses import ERROR_RESPONSES
from shared.http.schemas import ReasonText, UserId

_REFUSED = {
    ERROR_RESPONSES[OrderNotFound].code: "There is no {}.",
    ERROR_RESPONSES[OwnCase].code: "Another operator must do this: {} is your own.",
}
_PAGED = (*LISTS, "offered_orders", "operator_notes", "complaints")


class Command(NamedTuple):
    """A command: its function, what it prints of the function's result and of whom it concerns, and what ID is."""

    function: str
    done: Callable[[Any, str], str]
    is_on_order: bool = False


COMMANDS = {
    "export": Command("ExportUser", lambda data, _: json.dumps(data, ensure_ascii=False, indent=2)),
    "erase": Command("EraseUser", lambda _, whom: f"Erased the personal data of {whom}; the ledger stays."),
    "ban": Command(
        "BanUser",
        lambda ban, whom: (
            f"Banned {whom} at {ban['banned_at']}. Orders removed now: {', '.join(ban['removed_orders']) or 'none'}."
        ),
    ),
    "unban": Command("UnbanUser", lambda _, whom: f"Lifted the ban of {whom}. Removed orders stay removed."),
    "remove": Command(
        "RemoveOrder",
        lambda order, whom: f"Removed {whom} at {order['removed_at']}. Its status: {order['status']}.",
        is_on_order=True,
    ),
}


def main(command: str) -> int:
    """Run a command, print the result and return the exit code."""
    env = {name: clean(os.environ.get(name, "")).strip() for name in ("ID", "BY", "WHY", "STAGE")}
    function, done, is_on_order = COMMANDS[command]
    is_id = ids.ID.fullmatch(env["ID"]) is not None if is_on_order else _is_user_id(env["ID"])
    if not (is_id and _is_user_id(env["BY"]) and _is_a(ReasonText, env["WHY"])):
        print(
            f"Usage: make {command} ID=<{'id of the order' if is_on_order else 'Telegram id of the user'}> "
            f"BY=<your Telegram id> WHY=<reason, {MIN_REASON} to {MAX_REASON} characters, none of them a control "
            f"character>. A Telegram id is 1 to {MAX_USER_ID}.",
            file=sys.stderr,
        )
        return 2
    stage = env["STAGE"] or "local"
    on = {"order_id": env["ID"]} if is_on_order else {"user_id": int(env["ID"])}
    whom = f"{'order' if is_on_order else 'user'} {env['ID']} of stage {stage}"
    try:
        event = {**on, "operator_id": int(env["BY"]), "reason": env["WHY"]}
        call = partial(invoke, stage, function)
        result = joined(lambda cursor: call({**event, "cursor": cursor})) if command == "export" else call(event)
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"make {command} failed for {whom}: {error}", file=sys.stderr)
        return 2
    if isinstance(result, dict) and result.get("code") in _REFUSED:
        print(_REFUSED[result["code"]].format(whom), file=sys.stderr)
        return 1
    print(done(result, whom))
    return 0


def _is_user_id(typed: str) -> bool:
    return typed.isdecimal() and _is_a(UserId, typed)


def _is_a(kind: Any, typed: str) -> bool:
    """Whether the route would accept what was typed for a field of this kind."""
    try:
        TypeAdapter(kind).validate_json(typed if kind is UserId else json.dumps(typed))
    except ValidationError:
        return False
    return True


def joined(page_at: Callable[[str | None], dict[str, Any]]) -> dict[str, Any]:
    """Return all pages of an export as one. `page_at` returns the page of a cursor, None for the first."""
    whole = page_at(None)
    while whole["next_cursor"] is not None:
        page = page_at(whole["next_cursor"])
        whole |= {name: whole[name] + page[name] for name in _PAGED}
        whole["next_cursor"] = page["next_cursor"]
    return whole


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
