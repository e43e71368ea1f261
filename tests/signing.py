"""Signing any fields whatever as Telegram would, also those that it never would."""

import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote

Pairs = Sequence[tuple[str, str]]


def key_of(bot_token: str) -> bytes:
    """The key with which Telegram signs initData."""
    return hmac.new(b"WebAppData", bot_token.encode(), hashlib.sha256).digest()


def mac(pairs: Pairs, bot_token: str) -> str:
    """The hash of the fields."""
    text = "\n".join(f"{name}={value}" for name, value in sorted(pairs, key=lambda pair: pair[0]))
    return hmac.new(key_of(bot_token), text.encode(), hashlib.sha256).hexdigest()


def encoded(pairs: Pairs) -> str:
    """The fields as a Mini App gets them."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def signed(pairs: Pairs, bot_token: str) -> str:
    """The fields with their hash."""
    return encoded([*pairs, ("hash", mac(pairs, bot_token))])
