"""Parse a message's text under a parse mode, or check its entities, as Telegram does.

https://core.telegram.org/bots/api#formatting-options and https://core.telegram.org/bots/api#messageentity
"""

import re
from collections.abc import Mapping, Sequence
from html.entities import html5
from typing import Any

_TAGS = frozenset(
    {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler", "a", "tg-emoji", "tg-time"}
    | {"code", "pre", "blockquote"}
)
_TAG = re.compile(r"<(/?)([a-zA-Z0-9-]*)([^<>]*)>")
_REFERENCE = re.compile(r"&(#x[0-9a-fA-F]+|#[0-9]+|lt|gt|amp|quot);")
# What MarkdownV2 reserves outside of code. A pair of marks has nothing but itself as its end.
_RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
_MARKS = ("```", "||", "__", "*", "_", "~", "`")
_ITS_VALUE = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}


class CannotParse(Exception):
    """The text is not of its parse mode. The message is Telegram's sentence."""


def visible(text: str, parse_mode: str | None) -> str:
    """Return the text after entities parsing. Raises CannotParse."""
    match parse_mode:
        case None | "":
            return text
        case "HTML":
            return _html(text)
        case "MarkdownV2":
            return _markdown(text)
    raise CannotParse("unsupported parse_mode")


def _offset(text: str, at: int) -> str:
    return f"at byte offset {len(text[:at].encode())}"


def _html(text: str) -> str:
    seen, at = "", 0
    opened: list[str] = []
    while at < len(text):
        if text[at] != "<":
            found = _REFERENCE.match(text, at)
            seen += _character(found[1]) if found else text[at]
            at = found.end() if found else at + 1
            continue
        tag = _TAG.match(text, at)
        if tag is None:
            raise CannotParse(f"Unclosed start tag {_offset(text, at)}")
        name = tag[2].lower()
        if not tag[1]:
            if name not in _TAGS:
                raise CannotParse(f'Unsupported start tag "{name}" {_offset(text, at)}')
            opened.append(name)
        elif not opened:
            raise CannotParse(f"Unexpected end tag {_offset(text, at)}")
        elif name not in ("", opened[-1]):
            expected = f'expected "</{opened[-1]}>", found "</{name}>"'
            raise CannotParse(f"Unmatched end tag {_offset(text, at)}, {expected}")
        else:
            opened.pop()
        at = tag.end()
    if opened:
        raise CannotParse(f'Can\'t find end tag corresponding to start tag "{opened[-1]}"')
    return seen


def _character(reference: str) -> str:
    if not reference.startswith("#"):
        return html5[f"{reference};"]
    return chr(int(reference[2:], 16) if reference[1] == "x" else int(reference[1:]))


def _markdown(text: str) -> str:
    seen, at = "", 0
    opened: list[str] = []
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text) and ord(text[at + 1]) < 127:
            seen, at = seen + text[at + 1], at + 2
            continue
        mark = next((mark for mark in _MARKS if text.startswith(mark, at)), None)
        in_code = bool(opened) and opened[-1] in ("```", "`")
        link = re.compile(r"\]\([^()\s]+\)").match(text, at) if opened and opened[-1] == "[" else None
        if link is not None:
            opened.pop()
            at = link.end()
        elif mark is not None and (not in_code or mark == opened[-1]):
            if opened and opened[-1] == mark:
                opened.pop()
            else:
                opened.append(mark)
            at += len(mark)
        elif text[at] == "[" and not in_code:
            opened.append("[")
            at += 1
        elif text[at] in _RESERVED and not in_code:
            at_line_start = at == 0 or text[at - 1] == "\n"
            if text[at] != ">" or not at_line_start:
                raise CannotParse(f"Character '{text[at]}' is reserved and must be escaped with the preceding '\\'")
            at += 1
        else:
            seen, at = seen + text[at], at + 1
    if opened:
        raise CannotParse("Can't find end of the entity")
    return seen


def misplaced(text: str, entities: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the index of the first entity that is not within the text, or without its value; None if all are right.

    Offsets are in UTF-16 code units, and no entity cuts a character of two units.
    """
    units = text.encode("utf-16-le")
    for index, entity in enumerate(entities):
        start, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
        value = _ITS_VALUE.get(entity["type"])
        if not 0 <= start < end <= len(units) or (value is not None and value not in entity):
            return index
        if any(0xDC <= units[at + 1] < 0xE0 for at in (start, end) if at < len(units)):
            return index
    return None
