"""A client's contact: a Telegram username or a Russian phone number. Shown as typed, compared in its normal form."""

import re
from dataclasses import dataclass

from shared.domain.errors import InvalidContact

MAX_TYPED = 100

# A username ignores case. Without re.ASCII, the long s and the Kelvin sign would count as letters.
_USERNAME = re.compile(
    r"(?:@|(?:https?://)?(?:www\.)?(?:t|telegram)\.me/)([a-z][a-z0-9_]{4,31})/?", re.ASCII | re.IGNORECASE
)
# Separators in a typed phone number: spaces of every kind except line breaks, dashes, dots, brackets.
_BETWEEN_DIGITS = re.compile(r"(?![\n-\x1f\x85\u2028\u2029])[\s\-‐‑‒–—―−.()]")
# +7 6xx and +7 7xx are numbers of Kazakhstan.
_PHONE = re.compile(r"(?:\+7|7|8)?([3489][0-9]{9})")


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact. `shown` is the client's text, trimmed; `normal` is equal for every spelling of one contact."""

    shown: str
    normal: str


def parse(typed: str) -> Contact:
    """Return the contact that was typed. Raises InvalidContact."""
    shown = typed.strip()
    if len(shown) > MAX_TYPED:
        raise InvalidContact
    if username := _USERNAME.fullmatch(shown):
        return Contact(shown, f"@{username[1].lower()}")
    if phone := normal_phone(shown):
        return Contact(shown, phone)
    raise InvalidContact


def normal_phone(text: str) -> str | None:
    """Return `+7` and ten digits for a Russian phone number in any usual spelling; None for anything else."""
    phone = _PHONE.fullmatch(_BETWEEN_DIGITS.sub("", text))
    return f"+7{phone[1]}" if phone else None
