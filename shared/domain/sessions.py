"""Operators' sessions: a login code from the bot is exchanged for a text that our own key signs.

Telegram's clients keep initData for days, so an operator may be unable to send a fresh one. A session proves no more
than initData does: the operator's id, at a time. It is accepted by the operators' routes alone.
"""

import hashlib
import hmac
import re

from shared.domain.durations import MINUTE_MS
from shared.domain.errors import InvalidInitData, SessionExpired
from shared.domain.init_data import MAX_USER_ID

CODE_LIFETIME_MS = 5 * MINUTE_MS
_SESSION = re.compile("([1-9][0-9]{0,15})\\.([1-9][0-9]{0,12})\\.([0-9a-f]{64})")


def _key(init_data_key: bytes) -> bytes:
    # A key of its own: an initData is never a session, and a session never an initData.
    return hmac.new(init_data_key, b"operator session", hashlib.sha256).digest()


def _signature(text: str, init_data_key: bytes) -> str:
    return hmac.new(_key(init_data_key), text.encode(), hashlib.sha256).hexdigest()


def sign(operator_id: int, *, ends_at: int, init_data_key: bytes) -> str:
    """Return a session of the operator that ends at `ends_at`, epoch ms."""
    text = f"{operator_id}.{ends_at}"
    return f"{text}.{_signature(text, init_data_key)}"


def verify(session: str, *, init_data_key: bytes, now: int) -> int:
    """Return the operator of a session that has not ended at `now` (epoch ms).

    Raises SessionExpired, InvalidInitData.
    """
    parts = _SESSION.fullmatch(session) if session.isascii() else None
    if parts is None or int(parts[1]) > MAX_USER_ID:
        raise InvalidInitData("bad_session")
    if not hmac.compare_digest(_signature(f"{parts[1]}.{parts[2]}", init_data_key), parts[3]):
        raise InvalidInitData("bad_session")
    if now >= int(parts[2]):
        raise SessionExpired("session_expired")
    return int(parts[1])
