"""Secrets: SSM SecureStrings, read once and remembered for five minutes.

When SSM cannot be reached, neither at the first read nor at a later one, the request is refused: a check whose
secret is missing is never skipped (F25). A request waits at most 2 attempts × (1 s connect + 1 s read) + 1 s between
them = 5 s for it, far below its function's timeout (P4).
"""

from functools import cache

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config

from shared.domain.errors import Unavailable
from shared.settings import settings

_REMEMBERED_SECONDS = 300


@cache
def _provider() -> SSMProvider:
    return SSMProvider(
        boto_config=Config(
            connect_timeout=1,
            read_timeout=1,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
    )


def _secret(name: str) -> str:
    path = f"{settings().secrets_prefix}/{name}"
    try:
        value = _provider().get(path, decrypt=True, max_age=_REMEMBERED_SECONDS)
    except GetParameterError as error:
        raise Unavailable from error
    return str(value)


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
    return _secret("crypto-pay-token")


def yookassa_secret_key() -> str:
    """The secret key of our YooKassa shop. One ssm:GetParameter in five minutes. Raises Unavailable."""
    return _secret("yookassa-secret-key")


def contact_key() -> str:
    """The key under which contacts become lock names. One ssm:GetParameter in five minutes. Raises Unavailable."""
    return _secret("contact-key")
