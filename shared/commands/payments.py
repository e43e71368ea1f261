"""Commands that begin a payment, and the local stage's credit without one."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from shared import clock, ids
from shared.commands.retry import retry
from shared.domain import money
from shared.domain.errors import AmountOutOfLimits, PaymentRefused, ReceiptContactNeeded
from shared.domain.init_data import TelegramUser
from shared.domain.limits import REFUSALS_PER_HOUR, Token, take_token
from shared.domain.money import BalanceChange
from shared.domain.payment import Payment, Provider, new_payment
from shared.observability import logger, metrics
from shared.payments import PROVIDERS, configured
from shared.payments.provider import Invoice
from shared.service_errors import Unavailable
from shared.settings import payment_settings, settings
from shared.store import ledger, payments, table

# After this no attempt starts: a write of 9 s, a provider's 8 s and a write of 9 s follow, and the function has 29 s,
# of which one is for the rest of its work (P4).
_LAST_ATTEMPT_SECONDS = 1.9


def begin(
    caller: TelegramUser, *, wanted: Provider | None, amount: int, receipt_contact: str | None
) -> tuple[Payment, Invoice]:
    """Create a payment of `amount` roubles and its invoice, with the wanted provider or the default one.

    `receipt_contact` is used and stored if the provider needs a contact for the receipt; without one, the stored one is
    used. The calls of `_create` and of the provider, and one TransactWriteItems of one write. A payment that the
    provider refuses for good expires at once and costs no token of the bucket `invoices`, but one of `refusals`, which
    bounds the calls to the provider: one TransactWriteItems of two writes. Raises AmountOutOfLimits, PaymentRefused,
    ProviderNotConfigured, ProviderUnavailable, Banned, ReceiptContactNeeded, TooOften, Busy, Unavailable.
    """
    provider = configured(wanted)
    least, most = payment_settings().limits[provider]
    if not least <= amount <= most:
        raise AmountOutOfLimits(least, most)
    now = clock.now_ms()
    payment = new_payment(
        id=ids.new_integer_id(now),
        user_id=caller.id,
        provider=provider,
        amount=amount,
        star_roubles=payment_settings().star_roubles,
        now=now,
    )

    # Put before the provider is called: a webhook can arrive before the provider's response.
    needs_contact = PROVIDERS[provider].needs_receipt_contact()
    payment, contact, tokens = _create(
        payment, caller, needs_receipt_contact=needs_contact, receipt_contact=receipt_contact
    )
    try:
        invoice = PROVIDERS[provider].create(payment, contact)
        payments.set_invoice(payment.id, invoice.id)
    except PaymentRefused as refused:
        metrics.add_metric("PaymentsRefused", "Count", 1)
        logger.error(
            "payment refused", extra={"provider": provider, "amount": amount, "provider_error": refused.reason}
        )
        with suppress(table.WriteConflict):  # another invoice of the payer at the same time: this one expires later
            payments.refuse(payment, tokens)
        raise
    except table.WriteConflict as conflict:
        # Its payment links were not returned yet, so the payment will expire.
        raise Unavailable from conflict
    return payment, invoice


def _create(
    payment: Payment, caller: TelegramUser, *, needs_receipt_contact: bool, receipt_contact: str | None
) -> tuple[Payment, str | None, Sequence[Token]]:
    """Put a new payment and charge the caller's token for it. Returns it, under another id if its id was taken.

    Where the provider needs a contact for the receipt, it is returned too: `receipt_contact`, which then replaces the
    stored one, or the stored one. A provider that needs none gets none, and none is stored. Also returns the tokens to
    write if the provider refuses the payment.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems of two writes. Raises Banned,
    ReceiptContactNeeded, TooOften, Busy, Unavailable.
    """
    given = receipt_contact if needs_receipt_contact else None
    started, now = time.monotonic(), payment.created_at
    tokens: Sequence[Token] = ()

    def create_once() -> tuple[Payment, str | None, Sequence[Token]]:
        nonlocal payment, tokens
        found, payer = payments.get_with_payer(payment.id, caller.id)
        contact = given or (payer.receipt_contact if needs_receipt_contact else None)
        if found == payment:
            return payment, contact, tokens  # an earlier attempt was applied
        if found is not None:  # another payment of this millisecond has the id
            payment = replace(payment, id=ids.new_integer_id(now))
        if time.monotonic() - started > _LAST_ATTEMPT_SECONDS:
            raise Unavailable
        payer.check_not_banned(clock.now_ms())
        if needs_receipt_contact and contact is None:
            raise ReceiptContactNeeded
        token = take_token(payer.full_at, "invoices", per_hour=settings().invoices_per_hour, now=now)
        refusal = take_token(payer.full_at, "refusals", per_hour=REFUSALS_PER_HOUR, now=now)
        tokens = token.given_back(), refusal
        payments.create(payment, caller, token, receipt_contact=given)
        return payment, contact, tokens

    return retry(create_once)


def recharge(caller: TelegramUser, *, amount: int, method: str) -> BalanceChange:
    """Credit `amount` roubles to the caller's balance without a payment. Returns the change; the credit is its first.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems of two writes, of three when a debt is repaid.
    Raises Banned, Busy, Unavailable.
    """
    request = ids.new_id()
    attempts: list[BalanceChange] = []

    def credit_once() -> BalanceChange:
        now = clock.now_ms()
        user, done = ledger.read(caller.id, money.recharge_cause(request))
        if done is not None:  # nobody else has this request, so it was an earlier attempt (P3)
            return next(attempt for attempt in attempts if done in attempt.entries)
        user.check_not_banned(now)
        attempts.append(
            money.recharge(
                user, request=request, amount=amount, method=method, entry_id=ids.new_integer_id(now), now=now
            )
        )
        ledger.credit(attempts[-1], caller)
        return attempts[-1]

    return retry(credit_once)
