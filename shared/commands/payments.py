"""Commands that begin a payment, and the local stage's credit without one."""

import time
from dataclasses import replace

from shared import clock, ids
from shared.commands.retry import retry
from shared.domain import money
from shared.domain.init_data import TelegramUser
from shared.domain.limits import take_token
from shared.domain.money import LedgerEntry
from shared.domain.payment import Payment
from shared.service_errors import Unavailable
from shared.settings import settings
from shared.store import ledger, payments

# After this no attempt starts: a write of 9 s, a provider's 8 s and a write of 9 s follow, and the function has 29 s,
# of which one is for the rest of its work (P4).
_LAST_ATTEMPT_SECONDS = 1.9


def create(payment: Payment, caller: TelegramUser) -> Payment:
    """Put a new payment and charge the caller's token for it. Returns it, under another id if its id was taken.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems of two writes. Raises Banned, TooOften, Busy,
    Unavailable.
    """
    started, now = time.monotonic(), payment.created_at

    def create_once() -> Payment:
        nonlocal payment
        found, payer = payments.get_with_payer(payment.id, caller.id)
        if found == payment:
            return payment  # an earlier attempt was applied
        if found is not None:  # another payment of this millisecond has the id
            payment = replace(payment, id=ids.new_integer_id(now))
        if time.monotonic() - started > _LAST_ATTEMPT_SECONDS:
            raise Unavailable
        payer.check_not_banned()
        token = take_token(payer.full_at, "invoices", per_hour=settings().invoices_per_hour, now=now)
        payments.create(payment, caller, token)
        return payment

    return retry(create_once)


def recharge(caller: TelegramUser, *, amount: int, method: str) -> LedgerEntry:
    """Credit `amount` roubles to the caller's balance without a payment. Returns the ledger entry.

    Per attempt: one consistent BatchGetItem and one TransactWriteItems of two writes. Raises Banned, Busy, Unavailable.
    """
    request = ids.new_id()

    def credit_once() -> LedgerEntry:
        now = clock.now_ms()
        user, done = ledger.read(caller.id, money.recharge_cause(request))
        if done is not None:
            return done
        user.check_not_banned()
        entry = money.recharge(
            user, request=request, amount=amount, method=method, entry_id=ids.new_integer_id(now), now=now
        )
        ledger.credit(entry, caller)
        return entry

    return retry(credit_once)
