"""`make audit`: have a stage's books checked by its audit function, and print what it finds.

STAGE is `local`, a running `make run` (LOCAL_DATA_DIR says which), or one that is deployed with the AWS credentials of
this shell. Exit code 0: every invariant holds; 1: there are breaches; 2: it could not be checked.
"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, invoke


def main() -> int:
    """Check and print; the exit code."""
    stage = os.environ.get("STAGE") or "local"
    try:
        breaches = invoke(stage, "Audit", {})
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"The books of stage {stage} could not be checked: {error}", file=sys.stderr)
        return 2
    for breach in breaches:
        print(f"{breach['invariant']}: {breach['subject']}: {breach['found']}")
    print(f"Breaches: {len(breaches)}" if breaches else "Every invariant holds.")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
