"""Payments in the table: what is stored, which writes are refused, and which payments are polled."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token
from shared.domain.money import BalanceChange, LedgerEntry
from shared.domain.payment import Charge, Currency, Payment, Provider, Settlement, Status
from shared.domain.user import User
from shared.store import keys, payments, table, users
from tests.fakes.wire import Wire
from tests.in_process import START

PAYER = TelegramUser(7, "Анна", "К.", "anna")
TOKEN = Token("invoices", full_by=START, after=START + 9)
PENDING = Payment(
    id=5,
    user_id=7,
    provider=Provider.YOOKASSA,
    amount=3,
    price=300,
    currency=Currency.RUB,
    created_at=START,
    expires_at=START + 1000,
    check_at=START + 60,
)
PAID = replace(PENDING, status=Status.PAID, check_at=None, charge_id="c", paid_at=START + 2)
CREDIT = LedgerEntry(600, 0, 7, "recharge", "PAYMENT#yookassa#c", 3, 3, START, payment_method="yookassa")
CHARGE = Charge(Provider.YOOKASSA, "c", payment_id=5, user_id=7, price=300, currency="RUB")


def create(payment: Payment = PENDING, token: Token = TOKEN, contact: str | None = None) -> None:
    payments.create(payment, PAYER, token, receipt_contact=contact)


def settle(settlement: Settlement, before: Payment = PENDING, charge: Charge = CHARGE) -> None:
    payments.settle(charge, before, settlement)


def paid(before: User | None = None) -> Settlement:
    return Settlement(PAID, BalanceChange(before or User(7), (CREDIT,), 0))


def item(payment_id: int = 5) -> dict[str, Any]:
    found = table.get(keys.payment(payment_id))
    assert found is not None
    return found


def refused(wire: Wire) -> Any:
    """A context whose write must be refused and must change nothing."""

    class Refused:
        def __enter__(self) -> None:
            self.before = dict(wire.database.items)

        def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
            assert kind is table.WriteConflict
            assert dict(wire.database.items) == self.before
            return True

    return Refused()


def test_payment_is_stored_with_these_attributes(wire: Wire) -> None:
    """TTL counts seconds. It removes a payment thirty days after it was created."""
    create(replace(PENDING, invoice_id="i"))
    assert item() == {
        "pk": "PAYMENT#5",
        "sk": "PAYMENT",
        "user_id": 7,
        "provider": "yookassa",
        "amount": 3,
        "price": 300,
        "currency": "RUB",
        "created_at": START,
        "expires_at": START + 1000,
        "status": "pending",
        "invoice_id": "i",
        "charge_id": None,
        "paid_at": None,
        "refunded": 0,
        "taken_back": 0,
        "timeline_pk": "PAYMENTS_OF#7",
        "timeline_sk": "0000000000000005",
        "due_pk": "DUE_PAYMENTS",
        "due_at": START + 60,
        "ttl": START // 1000 + 30 * 24 * 60 * 60,
    }


@pytest.mark.parametrize(
    "payment",
    [
        PENDING,
        replace(PENDING, provider=Provider.CRYPTO_PAY, invoice_id="i", status=Status.EXPIRED, check_at=None),
        replace(PAID, provider=Provider.TELEGRAM_STARS, currency=Currency.XTR, price=2),
        replace(PAID, status=Status.REFUNDED, refunded=3, taken_back=1),
    ],
    ids=lambda payment: payment.status,
)
def test_payment_is_read_as_it_was_written(wire: Wire, payment: Payment) -> None:
    create(payment)
    assert payments.get(5) == payment
    assert ("ttl" in item()) is (payment.charge_id is None)
    assert ("due_at" in item()) is (payment.check_at is not None)
    assert payments.get_with_payer(5, 7) == (payment, users.get(7))
    assert payments.of_user(7, limit=1) == [payment]


def test_payments_of_a_user_are_the_newest_that_are_there(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators read them, so the cheaper read is enough."""
    for place, id in enumerate((5, 4, 6)):
        create(replace(PENDING, id=id), Token("invoices", full_by=START + place, after=START + place + 1))
    wire.sent.clear()
    assert [payment.id for payment in payments.of_user(7, limit=2)] == [6, 5]
    [request] = wire.attempts("BatchGetItem")
    assert [each["ConsistentRead"] for each in request["RequestItems"].values()] == [False]
    monkeypatch.setattr(table, "query", lambda *_, **__: [keys.payment(5), keys.payment(9)])
    assert [payment.id for payment in payments.of_user(7, limit=2)] == [5]


def test_unknown_payment_is_none(wire: Wire) -> None:
    assert payments.get(5) is None
    assert payments.get_with_payer(5, 7) == (None, User(7))
    assert payments.of_user(7, limit=1) == []
    assert payments.read_for_charge(CHARGE) == (None, User(7), False)


def test_new_payment_takes_a_token_of_its_payer(wire: Wire) -> None:
    create(contact="anna@example.ru")
    payer = users.get(7)
    assert payer.full_at == {"invoices": START + 9}
    assert (payer.username, payer.receipt_contact) == ("anna", "anna@example.ru")
    with refused(wire):  # the bucket is not as full any more
        create(replace(PENDING, id=6))
    with refused(wire):  # the id is in use
        create(replace(PENDING, amount=4), Token("invoices", full_by=START + 9, after=START + 18))


def test_refused_payment_expires_and_gives_tokens_back(wire: Wire) -> None:
    create()
    payments.refuse(PENDING, [TOKEN.given_back(), Token("refusals", full_by=START, after=START + 1)])
    assert payments.get(5) == replace(PENDING, status=Status.EXPIRED, check_at=None)
    assert "due_pk" not in item()
    assert users.get(7).full_at == {"invoices": START, "refusals": START + 1}


@pytest.mark.parametrize("stale", [replace(PENDING, status=Status.EXPIRED), replace(PENDING, refunded=1)], ids=str)
def test_payment_that_changed_since_is_not_refused(wire: Wire, stale: Payment) -> None:
    create()
    with refused(wire):
        payments.refuse(stale, [TOKEN.given_back()])
    with refused(wire):
        settle(paid(), before=stale)
    with refused(wire):
        payments.checked(stale, replace(PENDING, check_at=START + 120))


def test_refusal_needs_the_payer_and_their_bucket(wire: Wire) -> None:
    create()
    with refused(wire):
        payments.refuse(PENDING, [Token("invoices", full_by=START + 8, after=START)])
    table.transact([table.delete_write(keys.user(7), condition=None)])
    with refused(wire):  # erased since
        payments.refuse(PENDING, [TOKEN.given_back()])


def test_invoice_is_stored_of_a_known_payment_only(wire: Wire) -> None:
    create()
    payments.set_invoice(5, "i")
    assert payments.get(5) == replace(PENDING, invoice_id="i")
    with refused(wire):
        payments.set_invoice(6, "i")


# ---------------------------------------------------------------- charges


def test_settled_payment_is_credited_marked_and_kept(wire: Wire) -> None:
    """It is neither polled nor removed by TTL."""
    create()
    settle(paid())
    assert payments.get(5) == PAID
    assert not {"ttl", "due_pk", "due_at"} & item().keys()
    user = users.get(7)
    wire.sent.clear()
    assert payments.read_for_charge(CHARGE) == (PAID, user, True)
    assert wire.counts() == {"BatchGetItem": 1}
    assert table.get(keys.charge("yookassa", "c")) == {"pk": "CHARGE#yookassa#c", "sk": "CHARGE", "payment_id": 5}
    assert table.get(keys.ledger_entry(7, CREDIT.cause)) is not None
    assert (users.get(7).balance, users.get(7).last_entry_id) == (3, 600)


def test_charge_is_settled_once(wire: Wire) -> None:
    """I5: the mark of a charge is put once, whatever payment it would settle."""
    create()
    settle(Settlement(PAID))
    with refused(wire):
        settle(Settlement(replace(PAID, id=6), is_new=True))
    create(replace(PENDING, id=6), Token("invoices", full_by=START + 9, after=START + 18))
    with refused(wire):
        settle(Settlement(replace(PAID, id=6)), before=replace(PENDING, id=6))


def test_second_charge_becomes_a_payment_of_its_own(wire: Wire) -> None:
    create()
    settle(Settlement(PAID))
    second = replace(PAID, id=6, charge_id="d")
    other = replace(CHARGE, id="d")
    settle(Settlement(second, is_new=True), before=PAID, charge=other)
    assert [payments.get(5), payments.get(6)] == [PAID, second]
    # The charge still names the first payment, and its mark names its own.
    assert payments.read_for_charge(other) == (second, users.get(7), True)
    with refused(wire):  # the id is in use
        settle(Settlement(second, is_new=True), before=PAID, charge=replace(CHARGE, id="e"))


def test_refund_changes_a_settled_payment(wire: Wire) -> None:
    create()
    settle(paid())
    back = LedgerEntry(601, 600, 7, "recharge", "REVERSAL#yookassa#c#2", -2, 1, START)
    before = users.get(7)
    after = replace(PAID, status=Status.REFUNDED, refunded=2, taken_back=2)
    settle(Settlement(after, BalanceChange(before, (back,), 0)), before=PAID)
    assert payments.get(5) == after
    assert users.get(7).balance == 1
    with refused(wire):  # the same once more
        settle(Settlement(after, BalanceChange(before, (back,), 0)), before=PAID)


def test_money_is_read_consistently(wire: Wire) -> None:
    """P5."""
    create()
    wire.sent.clear()
    payments.get(5)
    payments.get_with_payer(5, 7)
    payments.read_for_charge(CHARGE)
    payments.due(START + 60)
    reads = [request for name, request in wire.sent if name == "GetItem"]
    reads += [each for request in wire.attempts("BatchGetItem") for each in request["RequestItems"].values()]
    assert [read["ConsistentRead"] for read in reads] == [True] * 4


# ---------------------------------------------------------------- polls


def test_due_payments_come_longest_due_first(wire: Wire) -> None:
    for place, (id, check_at) in enumerate({1: 5, 2: 3, 3: 6, 4: 4}.items()):
        token = Token("invoices", full_by=START + place, after=START + place + 1)
        create(replace(PENDING, id=id, check_at=START + check_at), token)
    assert [payment.id for payment in payments.due(START + 5)] == [2, 4, 1]
    assert payments.due(START + 2) == []


def test_payment_settled_since_the_index_was_read_is_not_due(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index lags behind: the item itself says whether it is polled, and whether it is there."""
    create()
    stale = table.query(keys.DUE, keys.DUE_PAYMENTS)
    create(replace(PENDING, id=6), Token("invoices", full_by=START + 9, after=START + 18))
    stale += [
        {**keys.payment(8), keys.DUE.sk: START},
        *table.query(keys.DUE, keys.DUE_PAYMENTS, newest_first=False)[1:],
    ]
    settle(paid())
    monkeypatch.setattr(table, "query", lambda *_, **__: stale)
    assert [payment.id for payment in payments.due(START + 60)] == [6]


def test_poll_without_money_stores_the_next_poll_or_the_end(wire: Wire) -> None:
    create()
    later = replace(PENDING, check_at=START + 120)
    payments.checked(PENDING, later)
    assert payments.get(5) == later
    expired = replace(PENDING, status=Status.EXPIRED, check_at=START + 180)
    payments.checked(later, expired)
    assert payments.get(5) == expired
    over = replace(expired, check_at=None)
    payments.checked(expired, over)
    assert payments.get(5) == over
    assert "due_pk" not in item()


def test_cursor_is_kept_for_each_provider(wire: Wire) -> None:
    assert payments.get_cursor(Provider.TELEGRAM_STARS) == 0
    for position in (100, 103):
        payments.set_cursor(Provider.TELEGRAM_STARS, position)
    assert payments.get_cursor(Provider.TELEGRAM_STARS) == 103
    assert payments.get_cursor(Provider.YOOKASSA) == 0
