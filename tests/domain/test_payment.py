"""Payments: the effect of a provider's charges and refunds on a payment, a balance and a ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.money import BalanceChange, LedgerEntry, debit_for_take, refund_of_take
from shared.domain.payment import (
    FIRST_CHECK_MS,
    GRACE_MS,
    LATE_CHECKS_MS,
    LIFETIME_MS,
    Charge,
    ChargeRefused,
    Currency,
    Payment,
    Provider,
    Settlement,
    Status,
    after_check,
    may_be_paid,
    new_payment,
    price_of,
    settled,
    shown_status,
)
from shared.domain.user import User

NOW = 1_790_000_000_000
PAYER = User(7, balance=5, last_entry_id=3)
STARS = new_payment(id=1, user_id=7, provider=Provider.TELEGRAM_STARS, amount=100, star_roubles=Decimal("1.5"), now=NOW)
CARD = new_payment(id=2, user_id=7, provider=Provider.YOOKASSA, amount=100, star_roubles=Decimal(1), now=NOW)


def charge(payment: Payment, id: str = "c", **changed: Any) -> Charge:
    taken = Charge(payment.provider, id, payment.id, payment.user_id, payment.price, payment.currency)
    return replace(taken, **changed)


def settle(payment: Payment | None, charge: Charge, *, user: User = PAYER, known: bool = False) -> Settlement | None:
    return settled(payment, charge, user, is_known=known, new_id=99, now=NOW + 1)


def paid(payment: Payment) -> Payment:
    done = settle(payment, charge(payment))
    assert done is not None
    return done.payment


def entry_of(settlement: Settlement) -> LedgerEntry:
    """The only entry of a settlement."""
    assert settlement.change is not None
    [entry] = settlement.change.entries
    return entry


# ---------------------------------------------------------------- a new payment, its price


def test_constants_and_statuses_of_payments() -> None:
    """Names are stored, sent to the WebApp or to a provider; times are in ms."""
    assert {provider.value: lifetime for provider, lifetime in LIFETIME_MS.items()} == {
        "crypto_pay": 1_800_000,
        "telegram_stars": 1_800_000,
        "yookassa": 3_600_000,
    }
    assert (GRACE_MS, FIRST_CHECK_MS, LATE_CHECKS_MS) == (60_000, 60_000, (86_400_000, 259_200_000))
    assert [*Status] == ["pending", "paid", "expired", "refunded"]
    assert [*Currency] == ["RUB", "XTR"]


def test_a_new_payment() -> None:
    assert (
        Payment(
            id=2,
            user_id=7,
            provider=Provider.YOOKASSA,
            amount=100,
            price=10_000,
            currency=Currency.RUB,
            created_at=NOW,
            expires_at=NOW + 3_600_000,
            status=Status.PENDING,
            check_at=NOW + 60_000,
            invoice_id=None,
            charge_id=None,
            paid_at=None,
            refunded=0,
            taken_back=0,
        )
        == CARD
    )
    assert CARD.debt == charge(CARD).refunded == 0


@pytest.mark.parametrize(
    ("roubles", "rate", "stars"),
    [(1, "1.5", 1), (3, "1.5", 2), (4, "1.5", 3), (100, "1", 100), (1, "2", 1), (7, "0.3", 24)],
)
def test_stars_are_rounded_up(roubles: int, rate: str, stars: int) -> None:
    assert price_of(roubles, Provider.TELEGRAM_STARS, Decimal(rate)) == (stars, Currency.XTR)


@given(st.integers(1, 100_000), st.decimals("0.01", "1000", places=2))
def test_no_unpaid_rouble_is_credited(roubles: int, rate: Decimal) -> None:
    stars, _ = price_of(roubles, Provider.TELEGRAM_STARS, rate)
    assert stars >= 1
    assert stars * rate >= roubles > (stars - 1) * rate


@pytest.mark.parametrize("provider", [Provider.CRYPTO_PAY, Provider.YOOKASSA])
def test_other_providers_are_paid_in_kopecks(provider: Provider) -> None:
    assert price_of(123, provider, Decimal("1.5")) == (12300, Currency.RUB)


# ---------------------------------------------------------------- a charge


def test_a_charge_is_credited() -> None:
    """I8."""
    done = settle(STARS, charge(STARS, "stx", payer_id=7))
    assert done is not None
    assert not done.is_new
    assert done.payment == replace(STARS, status=Status.PAID, charge_id="stx", paid_at=NOW + 1, check_at=None)
    assert entry_of(done) == LedgerEntry(
        id=99,
        previous_id=3,
        user_id=7,
        type="recharge",
        cause="PAYMENT#telegram_stars#stx",
        amount=100,
        balance_after=105,
        created_at=NOW + 1,
        payment_method="telegram_stars",
    )


def test_a_repeated_charge_changes_nothing() -> None:
    """I5, F24: twice."""
    assert settle(paid(STARS), charge(STARS), known=True) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"price": STARS.price - 1}, "another_amount"),
        ({"price": STARS.price + 1}, "another_amount"),
        ({"price": 0}, "another_amount"),
        ({"price": -1}, "another_amount"),
        ({"currency": "RUB"}, "another_currency"),
        ({"provider": Provider.CRYPTO_PAY}, "another_provider"),
        ({"user_id": 8}, "another_user"),
        ({"payer_id": 8}, "another_payer"),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_a_charge_with_other_terms_is_refused(changed: dict[str, Any], reason: str, known: bool) -> None:
    """I8, F24: wrong amount, currency, payer."""
    with pytest.raises(ChargeRefused) as refused:
        settle(STARS, charge(STARS, **changed), known=known)
    assert refused.value.reason == str(refused.value) == reason


def test_a_charge_after_a_commission_is_of_the_invoice_price() -> None:
    done = settle(STARS, charge(STARS, price=None))
    assert done is not None
    assert done.payment == replace(STARS, status=Status.PAID, charge_id="c", paid_at=NOW + 1, check_at=None)
    assert done.change is not None
    assert [entry.amount for entry in done.change.entries] == [100]
    refund = settle(done.payment, charge(STARS, price=None, refunded=1), user=replace(PAYER, balance=105), known=True)
    assert refund is not None
    assert (refund.payment.status, refund.payment.refunded, refund.payment.taken_back) == (Status.REFUNDED, 100, 100)


def test_an_unknown_payment_credits_nobody() -> None:
    """F24."""
    with pytest.raises(ChargeRefused) as refused:
        settle(None, charge(STARS))
    assert refused.value.reason == "unknown_payment"


def test_a_charge_of_an_expired_payment_is_credited() -> None:
    """F24: late."""
    expired = replace(STARS, status=Status.EXPIRED, check_at=None)
    done = settle(expired, charge(STARS))
    assert done is not None
    assert done.payment.status is Status.PAID
    assert entry_of(done).amount == 100


def test_a_second_charge_of_an_invoice_is_a_separate_payment() -> None:
    """The link to an invoice in Stars can be paid twice at once; the payer gets both amounts."""
    first = paid(STARS)
    done = settle(first, charge(STARS, "d"))
    assert done is not None
    assert done.is_new
    assert (done.payment.id, done.payment.charge_id, done.payment.status) == (99, "d", Status.PAID)
    assert (entry_of(done).cause, entry_of(done).amount) == ("PAYMENT#telegram_stars#d", 100)


def test_second_charge_already_refunded_credits_nothing() -> None:
    """F24: reordered. The first charge stays as it is, whatever part of it was refunded."""
    first = replace(paid(STARS), refunded=40, taken_back=40)
    done = settle(first, charge(STARS, "d", refunded=STARS.price))
    assert done == Settlement(
        replace(STARS, id=99, charge_id="d", check_at=None, status=Status.REFUNDED, refunded=100), is_new=True
    )
    assert done.payment.debt == 0


# ---------------------------------------------------------------- money back


def test_a_refund_is_debited_from_the_balance() -> None:
    done = settle(paid(STARS), charge(STARS, refunded=STARS.price), user=replace(PAYER, balance=105), known=True)
    assert done is not None
    assert (done.payment.status, done.payment.refunded, done.payment.taken_back) == (Status.REFUNDED, 100, 100)
    assert done.payment.debt == 0
    entry = entry_of(done)
    assert (entry.type, entry.amount, entry.balance_after) == ("recharge", -100, 5)
    assert entry.cause == "REVERSAL#telegram_stars#c#100"
    assert settle(done.payment, charge(STARS, refunded=STARS.price), known=True) is None


@pytest.mark.parametrize("balance", [0, 1, 99])
def test_a_refund_of_spent_money_becomes_a_debt(balance: int) -> None:
    """I2."""
    done = settle(paid(STARS), charge(STARS, refunded=STARS.price), user=replace(PAYER, balance=balance), known=True)
    assert done is not None
    assert done.change is not None
    assert (done.payment.taken_back, done.payment.debt, done.change.debt) == (balance, 100 - balance, 100 - balance)
    # An amount of 0 makes no entry.
    assert [(entry.amount, entry.balance_after) for entry in done.change.entries] == [(-balance, 0)] * bool(balance)


def test_a_refund_from_an_empty_balance_makes_no_entry() -> None:
    """I27: only the debt grows."""
    refund = charge(STARS, refunded=STARS.price)
    user = replace(PAYER, balance=0, debt=7)
    done = settle(paid(STARS), refund, user=user, known=True)
    owing = replace(paid(STARS), status=Status.REFUNDED, refunded=100, taken_back=0)
    assert done == Settlement(owing, BalanceChange(user, (), 107), is_new=False)


def test_a_partial_refund_is_in_whole_roubles() -> None:
    rich = replace(PAYER, balance=105)
    done = settle(paid(CARD), charge(CARD, refunded=5050), user=rich, known=True)
    assert done is not None
    assert (done.payment.status, done.payment.refunded) == (Status.PAID, 50)
    again = settle(done.payment, charge(CARD, refunded=10_000), user=replace(rich, balance=55), known=True)
    assert again is not None
    assert (again.payment.status, again.payment.refunded, again.payment.taken_back) == (Status.REFUNDED, 100, 100)
    assert entry_of(again).amount == -50
    # The first part is reported again, after the second.
    assert settle(again.payment, charge(CARD, refunded=5050), user=rich, known=True) is None


@pytest.mark.parametrize("status", [Status.PENDING, Status.EXPIRED])
def test_charge_refunded_before_its_webhook_is_never_credited(status: Status) -> None:
    """F24: reordered."""
    done = settle(replace(STARS, status=status), charge(STARS, refunded=STARS.price))
    assert done is not None
    assert (done.payment.status, done.change, done.payment.debt) == (Status.REFUNDED, None, 0)
    assert shown_status(done.payment) == "expired"
    assert settle(done.payment, charge(STARS), known=True) is None


# ---------------------------------------------------------------- before it is paid


@pytest.mark.parametrize(
    ("changed", "late", "may"),
    [
        ({}, 0, True),
        ({}, LIFETIME_MS[Provider.TELEGRAM_STARS] - 1, True),
        ({}, LIFETIME_MS[Provider.TELEGRAM_STARS], False),
        ({"status": Status.PAID}, 0, False),
        ({"status": Status.EXPIRED}, 0, False),
        ({"user_id": 8}, 0, False),
        ({"price": 1}, 0, False),
        ({"currency": Currency.RUB}, 0, False),
    ],
)
def test_only_the_payer_may_pay_a_pending_payment(changed: dict[str, object], late: int, may: bool) -> None:
    payment = replace(STARS, **changed)  # type: ignore[arg-type]
    asked = {"price": STARS.price, "currency": "XTR", "payer_id": 7}
    assert may_be_paid(payment, **asked, now=NOW + late) is may  # type: ignore[arg-type]


DAY = 24 * 60


@pytest.mark.parametrize(
    ("invoice_id", "is_answered", "late"),
    [
        ("i", True, [DAY, 3 * DAY]),
        ("i", False, [62, 124, 248, 496, 992, 1984, 3968, 3 * DAY]),
        (None, True, []),
        (None, False, []),
    ],
)
def test_polling_slows_down_and_ends_days_after_expiry(
    invoice_id: str | None, is_answered: bool, late: list[int]
) -> None:
    """While the provider says that it is open, or says nothing. Without an invoice nobody can pay late."""
    payment, asked = replace(STARS, invoice_id=invoice_id), []
    while payment.check_at is not None:
        asked.append((payment.check_at - NOW) // 60_000)
        assert payment.status is (Status.PENDING if len(asked) <= 6 else Status.EXPIRED)
        payment = after_check(payment, is_over=False, is_answered=is_answered, now=payment.check_at)
    assert asked == [1, 2, 4, 8, 16, 31, *late]
    assert payment.status is Status.EXPIRED


@pytest.mark.parametrize("minutes", [1, 30, 31, DAY - 1])
def test_payment_that_has_expired_is_polled_after_a_day(minutes: int) -> None:
    """Also where the clock that polls is behind the one that saw its end."""
    expired = replace(STARS, invoice_id="i", status=Status.EXPIRED)
    assert after_check(expired, is_over=False, now=NOW + minutes * 60_000).check_at == NOW + DAY * 60_000


def test_payment_polled_late_ends_when_its_provider_says_so() -> None:
    open_late = replace(STARS, invoice_id="i", status=Status.EXPIRED, check_at=NOW + 86_400_000)
    payment = after_check(open_late, is_over=True, now=NOW + 86_400_000)
    assert (payment.status, payment.check_at) == (Status.EXPIRED, None)


def test_a_declined_payment_expires_at_once() -> None:
    payment = after_check(STARS, is_over=True, now=NOW + FIRST_CHECK_MS)
    assert (payment.status, payment.check_at) == (Status.EXPIRED, None)


@pytest.mark.parametrize("status", [Status.PAID, Status.REFUNDED, Status.EXPIRED])
def test_polling_changes_nothing_else(status: Status) -> None:
    payment = replace(STARS, status=status, check_at=None)
    assert after_check(payment, is_over=True, now=NOW + 10 * GRACE_MS) == payment


@pytest.mark.parametrize(
    ("payment", "shown"),
    [
        (STARS, "pending"),
        (paid(STARS), "paid"),
        (replace(STARS, status=Status.EXPIRED), "expired"),
        (replace(paid(STARS), status=Status.REFUNDED), "paid"),
        (replace(STARS, status=Status.REFUNDED), "expired"),
    ],
)
def test_a_payer_sees_three_states(payment: Payment, shown: str) -> None:
    assert shown_status(payment) == shown


# ---------------------------------------------------------------- any order of events


@dataclass
class World:
    """A user, one payment, and its charges and refunds."""

    user: User = field(default_factory=lambda: User(7))
    payments: dict[int, Payment] = field(default_factory=lambda: {CARD.id: CARD})
    marks: dict[str, int] = field(default_factory=dict)
    ledger: list[LedgerEntry] = field(default_factory=list)
    takes: dict[str, int] = field(default_factory=dict)

    def book(self, change: BalanceChange) -> None:
        assert change.before == self.user
        for entry in change.entries:
            assert entry.previous_id == self.user.last_entry_id
            assert entry.cause not in {other.cause for other in self.ledger}  # I5
            self.ledger.append(entry)
            self.user = replace(self.user, balance=entry.balance_after, last_entry_id=entry.id)
        self.user = replace(self.user, debt=change.debt)

    def told(self, charge: Charge) -> None:
        while True:
            known = charge.id in self.marks
            payment = self.payments.get(self.marks.get(charge.id, charge.payment_id))
            done = settled(payment, charge, self.user, is_known=known, new_id=1000 + len(self.payments), now=NOW)
            if done is None:
                return
            self.payments[done.payment.id] = done.payment
            self.marks.setdefault(charge.id, done.payment.id)
            if done.change is not None:
                self.book(done.change)

    def take(self, price: int) -> None:
        if self.user.balance >= price:
            order = f"order{len(self.ledger)}"
            self.book(debit_for_take(self.user, order_id=order, price=price, entry_id=1, now=NOW))
            self.takes[order] = price

    def refund(self) -> None:
        if self.takes:
            order, price = self.takes.popitem()
            self.book(refund_of_take(self.user, order_id=order, price=price, entry_id=1, now=NOW))

    def asked(self, minutes: int, is_over: bool) -> None:
        payment = self.payments[CARD.id]
        self.payments[CARD.id] = after_check(payment, is_over=is_over, now=NOW + minutes * 60_000)


# The states of a provider's charges, in kopecks refunded; each may be reported at any later moment.
HISTORIES = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.integers(0, 10_000), min_size=1, max_size=3).map(sorted), min_size=1
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("told"), st.sampled_from("abc"), st.integers(0, 2)),
        st.tuples(st.just("forged"), st.sampled_from("abc"), st.integers(1, 20_000)),
        st.tuples(st.just("takes"), st.integers(1, 120), st.just(0)),
        st.tuples(st.just("refunds"), st.just(0), st.just(0)),
        st.tuples(st.just("asked"), st.integers(0, 100), st.integers(0, 1)),
    ),
    max_size=30,
)


@given(HISTORIES, EVENTS)
def test_events_in_any_order_and_number_keep_the_books(
    histories: dict[str, list[int]], events: Sequence[tuple[str, str | int, int]]
) -> None:
    """I1, I2, I3, I5, I8, I27, F24: twice, reordered, late, wrong, refunded in between."""
    world = World()

    def hold() -> None:
        assert world.user.balance == sum(entry.amount for entry in world.ledger) >= 0
        repaid = -sum(entry.amount for entry in world.ledger if entry.type == "debt_repayment")
        assert world.user.debt == sum(payment.debt for payment in world.payments.values()) - repaid >= 0
        assert 0 in (world.user.balance, world.user.debt)
        credited = [entry for entry in world.ledger if entry.amount > 0]
        assert len({entry.cause for entry in credited}) == len(credited)
        for payment in world.payments.values():
            assert 0 <= payment.taken_back <= payment.refunded <= payment.amount
            assert (payment.paid_at is not None) == any(
                entry.cause == f"PAYMENT#yookassa#{payment.charge_id}" for entry in world.ledger
            )

    for what, which, number in events:
        match what:
            case "told" if which in histories:
                states = histories[str(which)]
                world.told(charge(CARD, str(which), refunded=states[min(number, len(states) - 1)]))
            case "forged" if number != CARD.price:
                before = (world.user, dict(world.payments), list(world.ledger))
                with pytest.raises(ChargeRefused):
                    world.told(charge(CARD, str(which), price=number))
                assert before == (world.user, world.payments, world.ledger)
            case "takes":
                world.take(int(which))
            case "refunds":
                world.refund()
            case "asked":
                world.asked(int(which), bool(number))
        hold()
    # In the end the final state of each charge is reported.
    for name, states in histories.items():
        world.told(charge(CARD, name, refunded=states[-1]))
    hold()
    theirs = sum(CARD.amount - states[-1] // 100 for states in histories.values())
    assert world.user.balance + sum(world.takes.values()) - world.user.debt == theirs
    assert sorted(world.marks) == sorted(histories)
