"""What the fake Telegram refuses for its form: wrong requests with Telegram's sentence, and right ones that pass."""

from typing import Any

import pytest

from infra.local.fakes.telegram_form import check

MESSAGE = {"chat_id": 5, "text": "Заказ <b> & 1.5 > 1"}
EDIT = {**MESSAGE, "message_id": 7}
INVOICE: dict[str, Any] = {
    "title": "Пополнение баланса",
    "description": "Пополнение баланса в «Срочных услугах»",
    "payload": "1.5",
    "provider_token": "",
    "currency": "XTR",
    "prices": [{"label": "Пополнение", "amount": 50}],
}
WEBHOOK = {"url": "https://example.com/api/telegram/webhook", "secret_token": "a-Z_9", "allowed_updates": ["message"]}
ENTITY = {"type": "bold", "offset": 0, "length": 5}
USER = {"id": 5, "is_bot": False, "first_name": "Аня"}


def button(**fields: Any) -> dict[str, Any]:
    """A keyboard of one button."""
    return {"reply_markup": {"inline_keyboard": [[{"text": "Да", **fields}]]}}


def price(**changed: Any) -> dict[str, Any]:
    return {"prices": [{"label": "Пополнение", "amount": 50, **changed}]}


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("getMe", {}),
    ("getWebhookInfo", {}),
    ("deleteWebhook", {}),
    ("sendMessage", MESSAGE),
    ("sendMessage", {"chat_id": "@a_group", "text": "!"}),
    ("sendMessage", {**MESSAGE, "text": "ы" * 4096}),
    ("sendMessage", {**MESSAGE, "text": f"<b>{'ы' * 4096}</b>", "parse_mode": "HTML"}),
    ("sendMessage", {**MESSAGE, "text": "<a href='https://t.me'>1 &lt; 2 &amp; &#1099;</a>", "parse_mode": "HTML"}),
    ("sendMessage", {**MESSAGE, "text": "*жирный* _к\\.урсив_ [link](https://t.me)", "parse_mode": "MarkdownV2"}),
    ("sendMessage", {**MESSAGE, "text": "> цитата\n`a.b` ```x = 1```", "parse_mode": "MarkdownV2"}),
    ("sendMessage", {**MESSAGE, "entities": [ENTITY]}),
    ("sendMessage", {**MESSAGE, "text": "😀!", "entities": [{"type": "bold", "offset": 2, "length": 1}]}),
    ("sendMessage", {**MESSAGE, "entities": [{**ENTITY, "type": "text_mention", "user": USER}]}),
    ("sendMessage", {**MESSAGE, "reply_markup": {"force_reply": True}}),
    ("sendMessage", {**MESSAGE, "link_preview_options": {"is_disabled": True}}),
    ("sendMessage", {**MESSAGE, "reply_parameters": {"message_id": 7, "allow_sending_without_reply": True}}),
    ("sendMessage", {**MESSAGE, **button(callback_data="a" * 64)}),
    ("sendMessage", {**MESSAGE, **button(url="https://t.me/a_bot?startapp=order_1")}),
    ("sendMessage", {**MESSAGE, **button(url="tg://user?id=5")}),
    ("sendMessage", {**MESSAGE, **button(web_app={"url": "https://example.com"})}),
    ("getFile", {"file_id": "a"}),
    ("editMessageText", EDIT),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "я" * 200}),
    ("createInvoiceLink", INVOICE),
    ("createInvoiceLink", {**INVOICE, "payload": "ы" * 64}),
    ("refundStarPayment", {"user_id": 5, "telegram_payment_charge_id": "stx"}),
    ("answerPreCheckoutQuery", {"pre_checkout_query_id": "1", "ok": True}),
    ("answerPreCheckoutQuery", {"pre_checkout_query_id": "1", "ok": False, "error_message": "Нет"}),
    ("getStarTransactions", {"offset": 0, "limit": 100}),
    ("setWebhook", WEBHOOK),
    ("setMyCommands", {"commands": [{"command": "start", "description": "Начать"}]}),
]

CHAT, MESSAGE_ID = "chat_id is empty", "message identifier is not specified"
BOUNDS, DATA = "ENTITY_BOUNDS_INVALID", "BUTTON_DATA_INVALID"

WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    # the method, its parameters, where the mistake is, Telegram's sentence or the beginning of ours
    ("sendMessage", {"text": "!"}, "chat_id", CHAT),
    ("sendMessage", {**MESSAGE, "chat_id": 5.0}, "chat_id", CHAT),
    ("sendMessage", {**MESSAGE, "chat_id": True}, "chat_id", CHAT),
    ("sendMessage", {**MESSAGE, "chat_id": "5"}, "chat_id", "chat not found"),
    ("sendMessage", {**MESSAGE, "chat_id": None}, "chat_id", CHAT),
    ("sendMessage", {"chat_id": 5}, "text", "message text is empty"),
    ("sendMessage", {**MESSAGE, "text": ""}, "text", "message text is empty"),
    ("sendMessage", {**MESSAGE, "text": " \n"}, "text", "message text is empty"),
    ("sendMessage", {**MESSAGE, "text": "<b></b>", "parse_mode": "HTML"}, "text", "message text is empty"),
    ("sendMessage", {**MESSAGE, "text": "ы" * 4097}, "text", "message is too long"),
    ("sendMessage", {**MESSAGE, "text": 5}, "text", "can't parse text"),
    ("sendMessage", {**MESSAGE, "disable_preview": True}, "disable_preview", "can't parse disable_preview: unknown"),
    ("sendMessage", {**MESSAGE, "parse_mode": "html"}, "text", "can't parse entities: unsupported parse_mode"),
    (
        "sendMessage",
        {**MESSAGE, "text": "ы <дом>", "parse_mode": "HTML"},
        "text",
        'can\'t parse entities: Unsupported start tag "" at byte offset 3',
    ),
    (
        "sendMessage",
        {**MESSAGE, "parse_mode": "HTML"},
        "text",
        "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
    ),
    (
        "sendMessage",
        {**MESSAGE, "text": "1 < 2", "parse_mode": "HTML"},
        "text",
        "can't parse entities: Unclosed start tag at byte offset 2",
    ),
    (
        "sendMessage",
        {**MESSAGE, "text": "1</b>", "parse_mode": "HTML"},
        "text",
        "can't parse entities: Unexpected end tag at byte offset 1",
    ),
    (
        "sendMessage",
        {**MESSAGE, "text": "<b>1</i>", "parse_mode": "HTML"},
        "text",
        'can\'t parse entities: Unmatched end tag at byte offset 4, expected "</b>", found "</i>"',
    ),
    (
        "sendMessage",
        {**MESSAGE, "text": "1.5", "parse_mode": "MarkdownV2"},
        "text",
        "can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
    ),
    (
        "sendMessage",
        {**MESSAGE, "text": "a_b", "parse_mode": "MarkdownV2"},
        "text",
        "can't parse entities: Can't find end of the entity",
    ),
    ("sendMessage", {**MESSAGE, "parse_mode": "HTML", "entities": [ENTITY]}, "entities", "can't use entities"),
    ("sendMessage", {**MESSAGE, "text": "12", "entities": [ENTITY]}, "entities.0", BOUNDS),
    ("sendMessage", {**MESSAGE, "entities": [{**ENTITY, "length": 0}]}, "entities.0", BOUNDS),
    ("sendMessage", {**MESSAGE, "entities": [ENTITY, {**ENTITY, "offset": -1}]}, "entities.1", BOUNDS),
    ("sendMessage", {**MESSAGE, "text": "😀ab", "entities": [{**ENTITY, "length": 1}]}, "entities.0", BOUNDS),
    ("sendMessage", {**MESSAGE, "entities": [{**ENTITY, "type": "text_mention"}]}, "entities.0", BOUNDS),
    ("sendMessage", {**MESSAGE, "entities": [{**ENTITY, "type": "fat"}]}, "entities.0.type", "can't parse entities.0"),
    ("sendMessage", {**MESSAGE, "link_preview_options": "no"}, "link_preview_options", "can't parse link_preview"),
    (
        "sendMessage",
        {**MESSAGE, "link_preview_options": {"is_disabled": "yes"}},
        "link_preview_options.is_disabled",
        "",
    ),
    ("sendMessage", {**MESSAGE, "link_preview_options": {"disabled": True}}, "link_preview_options.disabled", ""),
    ("sendMessage", {**MESSAGE, "reply_parameters": {"message_id": "7"}}, "reply_parameters.message_id", MESSAGE_ID),
    ("sendMessage", {**MESSAGE, "reply_markup": {"inline_keyboard": [{"text": "Да"}]}}, "reply_markup", "can't parse"),
    ("sendMessage", {**MESSAGE, "reply_markup": {"force_reply": False}}, "reply_markup", "can't parse"),
    ("sendMessage", {**MESSAGE, **button(callback_data="a" * 65)}, "callback_data", DATA),
    ("sendMessage", {**MESSAGE, **button(callback_data="ы" * 33)}, "callback_data", DATA),
    ("sendMessage", {**MESSAGE, **button(callback_data="")}, "callback_data", DATA),
    ("sendMessage", {**MESSAGE, **button()}, "0.0", "can't parse inline keyboard button: Text buttons are unallowed"),
    ("sendMessage", {**MESSAGE, **button(url="https://t.me", callback_data="a")}, "0.0", "can't parse inline keyboard"),
    ("sendMessage", {**MESSAGE, **button(text=" ", callback_data="a")}, "0.0.text", "can't parse inline keyboard"),
    ("sendMessage", {**MESSAGE, **button(url="t.me/a_bot")}, "0.0.url", "inline keyboard button URL 't.me/a_bot'"),
    ("sendMessage", {**MESSAGE, **button(url="")}, "0.0.url", "inline keyboard button URL '' is invalid"),
    ("sendMessage", {**MESSAGE, **button(web_app={"url": "http://a.ru"})}, "web_app.url", "inline keyboard button Web"),
    ("sendMessage", {**MESSAGE, **button(pay=True)}, "0.0.pay", "BUTTON_TYPE_INVALID"),
    ("editMessageText", MESSAGE, "message_id", MESSAGE_ID),
    ("editMessageText", {"text": "!", "message_id": 7}, "chat_id", CHAT),
    ("editMessageText", {**EDIT, "text": ""}, "text", "message text is empty"),
    ("answerCallbackQuery", {"text": "!"}, "callback_query_id", ""),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "я" * 201}, "text", "can't parse text: maxLength 200"),
    ("createInvoiceLink", {**INVOICE, "title": "ы" * 33}, "title", "can't parse title: maxLength 32"),
    ("createInvoiceLink", {**INVOICE, "description": ""}, "description", "can't parse description: minLength 1"),
    ("createInvoiceLink", {**INVOICE, "payload": "ы" * 65}, "payload", "INVOICE_PAYLOAD_INVALID"),
    ("createInvoiceLink", {**INVOICE, "currency": "RUB"}, "currency", "CURRENCY_INVALID"),
    ("createInvoiceLink", {**INVOICE, "currency": "xtr"}, "currency", "can't parse currency"),
    ("createInvoiceLink", {**INVOICE, "provider_token": "1:TEST"}, "provider_token", "PAYMENT_PROVIDER_INVALID"),
    ("createInvoiceLink", {**INVOICE, "prices": []}, "prices", "STARS_INVOICE_INVALID"),
    ("createInvoiceLink", {**INVOICE, "prices": INVOICE["prices"] * 2}, "prices", "STARS_INVOICE_INVALID"),
    ("createInvoiceLink", {**INVOICE, **price(amount=0)}, "prices.0", "CURRENCY_TOTAL_AMOUNT_INVALID"),
    ("createInvoiceLink", {**INVOICE, **price(amount=49.5)}, "prices.0.amount", "can't parse prices.0.amount"),
    ("createInvoiceLink", {**INVOICE, **price(amount=50.0)}, "prices.0.amount", "can't parse prices.0.amount"),
    ("createInvoiceLink", {**INVOICE, **price(amount="50")}, "prices.0.amount", "can't parse prices.0.amount"),
    ("refundStarPayment", {"user_id": "5", "telegram_payment_charge_id": "stx"}, "user_id", "invalid user_id"),
    ("refundStarPayment", {"user_id": 5}, "telegram_payment_charge_id", "can't parse"),
    ("answerPreCheckoutQuery", {"pre_checkout_query_id": "1", "ok": False}, "error_message", "error message"),
    ("answerPreCheckoutQuery", {"pre_checkout_query_id": "1", "ok": "true"}, "ok", "can't parse ok: type boolean"),
    ("getStarTransactions", {"limit": 101}, "limit", "can't parse limit: maximum 100"),
    ("getStarTransactions", {"offset": -1}, "offset", "offset must be"),
    ("setWebhook", {**WEBHOOK, "url": "http://example.com"}, "url", "bad webhook: An HTTPS URL must be provided"),
    ("setWebhook", {**WEBHOOK, "secret_token": "a b"}, "secret_token", "can't parse secret_token: pattern"),
    ("setMyCommands", {"commands": [{"command": "/Start", "description": "!"}]}, "commands.0.command", "can't parse"),
]


@pytest.mark.parametrize(("method", "given"), RIGHT)
def test_right_form_is_accepted(method: str, given: dict[str, Any]) -> None:
    assert check(method, given) is None


@pytest.mark.parametrize(("method", "given", "where", "sentence"), WRONG)
def test_wrong_form_is_refused(method: str, given: dict[str, Any], where: str, sentence: str) -> None:
    refused = check(method, given)
    assert refused is not None
    path = f".{refused.mistake.path}."
    assert path.endswith(f".{where}.") or path.startswith(f".{where}.")
    assert refused.description.startswith(sentence)
