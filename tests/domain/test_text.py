"""Text: one form for every way to encode it, nothing invisible in it, and whole emoji."""

import re
import sys
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.text import MAX_MARKS, PLAIN, clean

ENGLAND, SCOTLAND, WALES = (
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(tag)) for tag in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
ACUTE, BREVE, DIAERESIS = "\u0301", "\u0306", "\u0308"

CASES = {
    # what people type stays
    "nothing": ("", ""),
    "ascii": ("burst pipe, 5 m\n\ttap", "burst pipe, 5 m\n\ttap"),
    "russian": ("Прорвало трубу — «кухня», №5…", "Прорвало трубу — «кухня», №5…"),
    "control characters": ("a\x00b\x7fc\x85d", "a\x00b\x7fc\x85d"),
    "spaces of every kind": ("a\u00a0b\u2003c\u3000d\u2028e", "a\u00a0b\u2003c\u3000d\u2028e"),
    "old letters": ("\u0463\u0456 \u20b4 \u20bd", "\u0463\u0456 \u20b4 \u20bd"),
    "chinese": ("\u6c34\u7ba1", "\u6c34\u7ba1"),
    "georgian": ("\u10ec\u10e7\u10d0\u10da\u10d8", "\u10ec\u10e7\u10d0\u10da\u10d8"),
    "half of a surrogate pair": ("а\ud800б", "а\ud800б"),
    "private use": ("а\ue000б", "а\ue000б"),
    # normal form
    "short i of two code points": (f"Йошкар-Ола, кранови{BREVE}", "Йошкар-Ола, крановй"),
    "capital short i of two code points": (f"И{BREVE}ошкар-Ола", "Йошкар-Ола"),
    "yo of two code points": (f"Оре{DIAERESIS}л", "Орёл"),
    "e with acute of two code points": (f"cafe{ACUTE}", "caf\u00e9"),
    "hangul of two code points": ("\u1100\u1161", "\uac00"),
    "order of two marks": ("q\u0307\u0323", "q\u0323\u0307"),
    "kelvin sign": ("300 \u212a", "300 K"),
    "ohm sign": ("\u2126", "\u03a9"),
    "greek question mark": ("а\u037e", "а;"),
    "compatibility form stays": ("\ufb01 \uff21 \u2460", "\ufb01 \uff21 \u2460"),
    "short i around a joiner": (f"и\u200d{BREVE}", "й"),
    "mark apart by a grapheme joiner": (f"е\u034f{DIAERESIS}", "ё"),
    # invisible
    "hangul filler": ("\u3164" * 20, ""),
    "other hangul fillers": ("\u115f\u1160\uffa0", ""),
    "blank of braille": ("\u2800а\u2800", "а"),
    "zero width space": ("тру\u200bба", "труба"),
    "zero width non-joiner": ("тру\u200cба", "труба"),
    "zero width joiner between letters": ("тру\u200dба", "труба"),
    "word joiner": ("тру\u2060ба", "труба"),
    "byte order mark": ("\ufeffтруба", "труба"),
    "soft hyphen": ("тру\u00adба", "труба"),
    "soft hyphen in ascii": ("pi\u00adpe", "pipe"),
    "invisible operators": ("2\u2061\u2062\u2063\u2064x", "2x"),
    "grapheme joiner alone": ("а\u034fб", "аб"),
    "direction marks": ("а\u200e\u200f\u061cб", "аб"),
    "direction embeddings": ("\u202aа\u202bб\u202cв\u202dг\u202eд", "абвгд"),
    "direction isolates": ("\u2066а\u2067б\u2068в\u2069г", "абвг"),
    "deprecated format characters": ("а\u206a\u206fб", "аб"),
    "mongolian selectors": ("а\u180b\u180c\u180d\u180e\u180fб", "аб"),
    "khmer inherent vowels": ("а\u17b4\u17b5б", "аб"),
    "annotation": ("а\ufff9б\ufffaв\ufffbг", "абвг"),
    "place of an object": ("а\ufffcб", "аб"),
    "replacement character stays": ("а\ufffdб", "а\ufffdб"),
    "musical formats": ("\U0001d173\U0001d17aа\U0001d159", "а"),
    "shorthand formats": ("\U0001bca0\U0001bca3а", "а"),
    "hieroglyphic formats": ("\U00013430\U0001343fа", "а"),
    "arabic number signs": ("\u0600\u06dd5", "5"),
    "tags": ("а" + "".join(chr(0xE0000 + ord(tag)) for tag in "hidden") + "\U000e007f", "а"),
    "language tag": ("\U000e0001\U000e0065а", "а"),
    "supplementary selectors": ("\u6c34\U000e0100", "\u6c34"),
    "unassigned, invisible by default": ("а\u2065\ufff0\U000e0fffб", "аб"),
    "selector of a letter": ("а\ufe0f\ufe0e\ufe00", "а"),
    "selector of text style": ("\u260e\ufe0e", "\u260e"),
    "invisible at every place": ("\u200bт\u2060р\u00adу\ufeffб\u3164а\u200f", "труба"),
    # marks
    "mark alone": (ACUTE, ""),
    "marks alone": (f"{ACUTE}{BREVE}\u20dd", ""),
    "mark after a space": (f"а {ACUTE}б", "а б"),
    "mark alone before letters": (f"{ACUTE}\u6c34\u7ba1", "\u6c34\u7ba1"),
    "mark after a no-break space": (f"а\u00a0{ACUTE}б", "а\u00a0б"),
    "mark after a line break": (f"а\n{ACUTE}б", "а\nб"),
    "mark after a control character": (f"а\x01{ACUTE}б", "а\x01б"),
    "mark after the filler": (f"\u3164{ACUTE}", ""),
    "stress": (f"за{ACUTE}мок", f"за{ACUTE}мок"),
    "stress on yo": (f"е{DIAERESIS}{ACUTE}", f"ё{ACUTE}"),
    "mark on a digit": (f"5{ACUTE}", f"5{ACUTE}"),
    "circle around a letter": ("А\u20dd", "А\u20dd"),
    "thai": ("\u0e17\u0e35\u0e48", "\u0e17\u0e35\u0e48"),
    "devanagari": ("\u0915\u094d\u0937\u093f", "\u0915\u094d\u0937\u093f"),
    "hebrew points": ("\u05e9\u05bc\u05c1\u05b8", "\u05e9\u05b8\u05bc\u05c1"),
    "as many marks as there may be": (f"а{ACUTE * 4}б", f"а{ACUTE * 4}б"),
    "too many marks": (f"а{ACUTE * 5}б", f"а{ACUTE * 4}б"),
    "too many marks before another letter": (f"\u6c34{ACUTE * 5}\u7ba1", f"\u6c34{ACUTE * 4}\u7ba1"),
    "too many on each": (f"а{ACUTE * 9}б{BREVE * 9}", f"а{ACUTE * 4}б{BREVE * 4}"),
    "a mark that is two": ("а\u0344\u0344\u0344", f"\u04d3{(ACUTE + DIAERESIS) * 2}"),
    # emoji
    "emoji": ("Потоп \U0001f6bf!", "Потоп \U0001f6bf!"),
    "emoji with selector": ("\u2764\ufe0f", "\u2764\ufe0f"),
    "sign with selector": ("\u00a9\ufe0f \u2122\ufe0f \u203c\ufe0f", "\u00a9\ufe0f \u2122\ufe0f \u203c\ufe0f"),
    "emoji with two selectors": ("\u2764\ufe0f\ufe0f", "\u2764\ufe0f"),
    "skin tone": ("\U0001f44d\U0001f3fd", "\U0001f44d\U0001f3fd"),
    "family": ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
    "profession with skin tone": ("\U0001f468\U0001f3fd\u200d\U0001f527", "\U0001f468\U0001f3fd\u200d\U0001f527"),
    "heart on fire": ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
    "rainbow flag": ("\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f3f3\ufe0f\u200d\U0001f308"),
    "head shaking": ("\U0001f642\u200d\u2194\ufe0f", "\U0001f642\u200d\u2194\ufe0f"),
    "arrow that a mark crosses out": ("\u2195\u200d\u2194\u200b\u0338", "\u2195\u21ae"),
    "joiner before an emoji": ("\u200d\U0001f469", "\U0001f469"),
    "joiner after an emoji": ("\U0001f469\u200d", "\U0001f469"),
    "joiner between emoji and letter": ("\U0001f469\u200dа", "\U0001f469а"),
    "two joiners between emoji": ("\U0001f468\u200d\u200d\U0001f469", "\U0001f468\U0001f469"),
    "filler in a sequence": ("\U0001f468\u200d\u3164\U0001f469", "\U0001f468\U0001f469"),
    "flag of letters": ("\U0001f1f7\U0001f1fa", "\U0001f1f7\U0001f1fa"),
    "keycap": ("1\ufe0f\u20e3 #\ufe0f\u20e3", "1\ufe0f\u20e3 #\ufe0f\u20e3"),
    "keycap without selector": ("1\u20e3", "1\u20e3"),
    "selector of a digit": ("1\ufe0f", "1"),
    "flags of tags": (ENGLAND + SCOTLAND + WALES, ENGLAND + SCOTLAND + WALES),
    "flag of no tags": ("\U0001f3f4\U000e007f", "\U0001f3f4"),
    "flag of tags after a letter": (f"а{ENGLAND}", f"а{ENGLAND}"),
    "flag of unknown tags": ("\U0001f3f4\U000e0061\U000e0062\U000e007f", "\U0001f3f4"),
    "flag of tags without an end": (ENGLAND[:-1], "\U0001f3f4"),
    "tags of a flag on another emoji": (f"\U0001f600{ENGLAND[1:]}", "\U0001f600"),
    "mark on an emoji": ("\U0001f468\u20e0", "\U0001f468\u20e0"),
}

# Rich in everything that `clean` looks at, and alone as well as in sequences.
_PARTS = st.sampled_from(
    [
        *"аие \n51#aQ\u00a9\u1100\u1161\u11a8",
        *f"{ACUTE}{BREVE}{DIAERESIS}\u0323\u0344\u034f\u20e3\u0338\u093f\u05bc\ufb2c\u01d6\u1f82\u0345",
        *"\u3164\u200b\u200d\ufe0f\ufe0e\u00ad\u202e\u2800\u2194\u21ae\u2329\u2764\U0001f468\U0001f3fd\U0001f525",
        *ENGLAND,
        ENGLAND,
        "1\ufe0f\u20e3",
    ]
)
TEXTS = st.lists(_PARTS | st.characters(), max_size=40).map("".join)


@pytest.mark.parametrize("name", CASES)
def test_clean(name: str) -> None:
    typed, expected = CASES[name]
    assert clean(typed) == expected


@given(TEXTS)
@example("\u01d6\u200b\u0323\u0301\u0301\u0301")
@example("\u2329\ufe0f")
@example("\u2194\u200d\u2194\u200b\u0338")
def test_clean_text_stays_as_it_is(typed: str) -> None:
    assert clean(clean(typed)) == clean(typed)


@given(TEXTS)
def test_clean_text_is_nfc_and_not_longer(typed: str) -> None:
    cleaned = clean(typed)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert len(cleaned) <= len(unicodedata.normalize("NFC", typed))


@given(TEXTS)
def test_marks_have_a_character_and_are_few(typed: str) -> None:
    room = 0
    for character in clean(typed):
        if unicodedata.category(character)[0] == "M":
            room -= 1
            assert room >= 0
        else:
            room = 0 if character.isspace() else MAX_MARKS


@given(TEXTS)
def test_only_emoji_keep_invisible_characters(typed: str) -> None:
    cleaned = clean(typed)
    for found in re.finditer("[\u200d\ufe0f\U000e0000-\U000e0fff]+", cleaned):
        before, after = cleaned[: found.start()], cleaned[found.end() :]
        assert before
        assert unicodedata.category(before[-1])[0] in "SPLCN"
        assert "\u200d" not in found[0] or after
    assert not set(cleaned) & set("\u3164\u200b\u00ad\u202e\u2800\ufe0e\u034f")


def test_no_format_or_ignorable_character_stays() -> None:
    """Every assigned character of the category Cf, between letters and alone; and the ranges of the property."""
    ignorable = [*range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000), *range(0xFE00, 0xFE10), 0x2065, 0x115F, 0x1160]
    formats = (code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf")
    for code in (*formats, *ignorable):
        assert clean(f"а{chr(code)}б{chr(code)}") == "аб", hex(code)


def test_plain_characters_need_no_look() -> None:
    """None is a mark or a format character, and no two of them compose, so skipping them changes nothing."""
    plain = re.findall(f"[{PLAIN}]", "".join(map(chr, range(0x3000))))
    assert len(plain) > 1000
    assert {unicodedata.category(character) for character in plain}.isdisjoint({"Cf", "Mn", "Mc", "Me", "Cn"})
    assert not any(unicodedata.combining(character) for character in plain)
    # A character that composes with the one before it is the second of a decomposition.
    seconds = {chr(int(code, 16)) for c in map(chr, range(sys.maxunicode + 1)) if (code := _second(c))}
    assert not seconds & set(plain)
    assert unicodedata.is_normalized("NFC", "".join(plain))


def _second(character: str) -> str:
    parts = unicodedata.decomposition(character).split()
    return parts[1] if len(parts) == 2 and not parts[0].startswith("<") else ""


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("run", [f"{ACUTE}\u0323", "\u3164", "\u200d", "\U0001f468\u200d", "и\u0306"])
def test_largest_body_is_cleaned_at_once(run: str) -> None:
    """64 kB of one character take milliseconds. To normalise that many marks at once would take seconds."""
    text = "а" + run * (64 * 1024 // len(run.encode()))
    started = time.process_time()
    clean(text)
    assert time.process_time() - started < 0.5
