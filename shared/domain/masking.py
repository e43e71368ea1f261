"""Contacts in free text: what is replaced before people who have not paid read it (I23).

A contact is a phone, a username, a link or an e-mail address. The patterns look at a *shadow* of the text, which has
the same length, so a place in one is the same place in the other. In the shadow every kind of digit is an ASCII digit,
every dash is "-", letters are small, full-width and decorated characters are plain, and look-alikes in a word of mixed
alphabets are Latin.

The order's own contact is known. Its username is also masked without a sign that it is one, and so are the last seven
digits of its phone.

Not covered: numbers and addresses that are spelt out in words, and other local numbers without the code of a city.
"""

import re
import unicodedata
from collections.abc import Iterator

from shared.domain.contact import parse
from shared.domain.errors import InvalidContact

MASK = "•••"

# Stands in the shadow for what is seen with the character before it, or not at all: accents, keycaps, joiners.
_MARK = "\u0300"


class _Shadow(dict[int, str]):
    """From a code point to its character in the shadow; computed once for each."""

    def __missing__(self, code: int) -> str:
        self[code] = shadow = _shadow_of(chr(code))
        return shadow


def _shadow_of(character: str) -> str:
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    kind = unicodedata.category(character)
    if kind in ("Mn", "Me", "Cf"):
        return _MARK
    if kind == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if character.isspace():
        return "\n" if len(f"{character}b".splitlines()) > 1 else " "
    plain = unicodedata.normalize("NFKC", character).lower()
    return plain if len(plain) == 1 else character


_SHADOWS = _Shadow()
_LOOKALIKES = str.maketrans(
    "авгдеикмнопрстухшіјѕαεικνορτυχ",
    "abrdeukmhonpctyxwijsaeikvoptux",
)
_LETTER = r"[^\W\d_]"
# With a letter of Latin in it: look-alikes of other alphabets are meant to be Latin as well.
_LATIN_WORD = re.compile(rf"(?<!{_LETTER}){_LETTER}*?[a-z]{_LETTER}*")


def _shadow(text: str) -> str:
    return _LATIN_WORD.sub(lambda word: word[0].translate(_LOOKALIKES), text.translate(_SHADOWS))


# ---------------------------------------------------------------- links, addresses, usernames

# The ends of domain names in use here. Not among them: what files are called (js, py, md, txt) and what a sentence
# may begin with where the space before it is missing.
_TLD = (
    "(?:ru|su|com|net|org|info|biz|me|io|co|pro|app|dev|tel|gg|cc|ly|be|tv|ai|kz|by|ua|uz|am|ge|eu|de|uk|us|online|site"
    "|shop|store|club|xyz|top|link|page|moscow|tech|space|website|live|chat|рф|рус|ру|бел|укр"
    "|(?<=[a-z0-9-][.])(?:сом|со|ком|орг|нет|ме))"
)
_NAME = rf"[\w{_MARK}]"
_AT = r"(?: ?@ ?| ?[(\[{] ?(?:at|собака) ?[)\]}] ?| (?:at|собака) )"
_MESSENGER = (
    "(?:тг|тгк|телега|телеграмм?|telegram|tg|вк|vk|вконтакте|инста|инстаграмм?|instagram|insta|inst|скайп|skype|вайбер"
    "|viber|ватсапп?|вотсапп?|whatsapp|дискорд|discord)"
)
_LINKS = tuple(
    re.compile(pattern)
    for pattern in (
        # https://…, tg://…
        r"(?<![a-z0-9])[a-z][a-z0-9+-]{0,15}: ?/+\w\S*",
        r"(?<!\w)(?:mailto|tel|tg|skype|viber|whatsapp):[^\s:]\S+",
        r"(?<![\w.-])www[0-9]?\.\S+",
        # name@host.ru, name [at] host.ru
        rf"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+|(?<![a-z0-9._+%-])[a-z0-9._+%-]+{_AT}[\w-]+ ?\. ?[a-z]+(?!\w)",
        # @username
        rf"@ ?(?=[\d_.{_MARK}]*[^\W\d_]){_NAME}(?:{_NAME}|\.){{2,}}",
        # host.ru, host.ru/path
        rf"(?<![\w.-])\.*(?:[\w-]+\.+)+{_TLD}(?![\w-])(?::[0-9]+)?(?:[/?#]\S*)?",
        # t . me / username
        r"(?<!\w)(?:t|т|telegram|телеграмм?|wa|vk|вк|ok|ок|instagram) ?\. ?(?:me|ме|com|ком|сом|ru|ру) ?[/\\] ?\S+",
        r"(?<!\w)[tт]\.me {1,3}[a-z]\w{4,}",
        # Telegram: username; without a colon or a dash, only one that no word looks like
        rf"(?<!\w){_MESSENGER}(?: ?[:=] ?| ?- ?| (?=[a-z.]*[0-9_]))([a-z][\w.]{{4,}})",
    )
)
_AFTER_A_LINK = ".,;:!?)]}>»\"'…"


def _links(shadow: str) -> Iterator[tuple[int, int]]:
    for pattern in _LINKS:
        for found in pattern.finditer(shadow):
            contact = found.lastindex or 0
            yield found.start(contact), found.start(contact) + len(found[contact].rstrip(_AFTER_A_LINK))


# ---------------------------------------------------------------- phones

# What the grammar of a contact allows between digits; see shared/domain/contact.py.
_RUN = re.compile(rf"(?:\+[ (]{{0,2}})?\d(?:[ .()\-{_MARK}]*\d)*")
# Any other separator, but the same one throughout: 8/999/000/00/00 and "8, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0".
_SEPARATOR = r"([^\w\s]|_|\n)"
_SEPARATORS = r"(\W{1,3})"
_ODD_RUN = re.compile(rf"(?<!\d)(?:\d+{_SEPARATOR}\d+(?:\1\d+)+|\d{_SEPARATORS}\d(?:\2\d)+(?!\d))")
_DIGITS = re.compile(r"\d+")
# Letters that stand for a digit: in the middle of digits, at either end of a group of them, or as a group of their own.
_FOR_DIGITS = "[oоз]"
_LETTERS_FOR_DIGITS = re.compile(
    rf"(?<=\d){_FOR_DIGITS}+(?!{_LETTER})|(?<!{_LETTER}){_FOR_DIGITS}+(?=\d)"
    rf"|(?<=[\doоз][ .()-]){_FOR_DIGITS}+(?=[ .()-][\doоз])"
)
_THEIR_DIGITS = str.maketrans("oоз", "003")

_AMOUNT = "([1-9][0-9]{0,2}(?: ?[0-9]{3})+)"
_DATE = r"(?:0?[1-9]|[12][0-9]|3[01])[.-](?:0?[1-9]|1[0-2])[.-](?:20)?[0-9]{2}(?![0-9])"
_RANGE = re.compile(f"{_AMOUNT} ?- ?{_AMOUNT}(?![0-9])")
_NO_PHONE = re.compile(
    f"(?:(?<=:)[0-5][0-9] )?{_DATE}(?: ?- ?{_DATE})?"
    "|(?:(?<=гост )|(?<=гост р )|(?<=снип )|(?<=iso ))[0-9]{3,5}-(?:19|20)?[0-9]{2}(?![0-9])"
)


def _phones(shadow: str) -> Iterator[tuple[int, int]]:
    in_digits = _LETTERS_FOR_DIGITS.sub(lambda letters: letters[0].translate(_THEIR_DIGITS), shadow)
    # A letter beside a phone must not hide it, so both readings count.
    for reading in {shadow, in_digits}:
        yield from _phones_in(reading)


def _phones_in(shadow: str) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(shadow):
        start = _after_a_number(shadow, run.start())
        yield from _in_run(shadow, start, run.end(), has_plus=run[0].startswith("+"), lengths=(10, 11))
    for run in _ODD_RUN.finditer(shadow):
        yield from _in_run(shadow, run.start(), run.end(), has_plus=False, lengths=(11,))


def _after_a_number(shadow: str, start: int) -> int:
    """Return where the digits after a date, a standard or a range of amounts begin; `start` without one there."""
    if number := _NO_PHONE.match(shadow, start):
        return number.end()
    if amounts := _RANGE.match(shadow, start):
        least, most = (int(amount.replace(" ", "")) for amount in amounts.groups())
        if least < most <= 10 * least and least % 100 == most % 100 == 0:
            return amounts.end()
    return start


def _in_run(
    shadow: str, start: int, end: int, *, has_plus: bool, lengths: tuple[int, ...]
) -> Iterator[tuple[int, int]]:
    """Find the phones in a run of groups of digits. A phone begins and ends with a group.

    `(7|8)?[3489]` and nine digits, as in the grammar of a contact; after a plus, 10 to 15 digits.
    """
    groups = list(_DIGITS.finditer(shadow, start, end))
    digits = "".join(group[0] for group in groups)
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    at = 0
    for group in groups:
        starts[at] = group.start()
        at += len(group[0])
        ends[at] = group.end()
    for first, place in starts.items():
        for length in lengths:
            code = first + length - 10
            if first + length in ends and digits[code] in "3489" and digits[first:code] in ("", "7", "8"):
                yield _widened(shadow, place, ends[first + length])
    if has_plus:
        for length in (11, 15, 14, 13, 12, 10):
            if length in ends:
                yield start, _widened(shadow, start, ends[length])[1]
                break


def _widened(shadow: str, start: int, end: int) -> tuple[int, int]:
    """Take in the bracket before the first group, and marks after the last."""
    phone = shadow[start:end]
    if phone.count(")") > phone.count("(") and shadow[start - 1 : start] == "(":
        start -= 1
    while shadow[end : end + 1] == _MARK:
        end += 1
    return start, end


# ---------------------------------------------------------------- the order's own contact

# A local number: the last digits of a phone, without the code of the city or the operator.
_LOCAL_DIGITS = 7


def _own_pattern(contact: str) -> re.Pattern[str] | None:
    """Return the pattern of the contact's bare username or local number in a shadow; None without a valid contact."""
    try:
        normal = parse(contact).normal
    except InvalidContact:
        return None
    if normal.startswith("@"):
        return re.compile(rf"(?<!\w){normal[1:]}(?!\w)")
    local_number = rf"[ .()\-{_MARK}]*".join(normal[-_LOCAL_DIGITS:])
    return re.compile(rf"(?<!\d){local_number}(?!\d)")


# ---------------------------------------------------------------- the mask


def mask(text: str, contact: str = "") -> str:
    """Return the text with each contact in it replaced by `•••`. `contact`: the order's own, in any spelling.

    Idempotent, in time linear in the length. Nothing else of the text changes, and it does not become longer.
    """
    own = _own_pattern(contact)
    while spans := _merged(_shadow(text), own):
        pieces, at = [], 0
        for start, end in spans:
            pieces += [text[at:start], MASK]
            at = end
        text = "".join([*pieces, text[at:]])
    return text


def masked_form(text: str, contact: str = "") -> str | None:
    """Return the masked text; None where it has no contact and is shown as it is. `contact`: the order's own."""
    masked = mask(text, contact)
    return None if masked == text else masked


def _merged(shadow: str, own: re.Pattern[str] | None) -> list[tuple[int, int]]:
    """Return the places of contacts in the order of the text, those that overlap or touch as one."""
    merged: list[tuple[int, int]] = []
    places = [found.span() for found in own.finditer(shadow)] if own else []
    for start, end in sorted([*_links(shadow), *_phones(shadow), *places]):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged
