"""`make export ID=… BY=… WHY=…` and `make erase ID=… BY=… WHY=…`: print or erase the personal data of a user.

ID is the user's Telegram id, BY the operator's Telegram id, WHY the reason. The audit log records all three. STAGE is
`local` or a deployed stage; see infra/operate/invoke.py. Exit code 0: done; 2: not done, repeating is safe.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, invoke
from shared.domain.operators import MAX_REASON, MIN_REASON
from shared.domain.person import LISTS
from shared.domain.text import clean

_PAGED = (*LISTS, "offered_orders", "complaints")
_FUNCTIONS = {"export": "ExportUser", "erase": "EraseUser"}


def main(command: str) -> int:
    """Run `export` or `erase`, print the result and return the exit code."""
    env = {name: clean(os.environ.get(name, "")).strip() for name in ("ID", "BY", "WHY", "STAGE")}
    is_valid = env["ID"].isdecimal() and env["BY"].isdecimal() and MIN_REASON <= len(env["WHY"]) <= MAX_REASON
    if not is_valid:
        print(
            f"Usage: make {command} ID=<the user's Telegram id> BY=<your Telegram id> "
            f"WHY=<reason, {MIN_REASON} to {MAX_REASON} characters>",
            file=sys.stderr,
        )
        return 2
    stage = env["STAGE"] or "local"
    event = {"user_id": int(env["ID"]), "operator_id": int(env["BY"]), "reason": env["WHY"]}
    try:
        call = partial(invoke, stage, _FUNCTIONS[command])
        result = joined(lambda cursor: call({**event, "cursor": cursor})) if command == "export" else call(event)
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"make {command} failed for user {env['ID']} of stage {stage}: {error}", file=sys.stderr)
        return 2
    if command == "export":
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        print(f"Erased the personal data of user {env['ID']} of stage {stage}; the ledger stays.")
    return 0


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
