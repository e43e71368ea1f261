"""Secrets: SSM SecureStrings, cached for five minutes.

If SSM cannot be reached and the cached value has expired, the request is refused: a check without its secret is never
skipped (F25). A missing parameter is cached for one minute; otherwise every such request would call SSM, which is
limited to 40 requests per second per account. A request waits at most 2 attempts × (1 s connect + 1 s read) + 1 s
between them = 5 s, far below the timeout of its function (P4).
"""

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import clients
from shared.service_errors import Unavailable
from shared.settings import settings

_CACHE_SECONDS = 300
_MISSING_CACHE_SECONDS = 60


class NotSet(Exception):
    """The stage does not have this secret."""


class _ParameterStore:
    """A cache of SSM parameters: five minutes for a value, one minute for a missing parameter.

    Powertools' Parameters does the same, but imports boto3 and four other stores.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, tuple[float, str | None]] = {}

    def get(self, path: str) -> str:
        """Return a decrypted parameter. One ssm:GetParameter if not cached. Raises NotSet and botocore's errors."""
        cached_until, value = self._known.get(path, (0.0, None))
        if time.time() >= cached_until:
            value = self._read(path)
            self._known[path] = time.time() + (_MISSING_CACHE_SECONDS if value is None else _CACHE_SECONDS), value
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
    """Return the bot's token, for calls of the Bot API. One ssm:GetParameter per five minutes. Raises Unavailable."""
    return _secret("telegram-bot-token")


def init_data_key() -> bytes:
    """Return the key that verifies initData. The Bot API cannot be called with it.

    One ssm:GetParameter per five minutes. Raises Unavailable.
    """
    return bytes.fromhex(_secret("init-data-key"))


def telegram_webhook_secret() -> str:
    """Return the secret that Telegram sends in a header of each update. It is set with setWebhook.

    One ssm:GetParameter per five minutes. Raises Unavailable.
    """
    return _secret("telegram-webhook-secret")


def crypto_pay_token() -> str:
    """Return the token of our Crypto Pay app, for calls of its API.

    One ssm:GetParameter per five minutes. Raises Unavailable.
    """
    return _secret("crypto-pay-token")


def crypto_pay_webhook_key_if_set() -> bytes | None:
    """Return the key of Crypto Pay's webhook signatures, or None on a stage without Crypto Pay.

    One ssm:GetParameter per five minutes, per minute without a key. Raises Unavailable.
    """
    try:
        return bytes.fromhex(_read("crypto-pay-webhook-key"))
    except NotSet:
        return None


def yookassa_secret_key() -> str:
    """Return the secret key of our YooKassa shop. One ssm:GetParameter per five minutes. Raises Unavailable."""
    return _secret("yookassa-secret-key")


def contact_key() -> str:
    """Return the HMAC key of contacts in table keys. One ssm:GetParameter per five minutes. Raises Unavailable."""
    return _secret("contact-key")
