"""initData: what is accepted, and every way to be refused (I22, G7)."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InitDataExpired, InvalidInitData
from shared.domain.init_data import TelegramUser, verify
from shared.domain.text import clean
from tests.signing import encoded, key_of, mac, signed

TOKEN = "7342037359:AAHw3s-Tq_0v4kF1nobodyUsesThisTokenXYZ"
SIGNED_AT = 1_790_000_000  # epoch seconds
NOW = SIGNED_AT * 1000
MAX_AGE = 86_400

# The hashes below were computed with `openssl dgst -mac HMAC`, the texts were encoded by JavaScript.
CYRILLIC = (
    "auth_date=1790000000&chat_instance=-8134722200314281151&chat_type=private"
    "&signature=zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6MLIlADQ"
    "&start_param="
    "&user=%7B%22id%22%3A5167898484%2C%22first_name%22%3A%22%D0%9F%D1%91%D1%82%D1%80%22%2C%22last_name%22%3A%22%D0%81"
    "%D0%BB%D0%BA%D0%B8%D0%BD-%D0%A9%D1%83%D0%BA%D0%B8%D0%BD%22%2C%22username%22%3A%22petr_elkin%22%2C"
    "%22language_code%22%3A%22ru%22%2C%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https%3A%5C%2F%5C%2Ft.me"
    "%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%2FYpcdHFmoxukm.svg%22%7D"
    "&hash=a2ce70abd0617920067b38aebf087f112b53dcd03eedda0b1609902225404c94"
)
SPACES = (
    "query_id=AAHdF6IQAAAAAN0XohDhrOrc"
    "&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Anna%20%2B%20Maria%22%2C"
    "%22last_name%22%3A%22van%20den%20Berg%20%5Cud83d%5Cudd27%22%2C%22is_premium%22%3Atrue%7D"
    "&auth_date=1790000000&start_param=order_a%3Db%26c"
    "&hash=1540c309eb33e3568e42b0404e0310718e7043a520d3c9bd50f723b31072170b"
)
PLUSES = SPACES.replace("%20", "+")
LEAST = (
    "hash=0b00055bb1bf6bcc65ce1051b6e618dcb8b6c304f64a28baac58312e5aa9e467&auth_date=1790000000&user=%7B%22id%22%3A1%7D"
)
VECTORS = {
    CYRILLIC: TelegramUser(
        5167898484, "Пётр", "Ёлкин-Щукин", "petr_elkin", lets_bot_write=True, start_param="", chat_type="private"
    ),
    SPACES: TelegramUser(279058397, "Anna + Maria", "van den Berg 🔧", None, start_param="order_a=b&c"),
    PLUSES: TelegramUser(279058397, "Anna + Maria", "van den Berg 🔧", None, start_param="order_a=b&c"),
    LEAST: TelegramUser(1, "", "", None),
}

# Every reason of a refusal. The log and a dashboard use them, so they are stable.
REASONS = {
    "bad_auth_date",
    "bad_encoding",
    "bad_hash",
    "bad_user",
    "bad_user_id",
    "duplicate_key",
    "expired",
    "from_the_future",
    "line_break",
    "no_hash",
    "not_ascii",
    "too_long",
}

USER = ("user", '{"id":42,"first_name":"Пётр"}')
AUTH_DATE = ("auth_date", str(SIGNED_AT))
SIGNATURE = ("signature", "made-by-Telegram-for-others")


def accepted(init_data: str, *, now: int = NOW) -> TelegramUser:
    return verify(init_data, key=key_of(TOKEN), now=now, max_age=MAX_AGE)


def refused(init_data: str, *, token: str = TOKEN, now: int = NOW) -> str:
    """The reason of the refusal. No exception, or another one than InvalidInitData, fails the test."""
    with pytest.raises(InvalidInitData) as raised:
        verify(init_data, key=key_of(token), now=now, max_age=MAX_AGE)
    assert raised.value.reason in REASONS
    assert str(raised.value) == raised.value.reason
    # One refusal has an error of its own, because the user can do something about it.
    assert isinstance(raised.value, InitDataExpired) is (raised.value.reason == "expired")
    return raised.value.reason


def verdict(init_data: str) -> TelegramUser | str:
    """The user, or the reason of the refusal."""
    try:
        return accepted(init_data)
    except InvalidInitData as error:
        return error.reason if error.reason in REASONS else f"unknown reason: {error.reason}"


# ---------------------------------------------------------------- accepted


@pytest.mark.parametrize("init_data", VECTORS)
def test_vectors(init_data: str) -> None:
    assert accepted(init_data) == VECTORS[init_data]


def test_order_of_fields_does_not_matter() -> None:
    assert accepted("&".join(reversed(CYRILLIC.split("&")))) == VECTORS[CYRILLIC]


def test_escapes_in_the_user_are_hashed_as_received() -> None:
    for slash in ("/", "\\/", "\\u002f"):
        user = f'{{"id": 42,  "photo_url":"https:{slash}{slash}t.me", "first_name":"\\u041f"}}'
        assert accepted(signed([("user", user), AUTH_DATE], TOKEN)) == TelegramUser(42, "П", "", None)


def test_unknown_fields_are_part_of_the_signed_text() -> None:
    more = [("", "no name"), ("новое", "поле"), ("blank", ""), ("a=b", "c"), ("zz", "1=2=3")]
    assert accepted(signed([USER, AUTH_DATE, SIGNATURE, *more], TOKEN)).id == 42
    for left_out in more:
        kept = [pair for pair in more if pair != left_out]
        sent = encoded([USER, AUTH_DATE, SIGNATURE, *kept]) + f"&hash={mac([USER, AUTH_DATE, SIGNATURE, *more], TOKEN)}"
        assert refused(sent) == "bad_hash"


@pytest.mark.parametrize("user_id", [1, 2**31, 2**32 + 1, 2**52, 2**53 - 1])
def test_ids(user_id: int) -> None:
    assert accepted(signed([("user", f'{{"id":{user_id}}}'), AUTH_DATE], TOKEN)).id == user_id


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Пётр", "Пётр"),
        ("", ""),
        ("x" * 128, "x" * 128),
        ("я" * 129, "я" * 128),
        ("Сергеи\u0306", "Сергей"),
        ("\u3164", ""),
        ("\u202eитсоп\u200b", "итсоп"),
        ("Анна \U0001f468\u200d\U0001f527", "Анна \U0001f468\u200d\U0001f527"),
        ("\u200b" * 10 + "x" * 128, "x" * 118),  # cut first, so that half of an emoji sequence is cleaned as well
        ("\ud83d", "?"),  # half of a surrogate pair can be neither stored nor sent
        (None, ""),
        (7, ""),
        (["Пётр"], ""),
        ({"ru": "Пётр"}, ""),
        (True, ""),
    ],
)
def test_names_are_cleaned_for_storage(sent: Any, kept: str) -> None:
    user = json.dumps({"id": 42, "first_name": sent, "last_name": sent, "username": sent})
    assert accepted(signed([("user", user), AUTH_DATE], TOKEN)) == TelegramUser(42, kept, kept, kept or None)


# ---------------------------------------------------------------- age


def test_age_to_the_millisecond() -> None:
    at_the_limit = NOW + MAX_AGE * 1000
    assert accepted(CYRILLIC, now=at_the_limit).id == 5167898484
    assert refused(CYRILLIC, now=at_the_limit + 1) == "expired"
    as_far_ahead_as_may_be = NOW - 60_000
    assert accepted(CYRILLIC, now=as_far_ahead_as_may_be).id == 5167898484
    assert refused(CYRILLIC, now=as_far_ahead_as_may_be - 1) == "from_the_future"


@pytest.mark.parametrize("signed_at", [1, 999_999_999, *range(2 * 10**9, 10**10, 10**9), 999_999_999_999])
def test_any_clock_value_is_accepted_as_now(signed_at: int) -> None:
    sent = signed([USER, ("auth_date", str(signed_at))], TOKEN)
    assert accepted(sent, now=signed_at * 1000).id == 42


def test_maximum_age_is_the_callers_argument() -> None:
    assert verify(LEAST, key=key_of(TOKEN), now=NOW + 10_000, max_age=10).id == 1
    with pytest.raises(InvalidInitData, match="expired"):
        verify(LEAST, key=key_of(TOKEN), now=NOW + 10_001, max_age=10)


def test_auth_date_missing() -> None:
    assert refused(signed([USER], TOKEN)) == "bad_auth_date"


@pytest.mark.parametrize(
    "auth_date",
    [
        "",
        "0",
        "-1",
        f"-{SIGNED_AT}",
        f"+{SIGNED_AT}",
        f"0{SIGNED_AT}",
        f" {SIGNED_AT}",
        f"{SIGNED_AT} ",
        f"{SIGNED_AT}\r",
        f"{SIGNED_AT}.0",
        "1.79e9",
        "1_790_000_000",
        "0x6ab14e80",
        "now",
        "null",
        "9" * 13,
        "9" * 3000,
        "١٧٩٠٠٠٠٠٠٠",
        "１７９００００００００",
        "²",
    ],
)
def test_auth_date_that_is_not_a_number_of_seconds(auth_date: str) -> None:
    assert refused(signed([USER, ("auth_date", auth_date)], TOKEN)) == "bad_auth_date"


@pytest.mark.parametrize(("auth_date", "reason"), [("1", "expired"), ("9" * 12, "from_the_future")])
def test_auth_date_far_away(auth_date: str, reason: str) -> None:
    assert refused(signed([USER, ("auth_date", auth_date)], TOKEN)) == reason


def test_mac_is_checked_before_the_content() -> None:
    pairs = [("user", "nonsense"), ("auth_date", "nonsense")]
    assert refused(encoded([*pairs, ("hash", "0" * 64)])) == "bad_hash"


# ---------------------------------------------------------------- user


def test_user_missing() -> None:
    assert refused(signed([AUTH_DATE, SIGNATURE], TOKEN)) == "bad_user"


@pytest.mark.parametrize(
    "user",
    [
        "",
        " ",
        "null",
        "true",
        "42",
        '"42"',
        "[]",
        '[{"id":42}]',
        "{",
        '{"id":42',
        '{"id":42}}',
        "{'id':42}",
        '{"id":042}',
        '{"id":+42}',
        '{"id":٤٢}',
        "\ufeff{}",
        "[" * 1300,
        '{"id":' * 200 + "42" + "}" * 200 + "}",
        '{"a":' * 200 + "[" * 400,
    ],
)
def test_user_that_is_not_an_object(user: str) -> None:
    assert refused(signed([("user", user), AUTH_DATE], TOKEN)) == "bad_user"


def test_user_nested_deeper_than_the_parser_allows() -> None:
    """Brackets need no percent-encoding, so 4 KiB hold more levels than the JSON parser supports."""
    for opening in ("[", '{"a":'):
        depth = 3800 // len(opening)
        raw = f"auth_date={SIGNED_AT}&user={opening * depth}"
        sent = f"{raw}&hash={mac([AUTH_DATE, ('user', opening * depth)], TOKEN)}"
        assert len(sent) <= 4096
        assert refused(sent) == "bad_user"


@pytest.mark.parametrize(
    "user_id",
    [
        '"42"',
        '""',
        "true",
        "false",
        "null",
        "0",
        "-0",
        "-42",
        str(2**53),
        str(2**53 + 1),
        str(2**63),
        str(2**64 + 42),
        "9" * 3000,
        "42.0",
        "42.5",
        "1e3",
        "1E3",
        "1e999",
        "NaN",
        "Infinity",
        "-Infinity",
        "[42]",
        "{}",
    ],
)
def test_invalid_user_id(user_id: str) -> None:
    assert refused(signed([("user", f'{{"id":{user_id},"first_name":"x"}}'), AUTH_DATE], TOKEN)) == "bad_user_id"


def test_user_without_an_id() -> None:
    for user in ("{}", '{"ID":42}', '{"id ":42}', '{"user":{"id":42}}'):
        assert refused(signed([("user", user), AUTH_DATE], TOKEN)) == "bad_user_id"


# ---------------------------------------------------------------- hash


def test_hash_missing() -> None:
    assert refused(encoded([USER, AUTH_DATE])) == "no_hash"
    assert refused("") == "no_hash"
    # Not even if the hash covers a text that contains the other field's name.
    assert refused(encoded([USER, AUTH_DATE, ("Hash", mac([USER, AUTH_DATE], TOKEN))])) == "no_hash"


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda good: "",
        str.upper,
        lambda good: good[:-1],
        lambda good: good[:32],
        lambda good: good + "0",
        lambda good: good + good,
        lambda good: " " + good,
        lambda good: good + "\r",
        lambda good: "0x" + good[2:],
        lambda good: "g" * 64,
        lambda good: "а" * 64,
        lambda good: good[:-1] + "é",
        lambda good: "٠" * 64,
    ],
)
def test_hash_that_is_not_lower_case_hex(spoilt: Any) -> None:
    pairs = [USER, AUTH_DATE]
    assert refused(encoded([*pairs, ("hash", spoilt(mac(pairs, TOKEN)))])) == "no_hash"


@pytest.mark.parametrize("position", range(64))
def test_hash_with_one_digit_changed(position: int) -> None:
    good = mac([USER, AUTH_DATE], TOKEN)
    for digit in "0123456789abcdef":
        if digit != good[position]:
            bad = good[:position] + digit + good[position + 1 :]
            assert refused(encoded([USER, AUTH_DATE, ("hash", bad)])) == "bad_hash"


@pytest.mark.parametrize(
    "token", ["", "42:TEST", TOKEN[:-1], TOKEN + "Z", TOKEN.lower(), TOKEN.split(":")[1], f" {TOKEN}", f"{TOKEN}\n"]
)
def test_token_of_another_bot(token: str) -> None:
    for init_data in VECTORS:
        assert refused(init_data, token=token) == "bad_hash"


def test_signature_is_part_of_the_text() -> None:
    without = "&".join(field for field in CYRILLIC.split("&") if not field.startswith("signature="))
    assert refused(without) == "bad_hash"
    assert refused(f"{LEAST}&signature=AAAA") == "bad_hash"


@pytest.mark.parametrize("init_data", [CYRILLIC, SPACES, LEAST])
def test_any_field_left_out_or_added(init_data: str) -> None:
    fields = init_data.split("&")
    for left_out in fields:
        kept = "&".join(field for field in fields if field != left_out)
        assert refused(kept) == ("no_hash" if left_out.startswith("hash=") else "bad_hash")
    assert refused(f"{init_data}&a=b") == "bad_hash"
    assert refused(f"a=b&{init_data}") == "bad_hash"


ANY_BYTE = range(1, 256)
ANY_BIT = [1 << bit for bit in range(8)]


@pytest.mark.parametrize(("init_data", "flips"), [(CYRILLIC, ANY_BIT), (SPACES, ANY_BIT), (LEAST, ANY_BYTE)])
def test_any_byte_flipped(init_data: str, flips: Sequence[int]) -> None:
    """At every position. A flip that decodes to the same text, such as %7b for %7B, is no change."""
    same = {
        (at, init_data[at].lower())
        for escape in re.finditer("%[0-9A-F]{2}", init_data)
        for at in range(*escape.span())
        if init_data[at].isalpha()
    }
    found = {
        (at, flipped)
        for at, char in enumerate(init_data)
        for flipped in (chr(ord(char) ^ flip) for flip in flips)
        if isinstance(verdict(init_data[:at] + flipped + init_data[at + 1 :]), TelegramUser)
    }
    assert found == same


@pytest.mark.parametrize("init_data", [CYRILLIC, SPACES, LEAST])
def test_any_byte_left_out_or_put_in(init_data: str) -> None:
    for at in range(len(init_data)):
        refused(init_data[:at] + init_data[at + 1 :])
        refused(init_data[:at])
        for byte in "\x00\n +&=%0aé":
            refused(init_data[:at] + byte + init_data[at:])


# ---------------------------------------------------------------- ambiguous


@pytest.mark.parametrize("key", ["user", "auth_date", "hash", "signature", "start_param"])
@pytest.mark.parametrize("spelling", ["{}", "%{:02x}", "%{:02X}"])
def test_duplicate_key(key: str, spelling: str) -> None:
    """Refused whichever of the two was signed, however the key is escaped, and even if both are equal."""
    again = "".join(spelling.format(ord(char) if "%" in spelling else char) for char in key)
    good = dict([USER, AUTH_DATE, SIGNATURE, ("start_param", "")])
    good["hash"] = mac(list(good.items()), TOKEN)
    other = {"user": '{"id":1}', "auth_date": str(SIGNED_AT + 1), "hash": "0" * 64}.get(key, "other")
    sent = encoded(list(good.items()))
    for value in (good[key], other, ""):
        assert refused(f"{sent}&{again}={quote(value)}") == "duplicate_key"
        assert refused(f"{again}={quote(value)}&{sent}") == "duplicate_key"
    both = [*((name, value) for name, value in good.items() if name != "hash"), (key, other)]
    if key != "hash":
        assert refused(signed(both, TOKEN)) == "duplicate_key"


@pytest.mark.parametrize(
    "pair",
    [("start_param", "a\nb"), ("start_param", "\n"), ("a\nb", "c"), ("\n", ""), ("hash\n", ""), ("auth_date", "1\n2")],
)
def test_line_break(pair: tuple[str, str]) -> None:
    """A line break could make one field look like two, because the signed text separates fields by line breaks."""
    pairs = [USER, pair, *([] if pair[0] == "auth_date" else [AUTH_DATE])]
    assert refused(signed(pairs, TOKEN)) == "line_break"
    assert refused(signed(pairs, TOKEN).replace("%0A", "\n")) == "line_break"


def test_line_break_cannot_hide_a_field() -> None:
    """`a=1` and `user=…` on two lines of the signed text, sent as one field `a`."""
    good = mac([("a", "1"), AUTH_DATE, USER], TOKEN)
    assert accepted(encoded([("a", "1"), AUTH_DATE, USER, ("hash", good)])).id == 42
    merged = ("a", f"1\nauth_date={SIGNED_AT}")
    assert refused(encoded([merged, USER, ("hash", good)])) == "line_break"


@pytest.mark.parametrize(
    "sent",
    [
        "a",
        "&",
        "=&",
        "user",
        "user&hash=0",
        f"&{LEAST}",
        f"{LEAST}&",
        LEAST.replace("&", "&&", 1),
        f"{LEAST}&flag",
        "%",
        "a=%",
        "a=%1",
        "a=%zz",
        "a=%u0041",
        "%=a",
        "a=%ff",
        "a=%C3",
        "a=%C0%AF",
        "a=%ED%A0%80",
        "a=%F4%90%80%80",
        "%FF=a",
        f"{LEAST}&a=%",
        f"{LEAST}&a=%D0",
    ],
)
def test_text_that_does_not_decode(sent: str) -> None:
    assert refused(sent) == "bad_encoding"


def test_bad_percent_and_bad_utf8_even_where_signed() -> None:
    """A lenient reader would decode them to `%zz` and U+FFFD."""
    for raw, read in (("%zz", "%zz"), ("%ff", "\ufffd")):
        sent = f"a={raw}&{encoded([USER, AUTH_DATE])}&hash={mac([('a', read), USER, AUTH_DATE], TOKEN)}"
        assert refused(sent) == "bad_encoding"


def test_other_separators() -> None:
    fields = SPACES.split("&")
    for separator in (";", "; ", ",", "\n", " ", "&amp;", "%26"):
        refused(separator.join(fields))


@pytest.mark.parametrize("sent", ["é", "user=Пётр", "a=\ud83d", "\u2028", f"{LEAST}\xa0", f"a=é&{LEAST}", "é" * 5000])
def test_not_ascii(sent: str) -> None:
    assert refused(sent) == "not_ascii"


def test_over_4_kib() -> None:
    def of_length(length: int) -> str:
        empty = signed([USER, AUTH_DATE, ("start_param", "")], TOKEN)
        return signed([USER, AUTH_DATE, ("start_param", "x" * (length - len(empty)))], TOKEN)

    assert len(of_length(4096)) == 4096
    assert accepted(of_length(4096)).id == 42
    assert refused(of_length(4097)) == "too_long"
    assert refused(f"{LEAST}&a={'b' * 100_000}") == "too_long"
    assert refused("&" * 1_000_000) == "too_long"


# ---------------------------------------------------------------- anything at all

_PIECES = st.sampled_from(
    [*'&=%+;[]{}":,\\ \n\r\x00', "%0A", "%22", "%7B", "hash", "user", "auth_date", "signature", str(SIGNED_AT), "1e3"]
)


@given(st.one_of(st.text(), st.text(st.characters(codec=None)), st.lists(_PIECES).map("".join)))
def test_garbage(sent: str) -> None:
    refused(sent)


@given(user=st.one_of(st.text(st.characters(codec="utf-8"), max_size=60), st.lists(_PIECES).map("".join)))
def test_garbage_that_is_signed(user: str) -> None:
    assert verdict(signed([("user", user), AUTH_DATE], TOKEN)) in {"bad_user", "bad_user_id", "line_break", "too_long"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=5,
)


@given(user_id=_JSON | st.integers(min_value=1), name=_JSON, escaped=st.booleans())
def test_user_is_the_one_that_was_signed(user_id: Any, name: Any, escaped: bool) -> None:
    user = json.dumps({"id": user_id, "first_name": name}, ensure_ascii=escaped)
    sent = signed([("user", user), AUTH_DATE], TOKEN)
    if len(sent) > 4096:
        expected: TelegramUser | str = "too_long"
    elif type(user_id) is int and 1 <= user_id < 2**53:
        expected = TelegramUser(user_id, clean(name[:128]) if isinstance(name, str) else "", "", None)
    else:
        expected = "bad_user_id"
    assert verdict(sent) == expected


# ---------------------------------------------------------------- vectors that others publish

PUBLIC = Path(__file__).parents[3] / "shared" / "vectors.json"
_EXPECTED = {
    "ok": {"ok"},
    "expired": {"expired"},
    "future": {"from_the_future"},
    "hash_invalid": {"bad_hash", "no_hash"},
    "hash_missing": {"no_hash"},
    "duplicate": {"duplicate_key"},
    "format": {"bad_encoding", "no_hash"},
}


@pytest.mark.skipif(not PUBLIC.exists(), reason="the public vectors are not part of the repository")
def test_public_vectors() -> None:
    vectors = [vector for vector in json.loads(PUBLIC.read_text()) if vector["mode"] == "hmac"]
    assert len(vectors) > 15
    for vector in vectors:
        expected = _EXPECTED[vector["expected"]]
        if vector["name"] == "aiogram-plus-as-space":  # correctly signed, but the user's id is a string
            expected = {"bad_user_id"}
        try:
            verify(vector["init_data"], key=key_of(vector["key"]), now=vector["now"] * 1000, max_age=vector["max_age"])
            found = "ok"
        except InvalidInitData as error:
            found = error.reason
        assert found in expected, vector["name"]


@pytest.mark.parametrize(
    ("opened_by", "source"),
    [
        ([], "feed"),
        ([("chat_type", "sender")], "feed"),
        ([("start_param", "order_AAAAAAAAAAAA")], "link"),
        ([("start_param", "order_AAAAAAAAAAAA"), ("chat_type", "group")], "link"),
        ([("start_param", "order_AAAAAAAAAAAA"), ("chat_type", "sender")], "bot"),
        ([("start_param", "order_BBBBBBBBBBBB"), ("chat_type", "sender")], "feed"),
    ],
)
def test_source_is_the_link_that_opened_the_app(opened_by: list[tuple[str, str]], source: str) -> None:
    """An executor who opened the app at another order found this one in the feed."""
    assert accepted(signed([USER, AUTH_DATE, *opened_by], TOKEN)).source_of("AAAAAAAAAAAA") == source


# ---------------------------------------------------------------- where the caller came from


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({}, "feed"),
        ({"start_param": "order_AbCdEfGhIjKl"}, "link"),
        ({"start_param": "order_AbCdEfGhIjKl", "chat_type": "channel"}, "link"),
        ({"start_param": "order_AbCdEfGhIjKl", "chat_type": "sender"}, "bot"),
        ({"start_param": "order_another_one", "chat_type": "sender"}, "feed"),
        ({"start_param": "AbCdEfGhIjKl"}, "feed"),
        ({"chat_type": "sender"}, "feed"),
    ],
)
def test_the_link_tells_where_a_caller_found_an_order(fields: dict[str, str], source: str) -> None:
    user = accepted(signed([USER, AUTH_DATE, *fields.items()], TOKEN))
    assert (user.start_param, user.chat_type) == (fields.get("start_param"), fields.get("chat_type"))
    assert user.source_of("AbCdEfGhIjKl") == source
