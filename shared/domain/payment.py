"""A payment: money that a provider takes from a person, and that his balance gets, once.

    pending -> paid        the provider took the money
    pending -> expired     it says that it will not, or the payment's time is over
    expired -> paid        it took the money all the same: what was really paid is credited
    paid    -> refunded    it gave the money back, all of it
    pending, expired -> refunded   it had taken it and gave it back before we heard of either: nothing was credited

What a provider says, in whatever order and how often, comes down to a *charge*: it has so much of somebody for one of
our payments, and gave so much of that back. A charge is named by the provider's own id, and credits once under it.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Literal

from shared.domain.durations import MINUTE_MS
from shared.domain.money import LedgerEntry, credit_of_payment, reversal_of_payment
from shared.domain.user import User


class ChargeRefused(Exception):
    """A provider tells of money that is not what we asked it for: nothing is credited.

    `reason` is a stable word for the log.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Provider(StrEnum):
    """Who takes the money."""

    CRYPTO_PAY = "crypto_pay"
    TELEGRAM_STARS = "telegram_stars"
    YOOKASSA = "yookassa"


class Status(StrEnum):
    """What became of a payment."""

    PENDING = "pending"
    PAID = "paid"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class Currency(StrEnum):
    """What a price is in; its smallest unit is what a price counts: kopecks, Stars."""

    RUB = "RUB"
    XTR = "XTR"


# How long a person has to pay, ms. A card's bank may keep him busy for longer than a wallet.
LIFETIME_MS = {
    Provider.CRYPTO_PAY: 30 * MINUTE_MS,
    Provider.TELEGRAM_STARS: 30 * MINUTE_MS,
    Provider.YOOKASSA: 60 * MINUTE_MS,
}
# A payment made at the last moment is still heard of until then, ms after its end.
GRACE_MS = MINUTE_MS
FIRST_CHECK_MS = MINUTE_MS


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as stored. `amount`, `refunded`, `taken_back` are roubles; `price` is what the provider asks for.

    `invoice_id` is the provider's name of what it was asked to collect, None until it has said so; `charge_id` its name
    of the money, None until that came. `check_at` is when the provider is asked about it next, epoch ms. `refunded` is
    what the provider gave back, `taken_back` what the balance still had of it.
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
        """What the user had spent already when it was taken back, roubles."""
        return self.refunded - self.taken_back if self.paid_at is not None else 0


@dataclass(frozen=True, slots=True)
class Charge:
    """What a provider says it took for a payment, and gave back of it, both in the currency's smallest unit.

    `payment_id` and `user_id` are ours, as the provider was told them; `payer_id` is whom it took the money from, where
    it says so.
    """

    provider: Provider
    id: str
    payment_id: int
    user_id: int
    price: int
    currency: str
    refunded: int = 0
    payer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a charge makes of a payment: `payment` as it is then, the ledger entry that goes with it.

    `is_new` says that the payment itself is: a second charge for one payment becomes a payment of its own.
    """

    payment: Payment
    entry: LedgerEntry | None = None
    is_new: bool = False


def price_of(amount: int, provider: Provider, star_roubles: Decimal) -> tuple[int, Currency]:
    """What `amount` roubles cost with a provider: kopecks, or Stars at `star_roubles` roubles each.

    Stars are rounded up: nobody gets a rouble that was not paid.
    """
    if provider is Provider.TELEGRAM_STARS:
        return int((amount / star_roubles).to_integral_value(ROUND_CEILING)), Currency.XTR
    return amount * 100, Currency.RUB


def new_payment(*, id: int, user_id: int, provider: Provider, amount: int, star_roubles: Decimal, now: int) -> Payment:
    """A payment of `amount` roubles that somebody may make from `now` on, epoch ms."""
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
    """Whether a payer whom the provider asks us about, before it takes his money, may pay it at `now`."""
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
    """What the charge makes of the payment that it names, at `now`; None when that is so already.

    `payment` is the one that the charge belongs to where it `is_known`, having been settled before, and else the one it
    names. `user` is the payment's; `new_id` names what is new. Raises ChargeRefused for what is not what we asked for.
    """
    if payment is None:
        raise ChargeRefused("unknown_payment")
    _check(payment, charge)
    given_back = min(charge.refunded, charge.price) * payment.amount // charge.price
    if is_known:
        return _taken_back(payment, charge.id, user, given_back, new_id, now)
    is_second = payment.charge_id is not None
    if is_second:
        payment = replace(payment, id=new_id, paid_at=None, refunded=0, taken_back=0)
    payment = replace(payment, charge_id=charge.id, check_at=None)
    if given_back == payment.amount:
        return Settlement(replace(payment, status=Status.REFUNDED, refunded=given_back), is_new=is_second)
    paid = replace(payment, status=Status.PAID, paid_at=now)
    entry = credit_of_payment(
        user, provider=payment.provider, charge_id=charge.id, amount=payment.amount, entry_id=new_id, now=now
    )
    return Settlement(paid, entry, is_new=is_second)


def _check(payment: Payment, charge: Charge) -> None:
    if charge.provider is not payment.provider:
        raise ChargeRefused("another_provider")
    if charge.user_id != payment.user_id:
        raise ChargeRefused("another_user")
    if charge.payer_id not in (None, payment.user_id):
        raise ChargeRefused("another_payer")
    if charge.currency != payment.currency:
        raise ChargeRefused("another_currency")
    if charge.price != payment.price:
        raise ChargeRefused("another_amount")


def _taken_back(
    payment: Payment, charge_id: str, user: User, given_back: int, entry_id: int, now: int
) -> Settlement | None:
    more = given_back - payment.refunded
    if more <= 0:
        return None
    taken = min(more, user.balance)
    after = replace(
        payment,
        status=Status.REFUNDED if given_back == payment.amount else payment.status,
        refunded=given_back,
        taken_back=payment.taken_back + taken,
    )
    if taken == 0:
        return Settlement(after)
    entry = reversal_of_payment(
        user,
        provider=payment.provider,
        charge_id=charge_id,
        refunded=given_back,
        amount=taken,
        entry_id=entry_id,
        now=now,
    )
    return Settlement(after, entry)


def after_check(payment: Payment, *, is_over: bool, now: int) -> Payment:
    """A payment that its provider, asked at `now`, has no money for; `is_over` where it says that none will come.

    It is asked again when the payment is twice as old, and once more after its end; then the payment is expired.
    """
    if payment.status is not Status.PENDING:
        return payment
    last = payment.expires_at + GRACE_MS
    if is_over or now >= last:
        return replace(payment, status=Status.EXPIRED, check_at=None)
    again = payment.created_at + 2 * max(now - payment.created_at, FIRST_CHECK_MS)
    return replace(payment, check_at=min(again, last))


def shown_status(payment: Payment) -> Literal["pending", "paid", "expired"]:
    """The status as the payer sees it: pending, paid or expired.

    A refund does not unmake that he paid: the balance and the ledger show it. What was given back before it was ever
    credited never came.
    """
    if payment.paid_at is not None:
        return "paid"
    return "pending" if payment.status is Status.PENDING else "expired"
