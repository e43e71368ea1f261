"""The contact for fiscal receipts (54-FZ): the bot asks a payer for it, and the payer's reply continues the top-up."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from shared.bot import support, texts
from shared.bot.chats import reply
from shared.bot.sending import BotMessage, send
from shared.commands import payments as commands
from shared.domain.errors import DomainError, InvalidReceiptContact
from shared.domain.init_data import telegram_user
from shared.domain.receipt import looks_like_contact, parse_receipt_contact
from shared.domain.text import clean
from shared.error_responses import response_to
from shared.payments import with_receipts
from shared.service_errors import ProviderError, ServiceError


def ask(user_id: int, amount: int) -> None:
    """Ask for the contact for a top-up of `amount` roubles. The calls of `sending.send`.

    Raises nothing: a payer whom the bot cannot reach has the response to the request.
    """
    with suppress(ServiceError):
        send(user_id, lambda now: _question(texts.receipt_question(amount)))


def answer(message: dict[str, Any]) -> None:
    """Store the contact in a reply to that question, create the invoice, and send its link.

    Other replies go to the operators. So does a reply that is no contact, and the question is asked again; but one that
    looks like a mistyped contact is only asked for again. Where no receipts are sent any more, a contact is neither
    stored nor forwarded, and the payer is told so. The question itself has the amount, so nothing is stored
    while it is open. The calls of `commands.begin` and of a reply, or of `support.write`. A repeated update creates
    another invoice, which harms nobody: only a paid invoice is credited. Raises Busy, Unavailable.
    """
    if message["chat"].get("type") != "private":
        return
    amount = texts.amount_in_question(message["reply_to_message"].get("text", ""))
    provider = with_receipts()
    typed = _typed(message)
    if amount is None or (provider is None and not looks_like_contact(typed)):
        write(message)
        return
    if provider is None:
        reply(message, BotMessage(texts.NO_RECEIPT_CONTACT_NEEDED))
        return
    try:
        contact = parse_receipt_contact(typed)
        _, invoice = commands.begin(
            telegram_user(message["from"]), wanted=provider, amount=amount, receipt_contact=contact
        )
    except InvalidReceiptContact:
        _ask_again(message, amount, typed)
    except (DomainError, ProviderError) as refusal:
        reply(message, BotMessage(response_to(refusal).detail))
    else:
        reply(message, BotMessage(texts.RECEIPT_CONTACT_SAVED, [[{"text": texts.pay(amount), "url": invoice.pay_url}]]))


def write(message: dict[str, Any]) -> None:
    """Handle a message that replies to nothing: it goes to the operators, unless it is a contact for receipts.

    A payer whose app opened no reply to the question types the contact like that. It is neither stored nor forwarded:
    the bot says how to reply. The calls of `support.write`, or of a reply. Raises Busy, Unavailable.
    """
    _reply_or(support.write, message)


def edit(message: dict[str, Any]) -> None:
    """Handle an edit of a message: the operators see it, unless the message is a contact for receipts now.

    Then they see what it said before. The calls of `support.edit`, or of a reply. Raises Busy, Unavailable.
    """
    _reply_or(support.edit, message)


def _reply_or(forward: Callable[[dict[str, Any]], None], message: dict[str, Any]) -> None:
    """Say how to reply to the question, if the message is a contact for receipts; otherwise forward it."""
    if with_receipts() is not None and support.is_for_operators(message):
        with suppress(InvalidReceiptContact):
            parse_receipt_contact(_typed(message))
            reply(message, BotMessage(texts.REPLY_WITH_RECEIPT_CONTACT))
            return
    forward(message)


def _typed(message: dict[str, Any]) -> str:
    """Return what was typed, also below a photo, or the phone of a contact that was shared from the address book."""
    return clean(message.get("text") or message.get("caption") or message.get("contact", {}).get("phone_number", ""))


def _ask_again(message: dict[str, Any], amount: int, typed: str) -> None:
    """Ask for the contact again. Words that are no attempt at one are for the operators."""
    question = texts.receipt_question(amount)
    if looks_like_contact(typed) or not support.is_for_operators(message):
        reply(message, _question(f"{texts.NO_RECEIPT_CONTACT}\n\n{question}"))
        return
    said = f"{texts.NO_RECEIPT_CONTACT} {support.keep(message)}".rstrip()
    support.tell(message, _question(f"{said}\n\n{question}"))


def _question(text: str) -> BotMessage:
    return BotMessage(text, is_question=True)
