"""What a stage in an account needs besides its stack: `make setup`, `make webhook` and `make teardown`, with STAGE.

setup     its secrets, as SecureStrings of SSM: asked for, made up, or taken from the environment
webhook   the bot's webhook, told to Telegram once the stack is there and after each change of its secret
teardown  the stack and the webhook taken away; the table and the secrets stay, and it says how to remove them

Each may be run again, also after a Ctrl-C. Exit code 0: done; 1: the answer was no; 2: it could not be done, or not to
the end.
"""

import getpass
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra.operate.invoke import CannotInvoke, aws_client
from shared.outbound import http

# What the bot's webhook handles: functions/telegram/webhook.py
UPDATES = ["message", "callback_query", "my_chat_member", "pre_checkout_query"]


@dataclass(frozen=True)
class Secret:
    """One of a stage's secrets: made up where it is nobody else's, asked for otherwise."""

    name: str
    variable: str
    meaning: str
    is_ours: bool = False
    is_optional: bool = False


SECRETS = [
    Secret("telegram-bot-token", "TELEGRAM_BOT_TOKEN", "the bot's token, from BotFather"),
    Secret("telegram-webhook-secret", "", "what Telegram proves itself with", is_ours=True),
    Secret("contact-key", "", "what contacts become lock names with", is_ours=True),
    Secret("crypto-pay-token", "CRYPTO_PAY_API_TOKEN", "the app's token, from @CryptoBot", is_optional=True),
    Secret("yookassa-secret-key", "YOOKASSA_SECRET_KEY", "the shop's secret key", is_optional=True),
]


class CannotDo(Exception):
    """Something is missing or refuses; the message is one sentence."""


class SaidNo(Exception):
    """The answer was no, and nothing was changed."""


def setup(stage: str, aws: Callable[[str], Any]) -> None:
    """Put what is missing; one that is there stays, unless the environment brings another. Raises CannotDo."""
    ssm = aws("ssm")
    for secret in SECRETS:
        path = _path(stage, secret)
        given = os.environ.get(secret.variable, "") if secret.variable else ""
        there = _read(ssm, path)
        if there is not None and given in ("", there):
            print(f"{path}: there, kept")
            continue
        value = given or (secrets.token_hex(32) if secret.is_ours else _ask(secret))
        if not value:
            print(f"{path}: none, for nothing was given")
            continue
        if secret.name == "telegram-bot-token":
            print(f"The bot is @{_telegram(value, 'getMe')['username']}")
        ssm.put_parameter(Name=path, Value=value, Type="SecureString", Overwrite=there is not None)
        print(f"{path}: {'replaced' if there is not None else 'put'}")


def webhook(stage: str, aws: Callable[[str], Any]) -> None:
    """Tell Telegram where the stage's webhook is and what to send it. Raises CannotDo."""
    ssm = aws("ssm")
    token, secret = (_read(ssm, _path(stage, wanted)) for wanted in SECRETS[:2])
    if token is None or secret is None:
        raise CannotDo(f"the secrets are not there: make setup STAGE={stage}")
    outputs = _outputs(stage, aws)
    if "ApiUrl" not in outputs:
        raise CannotDo(f"{_stack(stage)} has no address, it was never deployed to the end: make deploy STAGE={stage}")
    url = f"{outputs['ApiUrl']}/api/telegram/webhook"
    _telegram(token, "setWebhook", url=url, secret_token=secret, allowed_updates=UPDATES)
    waiting = _telegram(token, "getWebhookInfo")["pending_update_count"]
    print(f"Telegram sends updates to {url}; {waiting} are waiting.")


def teardown(stage: str, aws: Callable[[str], Any]) -> None:
    """Take the webhook and the stack away, also one that failed before it had a table. Raises CannotDo, SaidNo."""
    outputs = _outputs(stage, aws)
    said = os.environ.get("CONFIRM") or _answer(f"This ends {stage} for everybody. Type {stage} to go on: ")
    if said != stage:
        raise SaidNo
    ssm, stacks = aws("ssm"), aws("cloudformation")
    token = _read(ssm, _path(stage, SECRETS[0]))
    if token is not None:
        _telegram(token, "deleteWebhook")
        print("Telegram sends no more updates.")
    name = _stack(stage)
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 5, "MaxAttempts": 360})
    paths = " ".join(_path(stage, secret) for secret in SECRETS)
    print(f"{name} is gone. What stays, and how to remove it for good:")
    if "TableName" in outputs:
        print(f"  aws dynamodb update-table --table-name {outputs['TableName']} --no-deletion-protection-enabled")
        print(f"  aws dynamodb delete-table --table-name {outputs['TableName']}")
    print(f"  aws ssm delete-parameters --names {paths}")


COMMANDS = {"setup": setup, "webhook": webhook, "teardown": teardown}


def _stack(stage: str) -> str:
    return f"urgent-services-{stage}"


def _path(stage: str, secret: Secret) -> str:
    return f"/urgent-services/{stage}/{secret.name}"


def _outputs(stage: str, aws: Callable[[str], Any]) -> dict[str, str]:
    """What the stack says of itself: nothing where it was never deployed to the end."""
    try:
        [stack] = aws("cloudformation").describe_stacks(StackName=_stack(stage))["Stacks"]
    except ClientError as error:
        said = error.response["Error"]
        # Credentials that ran out say nothing of the stack.
        if said["Code"] != "ValidationError" or "does not exist" not in said["Message"]:
            raise
        raise CannotDo(f"there is no stack {_stack(stage)}: make deploy STAGE={stage}") from None
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _read(ssm: Any, path: str) -> str | None:
    try:
        return str(ssm.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def _ask(secret: Secret) -> str:
    more = ", or nothing" if secret.is_optional else ""
    if sys.stdin.isatty():
        return getpass.getpass(f"{secret.name}, {secret.meaning}{more} (it is not shown): ").strip()
    if secret.is_optional:
        return ""
    raise CannotDo(f"set {secret.variable} to {secret.meaning}")


def _answer(question: str) -> str:
    return input(question).strip() if sys.stdin.isatty() else ""


def _telegram(token: str, method: str, **parameters: object) -> Any:
    api = os.environ.get("TELEGRAM_API_URL") or "https://api.telegram.org"
    try:
        reply = http.request("POST", f"{api}/bot{token}/{method}", body=parameters)
    except http.Unreachable:
        raise CannotDo("Telegram cannot be reached") from None
    if not isinstance(reply.body, dict) or reply.body.get("ok") is not True:
        # Its sentence, not the URL: that has the token.
        reason = reply.body.get("description") if isinstance(reply.body, dict) else None
        raise CannotDo(f"Telegram refuses {method}: {reason or reply.status}")
    return reply.body["result"]


def main(command: str) -> int:
    """Do it for STAGE; the exit code."""
    stage = os.environ.get("STAGE", "")
    if stage not in ("dev", "prod"):
        print(f"Say which: make {command} STAGE=dev, or prod", file=sys.stderr)
        return 2
    try:
        COMMANDS[command](stage, aws_client(stage))
    except (CannotDo, CannotInvoke) as error:
        print(f"Not done: {error}.", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, WaiterError) as error:
        print(f"Not done, AWS says: {error}", file=sys.stderr)
        return 2
    except SaidNo:
        print("\nNothing was changed.")
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted; make {command} STAGE={stage} may be run again.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
