"""Sign fields as Telegram does. They may be fields that Telegram never sends."""

import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote

Pairs = Sequence[tuple[str, str]]


def key_of(bot_token: str) -> bytes:
    """Return the key with which Telegram signs initData."""
    return hmac.new(b"WebAppData", bot_token.encode(), hashlib.sha256).digest()


def mac(pairs: Pairs, bot_token: str) -> str:
    """Return the hash of the fields, as hex."""
    text = "\n".join(f"{name}={value}" for name, value in sorted(pairs, key=lambda pair: pair[0]))
    return hmac.new(key_of(bot_token), text.encode(), hashlib.sha256).hexdigest()


def encoded(pairs: Pairs) -> str:
    """Return the fields percent-encoded, as a Mini App receives them."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def signed(pairs: Pairs, bot_token: str) -> str:
    """Return the encoded fields with their hash."""
    return encoded([*pairs, ("hash", mac(pairs, bot_token))])
