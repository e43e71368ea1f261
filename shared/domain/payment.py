"""Payments: a provider takes money from a user, and the user's balance is credited once.

    pending -> paid        the provider took the money
    pending -> expired     the provider reports that it will take none, or the payment's time is over by our clock
    expired -> paid        the provider took the money after all: money that was really paid is credited
    paid    -> refunded    the provider gave all of the money back
    pending, expired -> refunded   the provider gave the money back before we saw that it was taken: nothing is credited

Events of a provider may arrive repeated and out of order (F24). Each is reduced to a *charge*: the money that the
provider took for one of our payments, and the part of it that the provider has given back. A charge has the provider's
id, which makes the credit idempotent.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Literal

from shared.domain.durations import DAY_MS, MINUTE_MS
from shared.domain.money import BalanceChange, credit_of_payment, reversal_of_payment
from shared.domain.user import User


class ChargeRefused(Exception):
    """A charge does not match the payment that it names. Nothing is credited.

    `reason` is a stable word for the log.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Provider(StrEnum):
    """The payment provider, which takes the money."""

    CRYPTO_PAY = "crypto_pay"
    TELEGRAM_STARS = "telegram_stars"
    YOOKASSA = "yookassa"


class Status(StrEnum):
    """The status of a payment."""

    PENDING = "pending"
    PAID = "paid"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class Currency(StrEnum):
    """The currency of a price. Prices are in its smallest unit: kopecks, Stars."""

    RUB = "RUB"
    XTR = "XTR"


# How long a user has to pay, ms. Confirming a card payment with a bank can take longer than paying from a wallet.
LIFETIME_MS = {
    Provider.CRYPTO_PAY: 30 * MINUTE_MS,
    Provider.TELEGRAM_STARS: 30 * MINUTE_MS,
    Provider.YOOKASSA: 60 * MINUTE_MS,
}
# The last poll is this many ms after the end, so that a payment made at the last moment is still found.
GRACE_MS = MINUTE_MS
FIRST_CHECK_MS = MINUTE_MS
# Polls after the end by our clock, ms after the beginning: a provider may keep an invoice open, and be paid late.
LATE_CHECKS_MS = (DAY_MS, 3 * DAY_MS)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as stored. `amount`, `refunded` and `taken_back` are in roubles, `price` in units of `currency`.

    `price`: what the provider asks the user to pay.
    `invoice_id`: the provider's id of the invoice, None until the provider returned it.
    `charge_id`: the provider's id of the charge, None until the money was taken.
    `check_at`: when the provider is polled about the payment next, epoch ms.
    `refunded`: what the provider has given back.
    `taken_back`: the part of `refunded` that could be debited from the balance.
    """

    id: int
    user_id: int
    provider: Provider
    amount: int
    price: int
    currency: Currency
    created_at: int
    expires_at: int
    status: Status = Status.PENDING
    check_at: int | None = None
    invoice_id: str | None = None
    charge_id: str | None = None
    paid_at: int | None = None
    refunded: int = 0
    taken_back: int = 0

    @property
    def debt(self) -> int:
        """The part of a refund that the balance no longer covered when it was taken back, in roubles.

        It became a debt of the user. Its repayments are in the ledger, not here.
        """
        return self.refunded - self.taken_back if self.paid_at is not None else 0


@dataclass(frozen=True, slots=True)
class Charge:
    """What a provider took for a payment, and the part that it gave back, in the currency's smallest unit.

    `payment_id` and `user_id` are our ids, which the provider returns. `payer_id` is the payer's Telegram id, if the
    provider reports it. `price` is None if the provider reports only what was left after a commission: the payer paid
    the invoice's price then, and a `refunded` above 0 stands for all of it.
    """

    provider: Provider
    id: str
    payment_id: int
    user_id: int
    price: int | None
    currency: str
    refunded: int = 0
    payer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The effect of a charge: the new state of the payment, and the change of its payer's balance and debt.

    `is_new`: the payment itself is new. A second charge for one payment becomes a payment of its own.
    """

    payment: Payment
    change: BalanceChange | None = None
    is_new: bool = False


def price_of(amount: int, provider: Provider, star_roubles: Decimal) -> tuple[int, Currency]:
    """Return the price of `amount` roubles with a provider: kopecks, or Stars at `star_roubles` roubles each.

    Stars are rounded up, so that no rouble is credited that was not paid.
    """
    if provider is Provider.TELEGRAM_STARS:
        return int((amount / star_roubles).to_integral_value(ROUND_CEILING)), Currency.XTR
    return amount * 100, Currency.RUB


def new_payment(*, id: int, user_id: int, provider: Provider, amount: int, star_roubles: Decimal, now: int) -> Payment:
    """Return a pending payment of `amount` roubles that starts at `now` (epoch ms)."""
    price, currency = price_of(amount, provider, star_roubles)
    return Payment(
        id=id,
        user_id=user_id,
        provider=provider,
        amount=amount,
        price=price,
        currency=currency,
        created_at=now,
        expires_at=now + LIFETIME_MS[provider],
        check_at=now + FIRST_CHECK_MS,
    )


def may_be_paid(payment: Payment, *, price: int, currency: str, payer_id: int, now: int) -> bool:
    """Whether the payer may pay at `now`. The provider asks this before it takes the money (pre-checkout)."""
    return (
        payment.status is Status.PENDING
        and now < payment.expires_at
        and (price, currency, payer_id) == (payment.price, payment.currency, payment.user_id)
    )


def settled(
    payment: Payment | None,
    charge: Charge,
    user: User,
    *,
    is_known: bool,
    new_id: int,
    now: int,
) -> Settlement | None:
    """Return the effect of a charge at `now`; None if it was already applied (idempotent).

    `is_known`: the charge was settled before. Then `payment` is the payment that it settled, otherwise the payment that
    it names. `user` is the user of the payment. `new_id` is the id of a new entry or payment. Raises ChargeRefused if
    the charge does not match the payment.
    """
    if payment is None:
        raise ChargeRefused("unknown_payment")
    _check(payment, charge)
    refunded = payment.price if charge.price is None and charge.refunded > 0 else charge.refunded
    given_back = min(refunded, payment.price) * payment.amount // payment.price
    if is_known:
        return _taken_back(payment, charge.id, user, given_back, new_id, now)
    is_second = payment.charge_id is not None
    if is_second:
        payment = replace(payment, id=new_id, paid_at=None, refunded=0, taken_back=0)
    payment = replace(payment, charge_id=charge.id, check_at=None)
    if given_back == payment.amount:
        return Settlement(replace(payment, status=Status.REFUNDED, refunded=given_back), is_new=is_second)
    paid = replace(payment, status=Status.PAID, paid_at=now)
    change = credit_of_payment(
        user, provider=payment.provider, charge_id=charge.id, amount=payment.amount, entry_id=new_id, now=now
    )
    return Settlement(paid, change, is_new=is_second)


def _check(payment: Payment, charge: Charge) -> None:
    if charge.provider is not payment.provider:
        raise ChargeRefused("another_provider")
    if charge.user_id != payment.user_id:
        raise ChargeRefused("another_user")
    if charge.payer_id not in (None, payment.user_id):
        raise ChargeRefused("another_payer")
    if charge.currency != payment.currency:
        raise ChargeRefused("another_currency")
    if charge.price not in (None, payment.price):
        raise ChargeRefused("another_amount")


def _taken_back(
    payment: Payment, charge_id: str, user: User, given_back: int, entry_id: int, now: int
) -> Settlement | None:
    more = given_back - payment.refunded
    if more <= 0:
        return None
    change = reversal_of_payment(
        user,
        provider=payment.provider,
        charge_id=charge_id,
        refunded=given_back,
        amount=more,
        entry_id=entry_id,
        now=now,
    )
    after = replace(
        payment,
        status=Status.REFUNDED if given_back == payment.amount else payment.status,
        refunded=given_back,
        taken_back=payment.taken_back + user.balance - change.balance,
    )
    return Settlement(after, change)


def after_check(payment: Payment, *, is_over: bool, is_answered: bool = True, now: int) -> Payment:
    """Return the payment after a poll at `now` that found no money.

    `is_over`: the provider reports that none will come, which ends the polling. Otherwise the provider is polled again
    when the payment is twice as old (exponential backoff), and once after its end by our clock. Then the payment is
    expired, and polled a last few times: by `LATE_CHECKS_MS`, or with the same backoff while the provider gives no
    answer (`is_answered`). Without an invoice's id nobody can pay late, and the polling ends.
    """
    if payment.status not in (Status.PENDING, Status.EXPIRED):
        return payment
    if is_over:
        return replace(payment, status=Status.EXPIRED, check_at=None)
    end = payment.expires_at + GRACE_MS
    twice_as_old = payment.created_at + 2 * max(now - payment.created_at, FIRST_CHECK_MS)
    if payment.status is Status.PENDING and now < end:
        return replace(payment, check_at=min(twice_as_old, end))
    late = [payment.created_at + age for age in LATE_CHECKS_MS if payment.created_at + age > now]
    if payment.invoice_id is None or not late:
        check_at = None
    else:
        check_at = late[0] if is_answered else min(twice_as_old, late[-1])
    return replace(payment, status=Status.EXPIRED, check_at=check_at)


def shown_status(payment: Payment) -> Literal["pending", "paid", "expired"]:
    """Return the status that the payer sees: pending, paid or expired.

    A refunded payment stays `paid`; the balance and the ledger show the refund. A payment that was given back before it
    was credited is `expired`.
    """
    if payment.paid_at is not None:
        return "paid"
    return "pending" if payment.status is Status.PENDING else "expired"
