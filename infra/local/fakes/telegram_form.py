"""The form of a request to the Bot API: what Telegram refuses before it looks at any chat.

Types and limits are in schemas/telegram.json. Rules that no schema says stand here, each from the description of its
method or type at https://core.telegram.org/bots/api. Telegram's own sentence is given where it is publicly known. Any
other mistake has a sentence of ours, with the path and the rule.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from infra.local.fakes.entities import CannotParse, misplaced, visible
from infra.local.fakes.schemas import Mistake, schema

_HTTP_URL = re.compile(r"https?://[^\s/?#.]+(\.[^\s/?#.]+)*(:[0-9]+)?([/?#]\S*)?")
_TG_URL = re.compile(r"tg://\S+")
_USERNAME = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}", re.ASCII)
_LABELS = frozenset({"text", "icon_custom_emoji_id", "style"})


class FormRefused(NamedTuple):
    """A mistake, and the sentence after "Bad Request: "."""

    mistake: Mistake
    description: str


# Of the last name in the mistake's path.
_SENTENCES = {
    "callback_data": "BUTTON_DATA_INVALID",
    "chat_id": "chat_id is empty",
    "message_id": "message identifier is not specified",
    "payload": "INVOICE_PAYLOAD_INVALID",
    "user_id": "invalid user_id specified",
}


def check(method: str, given: Mapping[str, Any]) -> FormRefused | None:
    """Return why Telegram refuses these parameters of a known method; None if it does not."""
    mistake = schema("telegram").mistake(method, given)
    if mistake is not None:
        name = mistake.path.rpartition(".")[2]
        if name == "text" and mistake == Mistake("text", "required"):
            return FormRefused(mistake, "message text is empty")
        return FormRefused(mistake, _SENTENCES.get(name, f"can't parse {mistake}"))
    if "reply_markup" in given:
        refused = _keyboard(given["reply_markup"])
        if refused is not None:
            return refused
    if isinstance(given.get("chat_id"), str) and not _USERNAME.fullmatch(given["chat_id"]):
        return _refused("chat_id", "a number, or @username", "chat not found")
    rule = _RULES.get(method)
    return rule(given) if rule else None


def _refused(path: str, rule: str, description: str) -> FormRefused:
    return FormRefused(Mistake(path, rule), description)


def _text(given: Mapping[str, Any]) -> FormRefused | None:
    if "text" not in given:
        return _refused("text", "required", "message text is empty")
    if "parse_mode" in given and "entities" in given:
        return _refused("entities", "instead of parse_mode", "can't use entities with parse_mode")
    try:
        seen = visible(given["text"], given.get("parse_mode"))
    except CannotParse as error:
        return _refused("text", f"parse_mode {given['parse_mode']}", f"can't parse entities: {error}")
    limits = schema("telegram").methods["sendMessage"]["properties"]["text"]
    if len(seen.strip()) < limits["parsedMinLength"]:
        return _refused("text", "parsedMinLength", "message text is empty")
    if len(seen) > limits["parsedMaxLength"]:
        return _refused("text", "parsedMaxLength", "message is too long")
    at = misplaced(seen, given.get("entities", ()))
    return None if at is None else _refused(f"entities.{at}", "bounds and value", "ENTITY_BOUNDS_INVALID")


def _edited(given: Mapping[str, Any]) -> FormRefused | None:
    if "inline_message_id" in given:
        return _text(given)
    for name, description in (("chat_id", "chat_id is empty"), ("message_id", "message identifier is not specified")):
        if name not in given:
            return _refused(name, "required", description)
    return _text(given)


def _keyboard(markup: Mapping[str, Any]) -> FormRefused | None:
    for y, row in enumerate(markup.get("inline_keyboard", ())):
        for x, button in enumerate(row):
            at = f"reply_markup.inline_keyboard.{y}.{x}"
            does = [name for name in button if name not in _LABELS]
            if not button["text"].strip():
                return _refused(f"{at}.text", "minLength 1", "can't parse inline keyboard button: text is empty")
            if not does:
                sentence = "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
                return _refused(at, "exactly one action", sentence)
            if len(does) > 1:
                return _refused(at, "exactly one action", "can't parse inline keyboard button: several actions")
            if "pay" in button:
                return _refused(f"{at}.pay", "of invoices only", "BUTTON_TYPE_INVALID")
            refused = _link(at, button)
            if refused is not None:
                return refused
    return None


def _link(at: str, button: Mapping[str, Any]) -> FormRefused | None:
    url = button.get("url", "https://example.com")
    if not _HTTP_URL.fullmatch(url) and not _TG_URL.fullmatch(url):
        return _refused(f"{at}.url", "an HTTP or tg:// URL", f"inline keyboard button URL '{url}' is invalid")
    app = button.get("web_app", {}).get("url", "https://example.com")
    if not app.startswith("https://") or not _HTTP_URL.fullmatch(app):
        sentence = f"inline keyboard button Web App URL '{app}' is invalid: Only HTTPS links are allowed"
        return _refused(f"{at}.web_app.url", "an HTTPS URL", sentence)
    return None


def _invoice(given: Mapping[str, Any]) -> FormRefused | None:
    """The bot sells for Stars only, so its other currencies are mistakes. https://core.telegram.org/bots/payments-stars"""
    if given["currency"] != "XTR":
        return _refused("currency", "XTR", "CURRENCY_INVALID")
    if given.get("provider_token"):
        return _refused("provider_token", "empty for Stars", "PAYMENT_PROVIDER_INVALID")
    if len(given["prices"]) != 1:
        return _refused("prices", "exactly one for Stars", "STARS_INVOICE_INVALID")
    [price] = given["prices"]
    if price["amount"] < 1 or not price["label"]:
        return _refused("prices.0", "a label, and at least one Star", "CURRENCY_TOTAL_AMOUNT_INVALID")
    return None


def _pre_checkout_answer(given: Mapping[str, Any]) -> FormRefused | None:
    if not given["ok"] and not given.get("error_message"):
        return _refused("error_message", "required if ok is false", "error message must be specified")
    return None


def _webhook(given: Mapping[str, Any]) -> FormRefused | None:
    if given["url"] and not given["url"].startswith("https://"):
        sentence = "bad webhook: An HTTPS URL must be provided for webhook"
        return _refused("url", "an HTTPS URL", sentence)
    return None


def _skips(given: Mapping[str, Any]) -> FormRefused | None:
    if given.get("offset", 0) < 0:
        return _refused("offset", "minimum 0", "offset must be non-negative")
    return None


_RULES: Mapping[str, Callable[[Mapping[str, Any]], FormRefused | None]] = {
    "answerPreCheckoutQuery": _pre_checkout_answer,
    "createInvoiceLink": _invoice,
    "editMessageText": _edited,
    "getStarTransactions": _skips,
    "sendMessage": _text,
    "setWebhook": _webhook,
}
