"""The contact for fiscal receipts (54-FZ): the payer's e-mail or Russian phone, never an order's contact."""

import re

from shared.domain.contact import normal_phone
from shared.domain.errors import InvalidReceiptContact

# RFC 5321, 4.5.3.1: a path has 256 octets with its brackets, and its local part has 64.
MAX_RECEIPT_CONTACT = 254
_MAX_LOCAL_PART = 64
# A dot-atom (RFC 5322, 3.2.3) of the characters that mail services allow, and a host name (RFC 1123, 2.1) of at least
# two labels, the last of which is no number. Quoted names and addresses in other scripts are refused.
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(
    rf"([a-z0-9_%+-]+(?:\.[a-z0-9_%+-]+)*)@((?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9]))",
    re.ASCII | re.IGNORECASE,
)


def parse_receipt_contact(typed: str) -> str:
    """Return the normal form: an e-mail with its domain in lower case, or `+7` and ten digits.

    Raises InvalidReceiptContact.
    """
    text = typed.strip()
    if len(text) > MAX_RECEIPT_CONTACT:
        raise InvalidReceiptContact
    if phone := normal_phone(text):
        return phone
    email = _EMAIL.fullmatch(text)
    if email is None or len(email[1]) > _MAX_LOCAL_PART:
        raise InvalidReceiptContact
    # Only the domain ignores case (RFC 5321, 2.4).
    return f"{email[1]}@{email[2].lower()}"


def looks_like_contact(typed: str) -> bool:
    """Whether this is a contact, perhaps a mistyped one: it has an @, or digits and no letters."""
    return "@" in typed or (any(map(str.isdigit, typed)) and not any(map(str.isalpha, typed)))
