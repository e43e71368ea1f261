"""Cut the methods and types that we use out of a description of the whole Bot API, into telegram.json beside this file.

The description is the folder `.butcher` of aiogram's source distribution (MIT), which its authors read from
https://core.telegram.org/bots/api. Run it after a change of METHODS or TYPES, or for a newer version of the API:

    pip download --no-deps --no-binary aiogram aiogram==3.31.0 && tar xf aiogram-3.31.0.tar.gz
    python -m infra.local.fakes.schemas.cut_bot_api aiogram-3.31.0

A parameter of a type that is not in TYPES is left out, so the fake refuses it.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

METHODS = (
    "answerCallbackQuery",
    "answerPreCheckoutQuery",
    "createInvoiceLink",
    "deleteWebhook",
    "editMessageText",
    "getFile",
    "getMe",
    "getStarTransactions",
    "getWebhookInfo",
    "refundStarPayment",
    "sendMessage",
    "setMyCommands",
    "setWebhook",
)
TYPES = (
    "BotCommand",
    "ForceReply",
    "InlineKeyboardButton",
    "InlineKeyboardMarkup",
    "LabeledPrice",
    "LinkPreviewOptions",
    "MessageEntity",
    "ReplyParameters",
    "User",
    "WebAppInfo",
)
_SIMPLE: dict[str, dict[str, Any]] = {
    "Boolean": {"type": "boolean"},
    "Float": {"type": "number"},
    "Integer": {"type": "integer"},
    "String": {"type": "string"},
    "True": {"const": True},
}
# The documentation states these limits in its sentences only.
_CHARACTERS = re.compile(r"(\d+)-(\d+) characters(?! after)")
_PARSED = re.compile(r"(\d+)-(\d+) characters after entit(?:y|ies) parsing")
_BYTES = re.compile(r"(\d+)-(\d+) bytes")
_RANGE = re.compile(r"Values between (\d+)-(\d+) are accepted|, (\d+)-(\d+)\. Defaults to")
_ITEMS = re.compile(r"At most (\d+) commands")
_NAMES = re.compile(r"Currently, can be '|[Mm]ust be one of '")
_NAME = re.compile(r"'([a-z_]+)'")
_ALPHABETS = {
    "Only characters A-Z, a-z, 0-9, _ and - are allowed": "^[A-Za-z0-9_-]*$",
    "Can contain only lowercase English letters, digits and underscores": "^[a-z0-9_]*$",
    "Three-letter ISO 4217 currency code": "^[A-Z]{3}$",
}


def _type(text: str) -> dict[str, Any] | None:
    """Return the schema of a type; None if it is not among those that we use."""
    if text.startswith("Array of "):
        items = _type(text.removeprefix("Array of "))
        return items and {"type": "array", "items": items}
    if " or " in text:
        known = [each for each in map(_type, text.split(" or ")) if each is not None]
        return known[0] if len(known) == 1 else {"anyOf": known} if known else None
    return dict(_SIMPLE[text]) if text in _SIMPLE else {"$ref": text} if text in TYPES else None


def _limits(text: str, of: str) -> dict[str, Any]:
    """Return the limits in the description `text` of a field of type `of`."""
    limits: dict[str, Any] = {}
    if found := _PARSED.search(text):
        limits |= {"parsedMinLength": int(found[1]), "parsedMaxLength": int(found[2])}
    elif found := _CHARACTERS.search(text):
        limits |= {"minLength": int(found[1]), "maxLength": int(found[2])}
    if of == "String" and (found := _BYTES.search(text)):
        limits |= {"minBytes": int(found[1]), "maxBytes": int(found[2])}
    if of == "Integer" and (found := _RANGE.search(text)):
        limits |= {"minimum": int(found[1] or found[3]), "maximum": int(found[2] or found[4])}
    if found := _ITEMS.search(text):
        limits["maxItems"] = int(found[1])
    if of == "String" and _NAMES.search(text):
        limits["enum"] = _NAME.findall(text)
    for sentence, pattern in _ALPHABETS.items():
        if sentence in text:
            limits["pattern"] = pattern
    return limits


def _object(fields: list[dict[str, Any]]) -> dict[str, Any]:
    known = [(field, of) for field in fields if (of := _type(field["type"])) is not None]
    return {
        "type": "object",
        "properties": {field["name"]: of | _limits(field["description"], field["type"]) for field, of in known},
        "required": [field["name"] for field in fields if field["required"]],
        "additionalProperties": False,
    }


def cut(source: Path) -> dict[str, Any]:
    """Return the schemas from an unpacked source distribution of aiogram."""

    def read(kind: str, name: str) -> dict[str, Any]:
        found = json.loads((source / ".butcher" / kind / name / "entity.json").read_text())
        return _object(found["object"].get("annotations", []))

    version = re.search(r'__api_version__ = "(.+)"', (source / "aiogram/__meta__.py").read_text())
    return {
        "source": {
            "documentation": "https://core.telegram.org/bots/api",
            "version": f"Bot API {version[1] if version else '?'}",
            "from": f"{source.name}, folder .butcher, cut by cut_bot_api.py",
            "licence": "MIT, see LICENCE.aiogram",
        },
        "methods": {name: read("methods", name) for name in METHODS},
        "types": {name: read("types", name) for name in TYPES},
    }


if __name__ == "__main__":
    schemas = cut(Path(sys.argv[1]))
    Path(__file__).with_name("telegram.json").write_text(json.dumps(schemas, indent=1, ensure_ascii=False) + "\n")
