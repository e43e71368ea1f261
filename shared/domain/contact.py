"""A client's contact: a Telegram username or a Russian phone. Shown as typed, compared in its normal form."""

import re
from dataclasses import dataclass

from shared.domain.errors import InvalidContact

MAX_TYPED = 100

# Case never matters in it; without ASCII the long s and the Kelvin sign would be letters too.
_USERNAME = re.compile(
    r"(?:@|(?:https?://)?(?:www\.)?(?:t|telegram)\.me/)([a-z][a-z0-9_]{4,31})/?", re.ASCII | re.IGNORECASE
)
# What people put between the digits of a phone: spaces of every kind but new lines, dashes, dots, brackets.
_BETWEEN_DIGITS = re.compile(r"(?![\n-\x1f\x85\u2028\u2029])[\s\-‐‑‒–—―−.()]")
# +7 6xx and 7xx are Kazakhstan.
_PHONE = re.compile(r"(?:\+7|7|8)?([3489][0-9]{9})")


@dataclass(frozen=True, slots=True)
class Contact:
    """`shown` is what the client typed, trimmed; `normal` is equal for two ways of writing one contact."""

    shown: str
    normal: str


def parse(typed: str) -> Contact:
    """The contact that was typed. Raises InvalidContact."""
    shown = typed.strip()
    if len(shown) > MAX_TYPED:
        raise InvalidContact
    if username := _USERNAME.fullmatch(shown):
        return Contact(shown, f"@{username[1].lower()}")
    if phone := _PHONE.fullmatch(_BETWEEN_DIGITS.sub("", shown)):
        return Contact(shown, f"+7{phone[1]}")
    raise InvalidContact
