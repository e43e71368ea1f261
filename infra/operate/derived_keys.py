"""Keys that verify the signatures of a token's issuer and cannot call its API: stored beside the token, as hex.

A function that only verifies may read such a key and not the token.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass


def init_data_key(bot_token: str) -> str:
    """Return the key of initData, as hex: HMAC-SHA256 of the bot's token under the key `WebAppData`.

    https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
    """
    return hmac.digest(b"WebAppData", bot_token.encode(), "sha256").hex()


def crypto_pay_webhook_key(token: str) -> str:
    """Return the key of Crypto Pay's webhook signatures, as hex: SHA-256 of the app's token.

    https://help.send.tg/en/articles/10279948-crypto-pay-api
    """
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True)
class DerivedKey:
    """A parameter `name` that `derive` computes from the secret `source`."""

    name: str
    source: str
    derive: Callable[[str], str]


DERIVED_KEYS = [
    DerivedKey("init-data-key", "telegram-bot-token", init_data_key),
    DerivedKey("crypto-pay-webhook-key", "crypto-pay-token", crypto_pay_webhook_key),
]
