"""Cleaning of text (Unicode normalisation): one form for every encoding of it, and no characters that nobody sees.

NFC: https://unicode.org/reports/tr15/. Emoji sequences: https://unicode.org/reports/tr51/#Emoji_Sequences.
"""

import re
import unicodedata

# On one character. No living language needs more, and a heap of marks covers the lines above and below (zalgo).
MAX_MARKS = 4

# Nearly all text: Latin and Cyrillic letters, digits, punctuation. None of these characters is a mark or invisible, and
# each is its own NFC, whatever plain character is next to it.
PLAIN = "\x00-\xac\xae-\u02ff\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2116"

# The category Cf and the property Default_Ignorable_Code_Point of Unicode, and what fonts draw as a blank.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # hyphens, joiners, fillers, inherent vowels
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # formats of numbers and abbreviations
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # zero width characters, directions, joiners
    "\u2800\u3164\uffa0\ufff0-\ufffc"  # the blank of Braille, fillers, annotations
    "\ufe00-\ufe0f\U000e0000-\U000e0fff"  # variation selectors, tags
    "\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"  # of hieroglyphs and notes
)
# The property Emoji of Unicode without digits, with its neighbours in blocks of symbols. Then the selector of an emoji;
# ↔ needs one, because without it NFC may compose a mark with it.
_EMOJI = (
    "(?:[©®‼⁉™ℹ↕-↙↩↪⌚⌛⌨⏏⏩-⏳⏸-⏺Ⓜ▪▫▶◀◻-◾\u2600-\u27bf⤴⤵⬅-⬇⬛⬜⭐⭕〰〽㊗㊙\U0001f000-\U0001faff]\ufe0f?|↔\ufe0f)"
)
_FLAGS = "|".join("".join(chr(0xE0000 + ord(tag)) for tag in region) for region in ("gbeng", "gbsct", "gbwls"))
_SEQUENCE = f"\U0001f3f4(?:{_FLAGS})\U000e007f|[0-9#*]\ufe0f\u20e3|{_EMOJI}(?:\u200d{_EMOJI})*"

_NOT_PLAIN = re.compile(f".?[^{PLAIN}]+")
# Compiled at the first use, for few texts need it.
_EMOJI_OR_INVISIBLE = f"({_SEQUENCE})|[{_INVISIBLE}]+"


def clean(text: str) -> str:
    """Return the text in NFC, without the characters that nobody sees or that reorder others. Idempotent.

    An emoji sequence keeps its joiners, selectors and tags. A combining mark stays on a character other than white
    space, up to MAX_MARKS of them. White space and control characters stay. Half of a surrogate pair stays as well.
    """
    return text if text.isascii() else _NOT_PLAIN.sub(_cleaned, text)


def _cleaned(run: re.Match[str]) -> str:
    """Return what is left of characters that are not plain, and of the one before them in the line."""
    visible = re.sub(_EMOJI_OR_INVISIBLE, r"\1", run[0])
    # Marks are counted twice: NFC takes quadratic time for a long run of them, and splits some of them in two.
    return _with_few_marks(unicodedata.normalize("NFC", _with_few_marks(visible)))


def _with_few_marks(text: str) -> str:
    kept = []
    room = 0  # for marks on the last character
    for character in text:
        category = unicodedata.category(character)
        if not category.startswith("M"):
            room = 0 if category == "Cc" or character.isspace() else MAX_MARKS
        elif room:
            room -= 1
        else:
            continue
        kept.append(character)
    return "".join(kept)
