"""The fuzz targets: each processes arbitrary bytes and checks the properties of the result."""

import json
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote_plus

from shared.domain import contact, masking
from shared.domain.errors import InvalidContact, InvalidInitData
from shared.domain.init_data import verify
from shared.domain.text import MAX_MARKS, clean
from tests.conftest import BOT_TOKEN
from tests.signing import key_of, mac

NOW = 1_790_000_000_000
MAX_AGE = 86_400


def init_data(data: bytes) -> bool:
    """Verify bytes as initData; return whether accepted. A second, slower parser must agree (I22, G7)."""
    sent = data.decode("utf-8", "surrogateescape")
    try:
        user = verify(sent, key=key_of(BOT_TOKEN), now=NOW, max_age=MAX_AGE)
    except InvalidInitData:
        return False
    assert len(data) <= 4096
    assert max(data) < 128
    pairs = [
        (unquote_plus(name), unquote_plus(value)) for name, value in (field.split("=", 1) for field in sent.split("&"))
    ]
    fields = dict(pairs)
    assert len(fields) == len(pairs)
    assert "\ufffd" not in sent
    assert fields.pop("hash") == mac(list(fields.items()), BOT_TOKEN)
    assert not any("\n" in text for pair in pairs for text in pair)
    assert re.fullmatch("[1-9][0-9]*", fields["auth_date"])
    assert NOW - MAX_AGE * 1000 <= int(fields["auth_date"]) * 1000 <= NOW + 60_000
    signed = json.loads(fields["user"])
    assert type(signed["id"]) is int
    assert user.id == signed["id"]
    assert 0 < user.id < 2**53
    for name in (user.first_name, user.last_name, user.username or ""):
        assert len(name.encode()) <= 4 * 128
    return True


def a_contact(data: bytes) -> bool:
    """Parse bytes as a contact; return whether accepted. The normal form must then be its own normal form."""
    typed = data.decode("utf-8", "surrogateescape")
    try:
        parsed = contact.parse(typed)
    except InvalidContact:
        return False
    assert parsed.shown == typed.strip()
    assert len(parsed.shown) <= 100
    assert contact.parse(parsed.normal).normal == parsed.normal
    if parsed.normal.startswith("@"):
        assert re.fullmatch("@[a-z][a-z0-9_]{4,31}", parsed.normal)
        assert parsed.shown.rstrip("/").lower().endswith(parsed.normal[1:])
    else:
        assert re.fullmatch(r"\+7[3489][0-9]{9}", parsed.normal)
        assert re.sub("[^0-9]", "", parsed.shown)[-10:] == parsed.normal[2:]
        assert not any(char.isalpha() for char in parsed.shown)
    return True


# Digits with what may stand between them; those without a dot and a dash are neither a date nor a range.
_RUN = re.compile(r"\+?[0-9](?:[ ().-]*[0-9])*")
_PLANTED = "+7 (916) 123-45-67"


def a_masked_text(data: bytes) -> bool:
    """Mask bytes as a text; return whether it had a contact. What is left is no contact by the grammar (I23)."""
    text = data.decode("utf-8", "replace")
    masked = masking.mask(text)
    assert masking.mask(masked) == masked
    assert len(masked) <= len(text)
    # A WebApp that sends the masked text back sends the stored one: cleaning it changes nothing.
    stored = masking.mask(clean(text))
    assert clean(stored) == stored
    assert set(masked) <= {*text, *masking.MASK}
    assert not re.search("@[A-Za-z][A-Za-z0-9_]{4,31}", masked)
    assert "t.me/" not in masked.lower()
    for run in _RUN.findall(masked):
        if not set(run) & set(".-"):
            assert not _is_contact(run)
    if _PLANTED not in text:
        assert _PLANTED[-9:] not in masking.mask(f"{text}\n{_PLANTED}\n{text}").replace(text, "")
    return masked != text


def _is_contact(text: str) -> bool:
    try:
        contact.parse(text)
    except InvalidContact:
        return False
    return True


def a_text(data: bytes) -> bool:
    """Clean bytes as text; return whether they were clean. What comes out is clean, and has what everybody sees."""
    typed = data.decode("utf-8", "surrogateescape")
    cleaned = clean(typed)
    normal = unicodedata.normalize("NFC", typed)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert len(cleaned) <= len(normal)
    assert not set(cleaned) & set("\u3164\u200b\u00ad\u202e\u2800\ufe0e\u034f\u115f")
    assert not re.search("(?:^|[\\s\u200d])[\u200d\ufe0f\u0301]", cleaned)
    assert not re.search(f"[\u0300-\u033f]{{{MAX_MARKS + 1}}}", cleaned)
    assert _letters(cleaned) == _letters(typed)
    return cleaned == typed


def _letters(text: str) -> list[str]:
    """The letters and digits of a text, without their marks."""
    parts = unicodedata.normalize("NFD", text)
    return [character for character in parts if unicodedata.category(character) in ("Lu", "Ll", "Nd")]


TARGETS: dict[str, Callable[[bytes], bool]] = {
    "init_data": init_data,
    "contact": a_contact,
    "masking": a_masked_text,
    "text": a_text,
}
