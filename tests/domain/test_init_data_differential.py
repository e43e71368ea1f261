"""G7: our verdict on initData compared with two public libraries that share no code with it or each other.

Both accept everything that we accept, for the same user. If one of them accepts and we do not, the reason is one of
those in STRICTER, and it applies to the input. (Only we accept a user without a first name. Telegram never sends
one, and the name is only displayed.)
"""

import json
import random
import re
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

import init_data_py
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from init_data_py.errors import InvalidInitDataError as RefusedByInitDataPy
from telegram_webapp_auth.auth import TelegramAuthenticator, generate_secret_key
from telegram_webapp_auth.errors import ExpiredInitDataError, InvalidInitDataError

from shared.domain.errors import InvalidInitData
from shared.domain.init_data import verify
from shared.domain.text import clean
from tests.conftest import BOT_TOKEN
from tests.signing import encoded, key_of, mac, signed

MAX_AGE = 86_400
NOW = 1_790_000_000  # epoch seconds

User = tuple[Any, str, str, str | None]
"""Id, first name, last name, username; the id is None where a library lets nobody in."""

REFUSED = None


def ours(sent: str) -> User | str:
    """Our verdict: the user, or the reason of the refusal."""
    try:
        user = verify(sent, key=key_of(BOT_TOKEN), now=NOW * 1000, max_age=MAX_AGE)
    except InvalidInitData as error:
        return error.reason
    return user.id, user.first_name, user.last_name, user.username


def init_data_py_s(sent: str) -> User | None:
    """The verdict of the package init-data-py."""
    try:
        user = init_data_py.validate_by_hash(
            sent, BOT_TOKEN, expires_in=MAX_AGE, now=datetime.fromtimestamp(NOW, UTC)
        ).user
    except (RefusedByInitDataPy, RecursionError):
        return REFUSED
    return _named(user)


_WEBAPP_AUTH = TelegramAuthenticator(generate_secret_key(BOT_TOKEN))


def telegram_webapp_auth_s(sent: str) -> User | None:
    """The verdict of the package telegram-webapp-auth."""
    # It reads the machine's clock. Our times are whole seconds, so half a second decides every age limit.
    max_age = datetime.now(UTC) - datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=MAX_AGE + 0.5)
    try:
        user = _WEBAPP_AUTH.validate(sent, max_age).user
    except (ExpiredInitDataError, InvalidInitDataError, RecursionError):
        return REFUSED
    except (TypeError, UnicodeEncodeError):  # it compares strings, and not all strings can be compared
        return REFUSED
    return _named(user)


def _named(user: Any) -> User:
    if user is None:
        return None, "", "", None
    # Only we clean the names.
    return user.id, clean(user.first_name), clean(user.last_name or ""), clean(user.username or "") or None


THEIRS: list[Callable[[str], User | None]] = [init_data_py_s, telegram_webapp_auth_s]


# ---------------------------------------------------------------- accepted by a library and not by us


def _read(sent: str, name: str) -> str | None:
    return dict(parse_qsl(sent, keep_blank_values=True)).get(name)


def _has_no_user(sent: str) -> bool:
    """Both accept initData without a user; we need one."""
    return not _read(sent, "user")


def _has_odd_id(sent: str) -> bool:
    """One of them accepts any JSON as an id, the other any integer."""
    user_id = json.loads(_read(sent, "user") or "")["id"]
    return type(user_id) is not int or not 0 < user_id < 2**53


def _has_odd_auth_date(sent: str) -> bool:
    """Leading zeros, digits of other scripts, times far in the future."""
    return re.fullmatch("[1-9][0-9]{0,11}", _read(sent, "auth_date") or "") is None


def _is_no_utf8(sent: str) -> bool:
    """A stray percent sign, or bytes that are not UTF-8: both libraries decode them to something."""
    read = [part for pair in parse_qsl(sent, keep_blank_values=True) for part in pair]
    return re.search("%(?![0-9A-Fa-f]{2})", sent) is not None or any("\ufffd" in part for part in read)


STRICTER: dict[str, Callable[[str], bool]] = {
    "bad_auth_date": _has_odd_auth_date,
    "bad_encoding": _is_no_utf8,
    "bad_user": _has_no_user,
    "bad_user_id": _has_odd_id,
    "from_the_future": lambda sent: int(_read(sent, "auth_date") or "") > NOW + 60,
    "line_break": lambda sent: "\n" in "".join(part for pair in parse_qsl(sent) for part in pair),
    "no_hash": lambda sent: re.fullmatch("[0-9a-f]{64}", (_read(sent, "hash") or "").lower()) is not None,
    "not_ascii": lambda sent: not sent.isascii(),
    "too_long": lambda sent: len(sent) > 4096,
}

USER = ("user", '{"id":42,"first_name":"Anna"}')
AUTH_DATE = ("auth_date", str(NOW))


def _lenient(raw: str, read: str) -> str:
    """initData with a field that is sent as `raw` and signed as a lenient reader decodes it."""
    return f"a={raw}&{encoded([USER, AUTH_DATE])}&hash={mac([('a', read), USER, AUTH_DATE], BOT_TOKEN)}"


LET_PASS = [
    ("bad_auth_date", signed([USER, ("auth_date", f"0{NOW}")], BOT_TOKEN)),
    ("bad_encoding", _lenient("%zz", "%zz")),
    ("bad_encoding", _lenient("%ff", "\ufffd")),
    ("bad_user", signed([AUTH_DATE], BOT_TOKEN)),
    ("bad_user_id", signed([("user", '{"id":-1,"first_name":"Anna"}'), AUTH_DATE], BOT_TOKEN)),
    ("bad_user_id", signed([("user", '{"id":"42","first_name":"Anna"}'), AUTH_DATE], BOT_TOKEN)),
    ("bad_user_id", signed([("user", f'{{"id":{2**53},"first_name":"Anna"}}'), AUTH_DATE], BOT_TOKEN)),
    ("from_the_future", signed([USER, ("auth_date", str(NOW + 61))], BOT_TOKEN)),
    ("line_break", signed([USER, AUTH_DATE, ("a", "b\nc")], BOT_TOKEN)),
    ("no_hash", encoded([USER, AUTH_DATE, ("hash", mac([USER, AUTH_DATE], BOT_TOKEN).upper())])),
    ("not_ascii", signed([USER, AUTH_DATE, ("a", "é")], BOT_TOKEN).replace(quote("é"), "é")),
    ("too_long", signed([USER, AUTH_DATE, ("a", "b" * 4000)], BOT_TOKEN)),
]


@pytest.mark.parametrize(("reason", "sent"), LET_PASS, ids=[f"{at}-{case[0]}" for at, case in enumerate(LET_PASS)])
def test_every_entry_of_stricter_is_needed(reason: str, sent: str) -> None:
    """Every entry of STRICTER is needed."""
    assert ours(sent) == reason
    assert STRICTER[reason](sent)
    assert any(theirs(sent) is not REFUSED for theirs in THEIRS)
    assert {case[0] for case in LET_PASS} == set(STRICTER)


# ---------------------------------------------------------------- anything

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
# Names as Telegram uses them. With digits, the libraries sort "a" and "a1" differently: one sorts lines, one keys.
_NAME = st.text(string.ascii_lowercase + "_", min_size=1, max_size=6)
_READ_BY_LIBRARIES = ["query_id", "chat", "chat_type", "chat_instance", "receiver", "signature", "can_send_after"]


def _seldom(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, usual, odd)


_USER = st.fixed_dictionaries(
    {
        "id": _seldom(
            st.integers(1, 2**53 - 1),
            st.sampled_from([0, -1, 2**53, 2**64, True, "42", None, 42.0, 1e300, [42], {}]),
        ),
        "first_name": _TEXT,
    },
    optional={
        "last_name": _TEXT,
        "username": st.text(string.ascii_letters + string.digits + "_", max_size=32),
        "language_code": st.sampled_from(["ru", "en"]),
        "is_premium": st.booleans(),
        "allows_write_to_pm": st.booleans(),
        "photo_url": st.just("https://t.me/i/userpic/320/x.svg"),
    },
)
_AUTH_DATE = _seldom(
    st.integers(NOW - MAX_AGE, NOW + 60).map(str),
    st.one_of(
        st.integers(NOW - MAX_AGE - 3, NOW - MAX_AGE + 3).map(str),
        st.integers(NOW + 57, NOW + 63).map(str),
        st.sampled_from(["", "0", "-1", f"0{NOW}", f"{NOW}.0", f" {NOW}", "١٧٩٠٠٠٠٠٠٠", "9" * 12, "9" * 19, "9" * 30]),
    ),
)
_MORE = st.fixed_dictionaries(
    {},
    optional={
        "query_id": _TEXT,
        "start_param": _TEXT,
        "chat_instance": st.integers(-(2**63), 2**63).map(str),
        "chat_type": st.sampled_from(["sender", "private", "group", "supergroup", "channel"]),
        "can_send_after": st.integers(0, 10_000).map(str),
        "signature": st.text(string.ascii_letters + string.digits + "-_", min_size=86, max_size=86),
        "chat": st.just('{"id":-100,"type":"group","title":"Дом"}'),
        "receiver": st.just('{"id":991,"first_name":"Иван"}'),
        "long": st.integers(0, 4000).map("x".__mul__),
    },
)
_UNKNOWN = st.dictionaries(
    _NAME.filter(lambda name: name not in {*_READ_BY_LIBRARIES, "user", "hash"}), _TEXT, max_size=2
)


def _spelt(text: str, how: random.Random) -> str:
    """The text, form-encoded in one of the possible ways."""
    spelt = []
    for char in text:
        escaped = quote(char, safe="")
        others = [escaped, escaped.lower(), "".join(f"%{byte:02X}" for byte in char.encode())]
        if char == " ":
            others.append("+")
        elif char.isascii() and char.isprintable() and char not in "%&+=#":
            others.append(char)
        spelt.append(how.choice(others) if how.random() < 0.2 else escaped)
    return "".join(spelt)


@st.composite
def _sent(draw: st.DrawFn) -> str:
    """initData as Telegram makes it, or with a small deviation."""
    how = random.Random(draw(st.integers(0, 2**32)))
    user = json.dumps(draw(_USER), ensure_ascii=how.random() < 0.5, separators=how.choice([(",", ":"), (", ", ": ")]))
    fields = draw(_UNKNOWN) | draw(_MORE) | {"user": user, "auth_date": draw(_AUTH_DATE)}
    if how.random() < 0.05:
        del fields[how.choice(["user", "auth_date"])]
    if how.random() < 0.05:
        fields["user"] = draw(st.one_of(_TEXT, st.sampled_from(["", "null", "[]", "{}", "[" * 1200])))
    token = BOT_TOKEN if how.random() < 0.95 else "42:another"
    good = mac(list(fields.items()), token)
    spoilt = how.choice(["", good.upper(), good[:-1], good + "0", "é" * 64, "0" * 64])
    pairs = [*fields.items(), ("hash", good if how.random() < 0.93 else spoilt)]
    if how.random() < 0.05:
        name = how.choice(pairs)[0]
        pairs.append((name, how.choice([dict(pairs)[name], "", '{"id":1,"first_name":"Eve"}'])))
    how.shuffle(pairs)
    sent = "&".join(f"{_spelt(name, how)}={_spelt(value, how)}" for name, value in pairs)
    if how.random() < 0.15:
        at = how.randrange(len(sent))
        piece = how.choice(["", "%", "&", "=", ";", "+", "%0A", "\n", "%ff", "é", "&&", "0", "a", "%zz"])
        sent = sent[:at] + piece + sent[at + how.randrange(2) :]
    return sent


@settings(max_examples=300)
@given(_sent())
def test_verdicts(sent: str) -> None:
    mine = ours(sent)
    event(mine if isinstance(mine, str) else "accepted")
    for theirs in THEIRS:
        verdict = theirs(sent)
        if not isinstance(mine, str):
            assert verdict == mine
        elif verdict is not REFUSED:
            assert mine in STRICTER
            assert STRICTER[mine](sent)
