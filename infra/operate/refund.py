"""`make refund PAYMENT=…`: refund a payment through its provider and debit the user's balance.

STAGE is `local` or a deployed stage; see infra/operate/invoke.py. Exit code 0: refunded; 1: not refunded, because the
payment was never paid, the provider refused, or its decision is open; 2: the refund failed. The command is idempotent:
repeating it is safe.
"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.invoke import CannotInvoke, invoke

# What to do about a provider's reason.
# https://help.send.tg/en/articles/10279948-crypto-pay-api, https://yookassa.ru/developers/api#refund_object
_ADVICE = {
    "AMOUNT_TOO_SMALL": "Crypto Pay transfers 1 USD or more. Pay the user back another way.",
    "AMOUNT_TOO_BIG": "Crypto Pay transfers 25 000 USD or less. Pay the user back another way.",
    "USER_NOT_FOUND": "The user has no wallet in @CryptoBot. Ask them to start it, then run the command again.",
    "NOT_ENOUGH_COINS": "The app has too few coins. Top it up in @CryptoBot, then run the command again.",
    "METHOD_DISABLED": "Allow transfers in the app's settings in @CryptoBot, then run the command again.",
    "insufficient_funds": "The shop has too little money in YooKassa. Top it up, then run the command again.",
    "rejected_by_payee": "The payer's bank refused the money. Agree with the user on another way.",
    "invalid_request": "YooKassa needs a receipt that we cannot send, or more. Refund in the shop's account.",
    "general_decline": "YooKassa gives no details. Run the command again later, or ask YooKassa's support.",
    "CHARGE_NOT_FOUND": "Telegram does not know the charge. Compare it with the bot's transactions.",
}


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
        return 0
    if result["refund"] == "pending":
        print("The provider has not decided about the refund yet. Run the command again in an hour.", file=sys.stderr)
    if result["refund"] == "refused":
        advice = _ADVICE.get(result["reason"], "Look the reason up at the provider, or pay the user back another way.")
        print(f"Not refunded: the provider refused it ({result['reason']}). {advice}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
