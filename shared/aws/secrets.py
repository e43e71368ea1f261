"""Secrets: SSM SecureStrings, cached for up to five minutes.

An instance refreshes a value four to five minutes after it read it (jitter): instances that started together do not
call SSM together, which allows 40 requests per second per account. A missing parameter is cached for up to one minute;
otherwise every such request would call SSM.

If SSM fails to answer or throttles, an expired value is used for at most one hour more, and SSM is called again once a
minute (stale-if-error). Any other answer of SSM counts at once: a parameter that was replaced or removed, a role that
may no longer read it. Without a value, or after that hour, the request is refused: a check without its secret is never
skipped (F25). A request waits at most 2 attempts × (1 s connect + 1 s read) + 1 s between them = 5 s, far below the
timeout of its function (P4).
"""

import random
import time
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import clients
from shared.observability import logger, metrics, where
from shared.service_errors import Unavailable
from shared.settings import settings

_CACHE_SECONDS = 300
_MISSING_CACHE_SECONDS = 60
_JITTER = 0.2
_STALE_SECONDS = 3600
_RETRY_SECONDS = 60


class NotSet(Exception):
    """The stage does not have this secret."""


@dataclass(frozen=True, slots=True)
class _Cached:
    """A value, None for a missing parameter. It is read again from `refresh_at` on and unusable from `ends_at` on.

    Both are epoch seconds.
    """

    value: str | None
    refresh_at: float
    ends_at: float


class _ParameterStore:
    """A cache of SSM parameters.

    Powertools' Parameters does nearly the same, but imports boto3 and four other stores.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, _Cached] = {}

    def get(self, path: str) -> str:
        """Return a decrypted parameter. One ssm:GetParameter if not cached. Raises NotSet and botocore's errors."""
        known = self._known.get(path)
        if known is None or time.time() >= known.refresh_at:
            known = self._known[path] = self._refreshed(path, known)
        if known.value is None:
            raise NotSet
        return known.value

    def _refreshed(self, path: str, known: _Cached | None) -> _Cached:
        try:
            value = self._read(path)
        except (BotoCoreError, ClientError) as error:
            now = time.time()
            if known is None or known.value is None or now >= known.ends_at or not _is_outage(error):
                raise
            metrics.add_metric("StaleSecrets", "Count", 1)
            logger.error("stale secret", extra={"parameter": path.rpartition("/")[2], **where(error)})
            return replace(known, refresh_at=min(now + _jittered(_RETRY_SECONDS), known.ends_at))
        now = time.time()
        if value is None:
            return _Cached(None, refresh_at=now + _jittered(_MISSING_CACHE_SECONDS), ends_at=now)
        refresh_at = now + _jittered(_CACHE_SECONDS)
        return _Cached(value, refresh_at, ends_at=refresh_at + _STALE_SECONDS)

    def _read(self, path: str) -> str | None:
        try:
            value: str = self._client.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            return None
        return value


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1)


def _is_outage(error: BotoCoreError | ClientError) -> bool:
    """Whether SSM was not reached, throttled the call or failed. Otherwise it answered, and its answer counts."""
    if isinstance(error, BotoCoreError):
        return True
    response = error.response
    return response["Error"]["Code"] == "ThrottlingException" or response["ResponseMetadata"]["HTTPStatusCode"] >= 500


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


def live_ticket_key() -> bytes:
    """Return the key that signs the tickets of sockets. One ssm:GetParameter per five minutes. Raises Unavailable."""
    return _secret("live-ticket-key").encode()


def contact_key() -> str:
    """Return the HMAC key of contacts in table keys. One ssm:GetParameter per five minutes. Raises Unavailable."""
    return _secret("contact-key")
