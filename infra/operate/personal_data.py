"""`make export ID=… BY=… WHY=…` and `make erase ID=… BY=… WHY=…`: what is kept of a person, shown or removed.

ID is his Telegram id, BY the operator's own, WHY the reason; the trail of operators has all three. STAGE is `local` or
one that is deployed; see infra/operate/invoke.py. Exit code 0: it is done; 2: it is not, and to try again is safe.
"""

import json
import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, invoke
from shared.domain.operators import MAX_REASON, MIN_REASON

_FUNCTIONS = {"export": "ExportUser", "erase": "EraseUser"}


def main(command: str) -> int:
    """Do it and print; the exit code."""
    env = {name: os.environ.get(name, "").strip() for name in ("ID", "BY", "WHY", "STAGE")}
    right = env["ID"].isdecimal() and env["BY"].isdecimal() and MIN_REASON <= len(env["WHY"]) <= MAX_REASON
    if not right:
        print(f"Say whom, who asks and why: make {command} ID=<Telegram id> BY=<yours> WHY=<reason>", file=sys.stderr)
        return 2
    stage = env["STAGE"] or "local"
    event = {"user_id": int(env["ID"]), "operator_id": int(env["BY"]), "reason": env["WHY"]}
    try:
        found = invoke(stage, _FUNCTIONS[command], event)
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"User {env['ID']} of stage {stage}: {error}", file=sys.stderr)
        return 2
    if command == "export":
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print(f"User {env['ID']} of stage {stage} is forgotten; his ledger stays.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
