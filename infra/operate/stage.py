"""`make setup`, `make webhook` and `make teardown` with STAGE=dev or prod: what a stage needs besides its stack.

setup     store the stage's secrets in SSM as SecureStrings: from the environment, prompted for, generated, or derived;
          say what its parameters in samconfig.toml lack, and whether WebappLink opens the bot of the token
webhook   register the bot's webhook with Telegram: after the first deployment and after each change of its secret
teardown  delete the webhook and the stack; print the commands that delete the table and the secrets, which stay

Every command can be repeated, also after Ctrl-C. Exit code 0: done; 1: not confirmed, nothing changed; 2: failed,
possibly halfway.
"""

import getpass
import os
import re
import secrets
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra.local.settings import ROOT
from infra.operate.derived_keys import DERIVED_KEYS
from infra.operate.invoke import CannotInvoke, aws_client
from shared.outbound import http

# The parameters of the stages.
SAMCONFIG = ROOT / "samconfig.toml"

# The kinds of updates that functions/telegram/webhook.py handles.
UPDATES = ["message", "edited_message", "callback_query", "my_chat_member", "pre_checkout_query"]


@dataclass(frozen=True)
class Secret:
    """A secret of a stage: generated if `is_ours`, otherwise taken from `variable` or prompted for."""

    name: str
    variable: str
    meaning: str
    is_ours: bool = False
    is_optional: bool = False


SECRETS = [
    Secret("telegram-bot-token", "TELEGRAM_BOT_TOKEN", "the bot's token, from BotFather"),
    Secret("telegram-webhook-secret", "", "the secret that Telegram sends with each update", is_ours=True),
    Secret("contact-key", "", "the key of the hash that turns contacts into lock names", is_ours=True),
    Secret("live-ticket-key", "", "the key that signs the tickets of live updates", is_ours=True),
    Secret("crypto-pay-token", "CRYPTO_PAY_API_TOKEN", "the app's token, from @CryptoBot", is_optional=True),
    Secret("yookassa-secret-key", "YOOKASSA_SECRET_KEY", "the shop's secret key", is_optional=True),
]

# What an enabled provider needs: its secret and its parameters, with what happens without each.
_NEEDED = {
    "crypto_pay": {"crypto-pay-token": "every payment fails"},
    "yookassa": {
        "yookassa-secret-key": "every payment fails",
        "YookassaShopId": "every payment fails",
        "YookassaVatCode": (
            "no fiscal receipts are sent, and a shop that has to send them through YooKassa (54-FZ) gets no payment"
        ),
    },
}

_LINK = re.compile("https://t[.]me/(?P<bot>[A-Za-z0-9_]{4,32})(/(?P<app>[A-Za-z0-9_]+))?")


class CannotDo(Exception):
    """A precondition is missing or a service refuses. The message says what to do, without a full stop."""


class NotConfirmed(Exception):
    """The operator did not confirm; nothing was changed."""


def setup(stage: str, aws: Callable[[str], Any]) -> None:
    """Store the missing secrets in SSM; keep an existing one unless the environment has another value.

    Derived keys follow: each is stored unless the one that is there fits its token. Then print what the stage's enabled
    payment providers lack, whether nobody reads what people write, and what is wrong with WebappLink. Calls
    ssm:GetParameter, ssm:PutParameter and, once, Telegram's getMe. Raises CannotDo, and botocore's errors.
    """
    ssm = aws("ssm")
    bot: Mapping[str, Any] | None = None
    values: dict[str, str] = {}
    for secret in SECRETS:
        path = _path(stage, secret.name)
        given = os.environ.get(secret.variable, "") if secret.variable else ""
        stored = _read(ssm, path)
        if stored is not None and given in ("", stored):
            print(f"{path}: exists, kept")
            values[secret.name] = stored
            continue
        value = given or (secrets.token_hex(32) if secret.is_ours else _prompt_for(secret))
        if not value:
            print(f"{path}: optional, not set")
            continue
        if secret.name == "telegram-bot-token":
            bot = _telegram(value, "getMe")
            print(f"The bot is @{bot['username']}")
        _store(ssm, path, value, stored)
        values[secret.name] = value
    for key in DERIVED_KEYS:
        if (source := values.get(key.source)) is None:
            continue
        path = _path(stage, key.name)
        stored, value = _read(ssm, path), key.derive(source)
        if stored == value:
            print(f"{path}: exists, kept")
        else:
            _store(ssm, path, value, stored)
    parameters = _parameters(stage)
    for problem in _missing(parameters, set(values)):
        print(problem)
    if not parameters.get("OperatorsChatId"):
        print("No chat is told that people wait for an answer: set OperatorsChatId, see docs/deployment.md")
    # Last, because every secret is stored by now: a failing Telegram leaves only this check undone.
    bot = bot or _telegram(values["telegram-bot-token"], "getMe")
    for problem in _wrong_link(parameters.get("WebappLink", ""), bot):
        print(problem)


def webhook(stage: str, aws: Callable[[str], Any]) -> None:
    """Register the stage's webhook with Telegram: its URL, its secret and the kinds of updates.

    Calls ssm:GetParameter, cloudformation:DescribeStacks, setWebhook and getWebhookInfo. Raises CannotDo, and
    botocore's errors.
    """
    ssm = aws("ssm")
    token, secret = (_read(ssm, _path(stage, wanted.name)) for wanted in SECRETS[:2])
    if token is None or secret is None:
        raise CannotDo(f"the secrets of {stage} are missing: run make setup STAGE={stage}")
    outputs = _outputs(stage, aws)
    if "ApiUrl" not in outputs:
        raise CannotDo(f"the deployment of {_stack(stage)} never completed: run make deploy STAGE={stage}")
    url = f"{outputs['ApiUrl']}/api/telegram/webhook"
    _telegram(token, "setWebhook", url=url, secret_token=secret, allowed_updates=UPDATES)
    pending = _telegram(token, "getWebhookInfo")["pending_update_count"]
    print(f"Telegram now sends updates to {url}. Pending updates: {pending}.")


def teardown(stage: str, aws: Callable[[str], Any]) -> None:
    """Delete the webhook and the stack, also a stack that failed before it had a table.

    CONFIRM, or the operator at the prompt, must name the stage. Calls cloudformation:DescribeStacks and DeleteStack,
    ssm:GetParameter and deleteWebhook; waits up to 30 minutes. Raises CannotDo, NotConfirmed, and botocore's errors.
    """
    outputs = _outputs(stage, aws)
    confirmation = os.environ.get("CONFIRM") or _prompt(f"This stops {stage} for all users. Type {stage} to continue: ")
    if confirmation != stage:
        raise NotConfirmed
    ssm, stacks = aws("ssm"), aws("cloudformation")
    token = _read(ssm, _path(stage, SECRETS[0].name))
    if token is not None:
        _telegram(token, "deleteWebhook")
        print("Deleted the webhook: Telegram sends no more updates.")
    name = _stack(stage)
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 5, "MaxAttempts": 360})
    names = [*(secret.name for secret in SECRETS), *(key.name for key in DERIVED_KEYS)]
    paths = " ".join(_path(stage, name) for name in names)
    print(f"Deleted the stack {name}. To delete what remains for good, run:")
    if "TableName" in outputs:
        print(f"  aws dynamodb update-table --table-name {outputs['TableName']} --no-deletion-protection-enabled")
        print(f"  aws dynamodb delete-table --table-name {outputs['TableName']}")
    print(f"  aws ssm delete-parameters --names {paths}")


COMMANDS = {"setup": setup, "webhook": webhook, "teardown": teardown}


def _missing(parameters: Mapping[str, str], secrets_there: set[str]) -> list[str]:
    """Return a line for each secret and parameter that an enabled payment provider needs and does not have."""
    enabled = parameters.get("PaymentProviders", "").split(",")
    return [
        f"Missing for {provider}: {name}. Without it, {consequence}: see docs/deployment.md"
        for provider, needed in _NEEDED.items()
        if provider in enabled
        for name, consequence in needed.items()
        if name not in secrets_there and not parameters.get(name)
    ]


def _wrong_link(link: str, bot: Mapping[str, Any]) -> list[str]:
    """Return a line for each reason why the link would not open the Mini App of the bot, as getMe describes the bot.

    https://core.telegram.org/api/links#main-mini-app-links: a link without an app's name needs a Main Mini App.
    """
    username = bot["username"]
    parts = _LINK.fullmatch(link)
    if parts is None:
        return [f"Wrong WebappLink: {link!r} is no link of a bot. Without https://t.me/{username}, make deploy fails"]
    if parts["bot"].lower() != username.lower():
        return [
            f"Wrong WebappLink: it opens @{parts['bot']}, and the token is that of @{username}. "
            f"Buttons would open the other bot: set https://t.me/{username} in samconfig.toml"
        ]
    if not parts["app"] and bot.get("has_main_web_app") is not True:
        return [
            f"Wrong WebappLink: @{username} has no Main Mini App, so {link} would open the chat only. Add one in "
            f"BotFather (Bot Settings, Configure Mini App), or name an app: https://t.me/{username}/<app>"
        ]
    return []


def _parameters(stage: str) -> dict[str, str]:
    """Return the stage's parameters in samconfig.toml; those that it leaves out have the template's default."""
    given = tomllib.loads(SAMCONFIG.read_text())[stage]["global"]["parameters"]["parameter_overrides"]
    return dict(parameter.split("=", 1) for parameter in given)


def _stack(stage: str) -> str:
    return f"urgent-services-{stage}"


def _path(stage: str, name: str) -> str:
    return f"/urgent-services/{stage}/{name}"


def _outputs(stage: str, aws: Callable[[str], Any]) -> dict[str, str]:
    """Return the stack's outputs: empty if its deployment never completed. Raises CannotDo if there is no stack."""
    try:
        [stack] = aws("cloudformation").describe_stacks(StackName=_stack(stage))["Stacks"]
    except ClientError as error:
        details = error.response["Error"]
        # Any other error, such as expired credentials, does not mean that the stack is missing.
        if details["Code"] != "ValidationError" or "does not exist" not in details["Message"]:
            raise
        raise CannotDo(f"there is no stack {_stack(stage)}: run make deploy STAGE={stage}") from None
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _read(ssm: Any, path: str) -> str | None:
    try:
        return str(ssm.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def _store(ssm: Any, path: str, value: str, stored: str | None) -> None:
    ssm.put_parameter(Name=path, Value=value, Type="SecureString", Overwrite=stored is not None)
    print(f"{path}: {'replaced' if stored is not None else 'created'}")


def _prompt_for(secret: Secret) -> str:
    optional = "; optional, press Enter to skip" if secret.is_optional else ""
    if sys.stdin.isatty():
        return getpass.getpass(f"{secret.name}, {secret.meaning} (input is hidden{optional}): ").strip()
    if secret.is_optional:
        return ""
    raise CannotDo(f"set {secret.variable} to {secret.meaning}")


def _prompt(question: str) -> str:
    return input(question).strip() if sys.stdin.isatty() else ""


def _telegram(token: str, method: str, **parameters: object) -> Any:
    api = os.environ.get("TELEGRAM_API_URL") or "https://api.telegram.org"
    try:
        reply = http.request("POST", f"{api}/bot{token}/{method}", body=parameters)
    except http.Unreachable:
        raise CannotDo("Telegram is not reachable: check the network and TELEGRAM_API_URL") from None
    if not isinstance(reply.body, dict) or reply.body.get("ok") is not True:
        # Telegram's description, never the URL: the URL contains the token.
        reason = reply.body.get("description") if isinstance(reply.body, dict) else None
        raise CannotDo(f"Telegram refuses {method}: {reason or reply.status}")
    return reply.body["result"]


def main(command: str) -> int:
    """Run a command for STAGE, print the result and return the exit code."""
    stage = os.environ.get("STAGE", "")
    if stage not in ("dev", "prod"):
        print(f"Usage: make {command} STAGE=dev (or STAGE=prod)", file=sys.stderr)
        return 2
    try:
        COMMANDS[command](stage, aws_client(stage))
    except (CannotDo, CannotInvoke) as error:
        print(f"make {command} failed: {str(error).rstrip('.')}.", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, WaiterError) as error:
        print(f"make {command} failed, AWS reports: {error}", file=sys.stderr)
        return 2
    except NotConfirmed:
        print("\nNot confirmed. Nothing was changed.")
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted. It is safe to repeat make {command} STAGE={stage}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
