"""Secrets: SSM SecureStrings, read once and remembered for five minutes.

When SSM cannot be reached, neither at the first read nor at a later one, the request is refused: a check whose
secret is missing is never skipped (F25). That there is none is remembered for a minute: otherwise whoever sends what
needs it would ask SSM each time, which answers an account forty times a second. A request waits at most 2 attempts ×
(1 s connect + 1 s read) + 1 s between them = 5 s for it, far below its function's timeout (P4).
"""

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import clients
from shared.service_errors import Unavailable
from shared.settings import settings

_REMEMBERED_SECONDS = 300
_MISSED_SECONDS = 60

_CRYPTO_PAY = "crypto-pay-token"


class NotSet(Exception):
    """This stage has no such secret."""


class _ParameterStore:
    """SSM, and what it said in the last five minutes, a minute where it has no such parameter.

    Powertools' Parameters does the same; it imports boto3 and four other stores on the way.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, tuple[float, str | None]] = {}

    def get(self, path: str) -> str:
        """A parameter, decrypted. Raises NotSet, and what botocore raises."""
        known_until, value = self._known.get(path, (0.0, None))
        if time.time() >= known_until:
            value = self._read(path)
            self._known[path] = time.time() + (_MISSED_SECONDS if value is None else _REMEMBERED_SECONDS), value
        if value is None:
            raise NotSet
        return value

    def _read(self, path: str) -> str | None:
        try:
            value: str = self._client.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            return None
        return value


@clients.created_at_init
def _provider() -> _ParameterStore:
    return _ParameterStore(clients.client("ssm", read_timeout=1))


def _read(name: str) -> str:
    try:
        return _provider().get(f"{settings().secrets_prefix}/{name}")
    except (BotoCoreError, ClientError) as error:
        raise Unavailable from error


def _secret(name: str) -> str:
    try:
        return _read(name)
    except NotSet as error:
        raise Unavailable from error


def bot_token() -> str:
    """The bot's token, with which Telegram signs initData. One ssm:GetParameter in five minutes. Raises Unavailable."""
    return _secret("telegram-bot-token")


def telegram_webhook_secret() -> str:
    """What Telegram puts into each update's header, given to it by setWebhook. One ssm:GetParameter in five minutes.

    Raises Unavailable.
    """
    return _secret("telegram-webhook-secret")


def crypto_pay_token() -> str:
    """The token of our Crypto Pay app, which signs its webhooks, too. One ssm:GetParameter in five minutes.

    Raises Unavailable.
    """
    return _secret(_CRYPTO_PAY)


def crypto_pay_token_if_set() -> str | None:
    """The same; None where this stage has no app of Crypto Pay's. Raises Unavailable."""
    try:
        return _read(_CRYPTO_PAY)
    except NotSet:
        return None


def yookassa_secret_key() -> str:
    """The secret key of our YooKassa shop. One ssm:GetParameter in five minutes. Raises Unavailable."""
    return _secret("yookassa-secret-key")


def contact_key() -> str:
    """The key under which contacts become lock names. One ssm:GetParameter in five minutes. Raises Unavailable."""
    return _secret("contact-key")
