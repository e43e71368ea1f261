"""`make refund PAYMENT=…`: give a payment back through its provider, and take it from the balance.

STAGE is `local` or a deployed stage; see infra/operate/invoke.py. Exit code 0: refunded; 1: not refunded, because it
was never paid; 2: the refund could not be made. Repeating the command is safe.
"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, invoke


def main() -> int:
    """Refund and print; the exit code."""
    stage, payment = os.environ.get("STAGE") or "local", os.environ.get("PAYMENT", "")
    if not payment.isdecimal():
        print("Say which: make refund PAYMENT=<payment_id>", file=sys.stderr)
        return 2
    try:
        done = invoke(stage, "RefundPayment", {"payment_id": int(payment)})
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"Payment {payment} of stage {stage} could not be refunded: {error}", file=sys.stderr)
        return 2
    whose = f"user {done['user_id']}, {done['amount']} roubles by {done['provider']}"
    print(f"Payment {payment} of {whose}: {done['status']}.")
    if done["status"] == "refunded":
        print(f"Taken from the balance: {done['taken_back']}; spent already, a debt: {done['debt']}.")
    return 0 if done["status"] == "refunded" else 1


if __name__ == "__main__":
    sys.exit(main())
