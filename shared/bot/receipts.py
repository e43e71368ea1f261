"""The contact for fiscal receipts (54-FZ): the bot asks a payer for it, and the payer's reply continues the top-up."""

from contextlib import suppress
from typing import Any

from shared.bot import texts
from shared.bot.chats import reply
from shared.bot.sending import BotMessage, send
from shared.commands import payments as commands
from shared.domain.errors import DomainError, InvalidReceiptContact
from shared.domain.init_data import telegram_user
from shared.domain.receipt import parse_receipt_contact
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

    Replies to other messages are ignored. The question itself has the amount, so nothing is stored while it is open.
    The calls of `commands.begin` and of a reply. A repeated update creates another invoice, which harms nobody: only a
    paid invoice is credited. Raises Busy, Unavailable.
    """
    amount = texts.amount_in_question(message["reply_to_message"].get("text", ""))
    provider = with_receipts()
    if amount is None or provider is None or message["chat"].get("type") != "private":
        return
    try:
        contact = parse_receipt_contact(clean(message.get("text", "")))
        _, invoice = commands.begin(
            telegram_user(message["from"]), wanted=provider, amount=amount, receipt_contact=contact
        )
    except InvalidReceiptContact:
        reply(message, _question(f"{texts.NO_RECEIPT_CONTACT}\n\n{texts.receipt_question(amount)}"))
    except (DomainError, ProviderError) as refusal:
        reply(message, BotMessage(response_to(refusal).detail))
    else:
        reply(message, BotMessage(texts.RECEIPT_CONTACT_SAVED, [[{"text": texts.pay(amount), "url": invoice.pay_url}]]))


def _question(text: str) -> BotMessage:
    return BotMessage(text, is_question=True)
