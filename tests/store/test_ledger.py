"""The ledger in the table: what an entry holds, where it is listed, and that a cause is written once."""

from dataclasses import replace

import pytest

from shared.domain.init_data import TelegramUser
from shared.domain.money import BalanceChange, EntryType, LedgerEntry
from shared.domain.user import User
from shared.store import keys, ledger, table
from tests.fakes.wire import Wire

CALLER = TelegramUser(7, "Анна", "К.", "anna")
FIRST = LedgerEntry(
    id=500,
    previous_id=0,
    user_id=7,
    type="refund",
    cause="REFUND#a",
    amount=9,
    balance_after=9,
    created_at=123,
    order_id="a",
    payment_method="yookassa",
)
SECOND = replace(FIRST, id=501, previous_id=500, type="debt_repayment", cause="REPAYMENT#REFUND#a", amount=-4)
SECOND = replace(SECOND, balance_after=5, order_id=None, payment_method=None)


def credit(*entries: LedgerEntry, before: User | None = None, debt: int = 0) -> None:
    ledger.credit(BalanceChange(before or User(7), entries, debt), CALLER)


def test_entry_is_stored_under_its_cause_and_listed(wire: Wire) -> None:
    credit(FIRST)
    assert table.get(keys.ledger_entry(7, "REFUND#a")) == {
        "pk": "USER#7",
        "sk": "LEDGER#REFUND#a",
        "id": 500,
        "previous_id": 0,
        "user_id": 7,
        "type": "refund",
        "cause": "REFUND#a",
        "amount": 9,
        "balance_after": 9,
        "created_at": 123,
        "order_id": "a",
        "payment_method": "yookassa",
        "timeline_pk": "LEDGER_OF#7",
        "timeline_sk": "0000000000000500",
    }


def test_entry_has_further_attributes_that_are_named(wire: Wire) -> None:
    table.transact([ledger.entry_write(FIRST, beside={"list1_pk": "TAKEN#7", "list_sk": "1#a"})])
    [entry] = table.query(keys.LIST1, "TAKEN#7")
    assert ledger.load([entry]) == [FIRST]


@pytest.mark.parametrize(
    ("type", "amount", "is_listed"),
    [("recharge", 1, True), ("recharge", 0, False), ("recharge", -3, False), ("refund", 3, False)],
)
def test_top_up_is_listed_under_its_day(wire: Wire, type: EntryType, amount: int, is_listed: bool) -> None:
    """A reversal is a recharge as well, with a negative amount."""
    table.transact([ledger.entry_write(replace(FIRST, type=type, amount=amount))])
    entries = table.query(keys.LIST1, "TOPPED_UP#1970-01-01")
    assert [entry["list_sk"] for entry in entries] == (["0000000000000500"] if is_listed else [])


def test_credit_writes_every_entry_and_the_balance(wire: Wire) -> None:
    """Also the name that Telegram reported: the caller acts."""
    credit(FIRST, SECOND, debt=1)
    user, entry = ledger.read(7, "REFUND#a")
    assert entry == FIRST
    assert ledger.read(7, "REPAYMENT#REFUND#a") == (user, SECOND)
    assert (user.balance, user.debt, user.last_entry_id, user.username) == (5, 1, 501, "anna")


def test_read_of_a_new_user_and_an_unknown_cause(wire: Wire) -> None:
    assert ledger.read(7, "REFUND#a") == (User(7), None)
    credit(FIRST)
    user, entry = ledger.read(7, "REFUND#b")
    assert (user.balance, entry) == (9, None)


def test_money_is_read_consistently(wire: Wire) -> None:
    """P5."""
    ledger.read(7, "REFUND#a")
    [request] = wire.attempts("BatchGetItem")
    assert [each["ConsistentRead"] for each in request["RequestItems"].values()] == [True]


def test_cause_is_written_once(wire: Wire) -> None:
    """I5: even by a change that continues the last entry."""
    credit(FIRST)
    before = dict(wire.database.items)
    again = replace(FIRST, id=502, previous_id=500, balance_after=18)
    with pytest.raises(table.WriteConflict):
        credit(again, before=User(7, balance=9, last_entry_id=500))
    assert dict(wire.database.items) == before


def test_page_is_newest_first_from_an_entry_on(wire: Wire) -> None:
    entries = [replace(FIRST, id=id, cause=f"REFUND#{id}") for id in (500, 501, 502)]
    table.transact([ledger.entry_write(entry) for entry in entries])
    wire.sent.clear()
    assert ledger.page(7, limit=2, before=None) == entries[:0:-1]
    assert ledger.page(7, limit=9, before=502) == entries[1::-1]
    assert ledger.page(7, limit=9, before=500) == []
    assert ledger.page(8, limit=9, before=None) == []
    # Entries never change, so the cheaper read is enough.
    reads = [each for request in wire.attempts("BatchGetItem") for each in request["RequestItems"].values()]
    assert [each["ConsistentRead"] for each in reads] == [False, False]


def test_load_leaves_out_what_is_not_there(wire: Wire) -> None:
    """An index may lag behind a removal."""
    credit(FIRST)
    assert ledger.load([dict(keys.ledger_entry(7, "REFUND#x")), dict(keys.ledger_entry(7, "REFUND#a"))]) == [FIRST]
