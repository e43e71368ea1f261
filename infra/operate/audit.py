"""`make audit`: reconcile the table of a stage: invoke its Audit function and print the breaches of invariants.

STAGE is `local` or a deployed stage; see infra/operate/invoke.py. Exit code 0: every invariant holds; 1: there are
breaches; 2: the audit could not run.
"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, invoke


def main() -> int:
    """Run the audit, print the result and return the exit code."""
    stage = os.environ.get("STAGE") or "local"
    try:
        breaches = invoke(stage, "Audit", {})
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"The audit of stage {stage} could not run: {error}", file=sys.stderr)
        return 2
    for breach in breaches:
        print(f"{breach['invariant']}: {breach['subject']}: {breach['found']}")
    print(f"Breaches: {len(breaches)}" if breaches else "Every invariant holds.")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
