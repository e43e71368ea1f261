"""`make refund PAYMENT=…`: refund a payment through its provider and debit the user's balance.

STAGE is `local` or a deployed stage; see infra/operate/invoke.py. Exit code 0: refunded; 1: not refunded, the payment
was never paid; 2: the refund failed. The command is idempotent: repeating it is safe.
"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, invoke


def main() -> int:
    """Refund the payment, print the result and return the exit code."""
    stage, payment = os.environ.get("STAGE") or "local", os.environ.get("PAYMENT", "")
    if not payment.isdecimal():
        print("Usage: make refund PAYMENT=<payment_id>", file=sys.stderr)
        return 2
    try:
        result = invoke(stage, "RefundPayment", {"payment_id": int(payment)})
    except (BotoCoreError, ClientError, CannotInvoke) as error:
        print(f"The refund of payment {payment} of stage {stage} failed: {error}", file=sys.stderr)
        return 2
    print(
        f"Payment {payment} of user {result['user_id']} ({result['amount']} roubles, {result['provider']}): "
        f"{result['status']}."
    )
    if result["status"] == "refunded":
        print(f"Debited from the balance: {result['taken_back']}; already spent, recorded as debt: {result['debt']}.")
    return 0 if result["status"] == "refunded" else 1


if __name__ == "__main__":
    sys.exit(main())
