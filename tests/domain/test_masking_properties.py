"""What holds for every masked text (I23), and how long masking may take."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.masking import mask
from tests.fuzz.targets import TARGETS


def parts(text: str) -> list[str]:
    """The parts that a text names."""
    return text.split()


# Of contacts, and of texts that look like contacts.
_PARTS = parts(
    "8 9 7 0 +7 999 000 00-00 12 . - ( ) , / : @ a plumber вк тг vk t.me/ .com .ru http:// www. o О з с м at (at) tel:"
    " собака 30.11.2026 12:30 гост 89990000000 • ••• … \u0301 \u200b 8\ufe0f\u20e3 ９ ＠ ．"
)
_SPACES = [" ", "  ", " - ", "\n", "\u00a0"]
_TEXTS = st.lists(st.sampled_from([*_PARTS, *_SPACES]), max_size=30).map("".join)


@given(st.one_of(_TEXTS, st.text(max_size=60)))
def test_a_masked_text_has_no_contact_left(text: str) -> None:
    TARGETS["masking"](text.encode("utf-8", "replace"))


_REPEATED = parts(
    "a 1 я . - _ @ + ( ) • о з o1 а1 яa a. 1. @a a@ 1@ @1 a@a. a:/ :/ // /a 8, +1 ++ 1- 1_ вк тг: at (at) [at] www."
    " tg: .ru \u0301 8\u20e3 8\ufe0f\u20e3 t.me http: http:// http://. 89990000000 a.ru @. ... 30.11.2026 1000-"
)
_SPACED = (
    " ",
    "1 ",
    " 1",
    "a ",
    "@ ",
    " @",
    "t.me ",
    "t . ",
    "вк ",
    " at ",
    "a at ",
    "1 - ",
    "1 000 ",
    ": ",
    "гост ",
    "\n",
)


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("part", [*_REPEATED, *_SPACED], ids=ascii)
def test_masking_takes_time_linear_in_the_length(part: str) -> None:
    """Twenty times the longest description takes a second at most; by the square of the length it would take many."""
    text = (part * 20_000)[:20_000]
    started = time.process_time()
    mask(text)
    assert time.process_time() - started < 1.0
