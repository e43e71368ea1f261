"""Contacts: which spellings are the same contact, and which are refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.contact import Contact, parse
from shared.domain.errors import InvalidContact


def is_refused(typed: str) -> bool:
    """Whether `parse` refuses the text; any other exception fails the test."""
    try:
        parse(typed)
    except InvalidContact:
        return True
    return False


# ---------------------------------------------------------------- phones

_PHONE = st.from_regex(r"[3489][0-9]{9}", fullmatch=True)
_COUNTRY = st.sampled_from(["", "+7", "7", "8"])
# Characters that people and address books put between digits.
_BETWEEN = st.text(st.sampled_from(" \t\u00a0\u202f\u2009-‐‑‒–—―−.()"), max_size=2)


@st.composite
def _spelt(draw: st.DrawFn, phone: str) -> str:
    """A way of writing the phone."""
    digits = draw(_COUNTRY) + phone
    between = draw(st.lists(_BETWEEN, max_size=5))
    for at, what in zip(draw(st.permutations(range(len(digits) + 1))), between, strict=False):
        digits = digits[:at] + what + digits[at:]
    return digits


@pytest.mark.parametrize(
    "typed",
    [
        "+79161234567",
        "79161234567",
        "89161234567",
        "9161234567",
        "+7 916 123-45-67",
        "8 (916) 123-45-67",
        "8(916)1234567",
        "+7.916.123.45.67",
        "+7\u00a0916\u00a0123\u00a045\u00a067",
        "+7 916 123–45–67",
        "(916) 123-4567",
        "  +7 916 123 45 67\n",
    ],
)
def test_usual_ways_of_writing_a_phone(typed: str) -> None:
    assert parse(typed) == Contact(typed.strip(), "+79161234567")


@pytest.mark.parametrize("phone", ["4951234567", "8001234567", "3012123456", "9001234567"])
def test_codes_of_russia(phone: str) -> None:
    for country in ("+7", "8", "7", ""):
        assert parse(country + phone).normal == f"+7{phone}"


@given(st.data(), _PHONE)
def test_spellings_of_a_phone_are_one_contact(data: st.DataObject, phone: str) -> None:
    assert parse(data.draw(_spelt(phone))).normal == f"+7{phone}"


@given(st.data(), _PHONE, _PHONE)
def test_two_phones_are_two_contacts(data: st.DataObject, one: str, other: str) -> None:
    contacts = {parse(data.draw(_spelt(phone))).normal for phone in (one, other)}
    assert len(contacts) == (1 if one == other else 2)


@given(st.data(), st.from_regex(r"[67][0-9]{9}", fullmatch=True))
def test_kazakhstan_is_refused(data: st.DataObject, phone: str) -> None:
    assert is_refused(data.draw(_spelt(phone)))


@given(st.from_regex(r"[0125][0-9]{9}", fullmatch=True), _COUNTRY)
def test_codes_outside_russia_are_refused(phone: str, country: str) -> None:
    assert is_refused(country + phone)


_UNICODE_DIGIT = st.characters(categories=["Nd", "No"], exclude_characters=string.digits)


@given(_PHONE, st.integers(0, 9), _UNICODE_DIGIT)
def test_digits_of_other_scripts_are_refused(phone: str, at: int, digit: str) -> None:
    assert is_refused(f"+7{phone[:at]}{digit}{phone[at + 1 :]}")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "+7",
        "916123456",
        "+7916123456",
        "+791612345678",
        "91612345678",
        "+89161234567",
        "++79161234567",
        "+7+9161234567",
        "0079161234567",
        "8109161234567",
        "+1 916 123 45 67",
        "+380 44 123 45 67",
        "112",
        "+7 916 123 45 67 доб. 12",
        "+7 916 123 45 67, 2",
        "+7 916 123 45 67 / 68",
        "tel:+79161234567",
        "+7 916 123 45 6x",
        "+7_916_123_45_67",
        "+7 916 123 45 67\x00",
        *(f"+7 916{space}123 45 67" for space in "\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"),
        "\u202e+79161234567",  # would be shown from right to left
    ],
)
def test_text_that_is_no_russian_phone_is_refused(typed: str) -> None:
    assert is_refused(typed)


# ---------------------------------------------------------------- usernames

_USERNAME = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{4,31}", fullmatch=True)
_PREFIX = st.sampled_from(
    ["@", "t.me/", "https://t.me/", "http://t.me/", "https://www.t.me/", "telegram.me/", "https://telegram.me/"]
)


@given(_USERNAME, _PREFIX, _PREFIX, st.booleans())
def test_spellings_of_a_username_are_one_contact(name: str, one: str, other: str, slash: bool) -> None:
    again = other.swapcase() + name.swapcase() + ("/" if slash else "")
    assert parse(one + name).normal == parse(again).normal == f"@{name.lower()}"


@given(_USERNAME, _USERNAME, _PREFIX, _PREFIX)
def test_two_usernames_are_two_contacts(one: str, other: str, prefix: str, another: str) -> None:
    same = one.lower() == other.lower()
    assert (parse(prefix + one).normal == parse(another + other).normal) == same


def test_a_keyboard_capitalises_the_first_letter() -> None:
    for typed in ("T.me/durov", "Https://t.me/durov", "HTTPS://T.ME/DUROV", "@Durov"):
        assert parse(typed) == Contact(typed, "@durov")


@pytest.mark.parametrize("length", [5, 32])
def test_lengths_of_a_username(length: int) -> None:
    assert parse("@" + "a" * length).normal == "@" + "a" * length
    assert is_refused("@" + "a" * (4 if length == 5 else 33))


@pytest.mark.parametrize(
    "typed",
    [
        "durov",
        "@",
        "@@durov",
        "@1durov",
        "@_durov",
        "@durov!",
        "@du rov",
        "@дуров",
        "@duroν",  # the last letter is Greek
        "@du\u212aov",  # the Kelvin sign is a k in lower case
        "@du\u017fov",  # the long s is an S in upper case
        "@durov\x00",
        "@durov\n@other",
        "https://t.me/",
        "https://t.me/durov/123",
        "https://t.me/+AbCdEfGh",
        "https://t.me/durov?start=1",
        "https://t.me@evil.example/durov",
        "https://evil.example/t.me/durov",
        "https://xt.me/durov",
        "https://txme/durov",
        "https://wwwxt.me/durov",
        "ftp://t.me/durov",
        "javascript:t.me/durov",
        "tg://resolve?domain=durov",
        "durov@example.org",
    ],
)
def test_text_that_is_no_username_is_refused(typed: str) -> None:
    assert is_refused(typed)


# ---------------------------------------------------------------- both


@given(st.data(), _PHONE, _USERNAME, _PREFIX)
def test_parsing_again_changes_nothing(data: st.DataObject, phone: str, name: str, prefix: str) -> None:
    for typed in (data.draw(_spelt(phone)), prefix + name):
        contact = parse(typed)
        assert contact.shown == typed.strip()
        assert parse(contact.shown) == contact
        assert parse(contact.normal) == Contact(contact.normal, contact.normal)


@given(st.text(st.characters(codec=None)) | st.text(st.sampled_from("@+789 (-)t.me/:htps_aK\n\x00\u212a")))
def test_anything_is_parsed_or_refused(typed: str) -> None:
    if not is_refused(typed):
        normal = parse(typed).normal
        assert normal.isascii()
        assert normal == normal.lower()
        assert parse(normal).normal == normal


def test_length_of_what_is_shown() -> None:
    padding = " " * 88
    assert parse(f"+7{padding}9161234567").normal == "+79161234567"
    assert is_refused(f"+7 {padding}9161234567")
    assert parse(f"{padding * 10}@durov{padding * 10}").shown == "@durov"
