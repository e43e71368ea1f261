"""Telegram's initData: the user who opened the Mini App, signed with a key made from the bot's token (I22, G7).

https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from shared.domain.errors import InitDataExpired, InvalidInitData
from shared.domain.order import Source
from shared.domain.text import clean

MAX_BYTES = 4096
MAX_FUTURE_SECONDS = 60  # how far Telegram's clock may be ahead of ours
MAX_USER_ID = 2**53 - 1  # the largest integer that JavaScript represents exactly
MAX_NAME = 128  # Telegram's own limit is 64; a longer name is cut, not refused

_BAD_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_HASH = re.compile("[0-9a-f]{64}")
_SECONDS = re.compile("[1-9][0-9]{0,11}")


@dataclass(frozen=True, slots=True)
class TelegramUser:
    """The caller, according to Telegram. `lets_bot_write`: the user allowed messages of the bot in the Mini App.

    `start_param`, `chat_type`: the parameter of the link that opened the Mini App, and the type of its chat.
    """

    id: int
    first_name: str
    last_name: str
    username: str | None
    lets_bot_write: bool = False
    start_param: str | None = None
    chat_type: str | None = None

    def source_of(self, order_id: str) -> Source:
        """Return where the caller found the order. The type of their chat with the bot itself is `sender`."""
        if self.start_param != start_param_of(order_id):
            return "feed"
        return "bot" if self.chat_type == "sender" else "link"


def start_param_of(order_id: str) -> str:
    """Return the parameter of a link that opens the Mini App at an order."""
    return f"order_{order_id}"


def verify(init_data: str, *, key: bytes, now: int, max_age: int) -> TelegramUser:
    """Return the user of an initData signed with `key` at most `max_age` seconds before `now` (epoch ms).

    `key` is HMAC-SHA256 of the bot's token under the key `WebAppData`. Raises InitDataExpired for an older
    one, InvalidInitData for any other text.
    """
    fields = _fields(init_data)
    sent = fields.pop("hash", None)
    if sent is None or not _HASH.fullmatch(sent):
        raise InvalidInitData("no_hash")
    # `signature` is Telegram's signature for third parties. It is part of the signed text like any other field.
    text = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    if not hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), sent):
        raise InvalidInitData("bad_hash")
    # From here on, every field is known to come from Telegram.
    _check_age(fields.get("auth_date"), now, max_age)
    user = _user(fields.get("user"))
    return replace(user, start_param=fields.get("start_param"), chat_type=fields.get("chat_type"))


def _fields(init_data: str) -> dict[str, str]:
    if not init_data.isascii() or len(init_data) > MAX_BYTES:
        raise InvalidInitData("too_long" if init_data.isascii() else "not_ascii")
    if _BAD_PERCENT.search(init_data):
        raise InvalidInitData("bad_encoding")
    try:
        pairs = parse_qsl(init_data, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise InvalidInitData("bad_encoding") from None
    fields = dict(pairs)
    # With two values for a key, the signed value and the value that is read could differ. With a line break in a value,
    # one field could be read as two.
    if len(fields) != len(pairs):
        raise InvalidInitData("duplicate_key")
    if any("\n" in name or "\n" in value for name, value in pairs):
        raise InvalidInitData("line_break")
    return fields


def _check_age(auth_date: str | None, now: int, max_age: int) -> None:
    if auth_date is None or not _SECONDS.fullmatch(auth_date):
        raise InvalidInitData("bad_auth_date")
    age = now - int(auth_date) * 1000
    if age > max_age * 1000:
        raise InitDataExpired("expired")
    if age < -MAX_FUTURE_SECONDS * 1000:
        raise InvalidInitData("from_the_future")


def _user(text: str | None) -> TelegramUser:
    try:
        user = json.loads(text or "")
    except (ValueError, RecursionError):
        raise InvalidInitData("bad_user") from None
    return telegram_user(user)


def telegram_user(user: object) -> TelegramUser:
    """Return the user of an object that Telegram sent, as in initData or in an update. Raises InvalidInitData."""
    if not isinstance(user, dict):
        raise InvalidInitData("bad_user")
    user_id = user.get("id")
    if type(user_id) is not int or not 1 <= user_id <= MAX_USER_ID:
        raise InvalidInitData("bad_user_id")
    return TelegramUser(
        id=user_id,
        first_name=_name(user.get("first_name")),
        last_name=_name(user.get("last_name")),
        username=_name(user.get("username")) or None,
        lets_bot_write=user.get("allows_write_to_pm") is True,
    )


def _name(value: Any) -> str:
    """Return a name that can be stored and shown, and that is what it looks like.

    Half of a surrogate pair can be neither stored nor shown, so it is replaced.
    """
    if not isinstance(value, str):
        return ""
    return clean(value.encode("utf-8", "replace").decode()[:MAX_NAME])
