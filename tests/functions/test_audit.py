"""The audit finds each planted breach and nothing else."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from functions.scheduled import audit
from shared.commands.settle import settle
from shared.domain.audit import Books
from shared.observability import logger
from shared.store import books, keys, table
from shared.store.attributes import item_to_dynamodb
from tests.api import Context
from tests.conftest import TABLE
from tests.in_process import Api
from tests.payments.shops import asked_for_stars


def found() -> set[tuple[str, str]]:
    return {(breach["invariant"], breach["subject"]) for breach in audit.handler({}, Context())}


def spoil(key: keys.Key, expression: str, value: Any, **names: str) -> None:
    """Change an item directly, past the store, which no function does."""
    table.client().update_item(
        TableName=TABLE,
        Key=item_to_dynamodb(key),
        UpdateExpression=expression,
        ExpressionAttributeValues=item_to_dynamodb({":value": value}),
        ExpressionAttributeNames={"#sk": "sk", **{f"#{name}": real for name, real in names.items()}},
        ConditionExpression="attribute_exists(#sk)",
    )


def remove(key: keys.Key) -> None:
    table.client().transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": item_to_dynamodb(key)}}])


def rename(key: keys.Key, to: keys.Key) -> None:
    """Store the entry under another cause."""
    copy(key, to)
    spoil(to, "SET cause = :value", to["sk"].removeprefix("LEDGER#"))
    remove(key)


def copy(key: keys.Key, to: keys.Key) -> None:
    item = table.get(key)
    assert item is not None
    table.client().put_item(TableName=TABLE, Item=item_to_dynamodb({**item, **to}))


@pytest.fixture
def story(service: Api) -> dict[str, str]:
    """Orders in every state, by name; client 1, executors 2 to 5. Executor 5 owes 2 of 4 roubles that they spent."""
    for executor in (2, 3, 4):
        service.recharge(executor, 20)
    orders = {
        name: service.order(1, contact=f"@pipe_{name}")["id"]
        for name in ("active", "taken", "refunded", "completed", "deleted", "repaid", "owing")
    }
    for name in ("taken", "refunded", "completed"):
        for executor in (2, 3):
            assert service.call("POST /api/orders/{id}/take", user=executor, id=orders[name]).status == 200
    charge = asked_for_stars(5, 4, service.now)
    settle(charge)
    for name in ("repaid", "owing"):
        assert service.call("POST /api/orders/{id}/take", user=5, id=orders[name]).status == 200
    settle(replace(charge, refunded=4))
    for name in ("refunded", "repaid"):
        assert service.call("POST /api/orders/{id}/close", user=1, id=orders[name]).status == 204
    for name in ("completed", "owing"):
        assert service.call("POST /api/orders/{id}/complete", user=1, id=orders[name]).status == 200
    assert service.call("DELETE /api/orders/{id}", user=1, id=orders["deleted"]).status == 204
    review = {"order_id": orders["completed"], "rating": 4}
    assert service.call("POST /api/reviews/client", user=1, body=review).status == 200
    return orders


def test_correct_books_have_no_breach(story: dict[str, str], service: Api) -> None:
    assert found() == set()
    service.later(minutes=90)
    assert found() == set()  # a late timer is no breach
    service.sweep()
    assert found() == set()


PLANTED: dict[str, tuple[Callable[[dict[str, str]], None], set[tuple[str, str]]]] = {
    "money from nowhere": (
        lambda _: spoil(keys.user(4), "SET balance = :value", 21),
        {("I1", "user 4"), ("I3", "everybody")},
    ),
    "a negative balance": (
        lambda _: spoil(keys.user(4), "SET balance = :value", -1),
        {("I1", "user 4"), ("I2", "user 4"), ("I3", "everybody")},
    ),
    "an entry changed": (
        lambda orders: spoil(keys.ledger_entry(2, f"TAKE#{orders['taken']}"), "SET balance_after = :value", 7),
        {("I4", "user 2")},
    ),
    "an entry gone": (
        lambda orders: remove(keys.ledger_entry(3, f"TAKE#{orders['taken']}")),
        {("I1", "user 3"), ("I3", "everybody"), ("I4", "user 3"), ("I6", "take of order {taken} by user 3")},
    ),
    "the last entry gone": (
        lambda orders: remove(keys.ledger_entry(2, f"REFUND#{orders['refunded']}")),
        {("I1", "user 2"), ("I3", "everybody"), ("I4", "user 2"), ("I7", "take of order {refunded} by user 2")},
    ),
    "an entry under another cause": (
        lambda orders: copy(keys.ledger_entry(2, f"REFUND#{orders['refunded']}"), keys.ledger_entry(2, "REFUND#again")),
        {
            ("I1", "user 2"),
            ("I3", "everybody"),
            ("I4", "user 2"),
            ("I5", "user 2"),
            ("I7", "take of order {refunded} by user 2"),
        },
    ),
    "a take that nobody paid": (
        lambda orders: spoil(
            keys.order(orders["completed"]),
            "SET takes.#executor = :value",
            {"taken_at": 1, "price": 2, "executor_count": 3},
            executor="4",
        ),
        {("I6", "take of order {completed} by user 4")},
    ),
    "a take that cost less than it says": (
        lambda orders: spoil(keys.order(orders["completed"]), "SET takes.#executor.price = :value", 3, executor="2"),
        {("I6", "take of order {completed} by user 2")},
    ),
    "a debit without its take": (
        lambda orders: spoil(
            keys.order(orders["completed"]),
            "SET takes = :value",
            {"3": {"taken_at": 1, "price": 2, "executor_count": 1}},
        ),
        {("I6", "order {completed}")},
    ),
    "refunds of an order that was answered": (
        lambda orders: spoil(keys.order(orders["refunded"]), "SET responded_at = :value", 1),
        {("I7", "take of order {refunded} by user 2"), ("I7", "take of order {refunded} by user 3")},
    ),
    "refunds that are owed and not there": (
        lambda orders: spoil(
            keys.order(orders["completed"]), "SET #s = :value REMOVE responded_at", CLOSED, s="status"
        ),
        {("I7", "take of order {completed} by user 2"), ("I7", "take of order {completed} by user 3")},
    ),
    "an active order without its contact": (
        lambda orders: spoil(keys.order(orders["active"]), "SET contact_key = :value", "another"),
        {("I15", "order {active}")},
    ),
    "two active orders with one contact": (
        lambda orders: copy(keys.order(orders["active"]), keys.order("zzzzzzzzzzzz")),
        {("I15", "order {active}"), ("I15", "order zzzzzzzzzzzz"), ("active_orders", "user 1")},
    ),
    "an ended order that holds a contact": (
        lambda orders: copy(lock_of(orders["active"]), keys.contact_lock("left")),
        {("I15", "order {active}")},
    ),
    "a rating from nowhere": (
        lambda _: spoil(keys.user(2), "SET rating_sum = :value", 5),
        {("I21", "user 2")},
    ),
    "a debt from nowhere": (
        lambda _: spoil(keys.user(4), "SET debt = :value", 3),
        {("I3", "everybody"), ("I27", "user 4")},
    ),
    "a debt forgotten": (
        lambda _: spoil(keys.user(5), "SET last_entry_id = last_entry_id + :value REMOVE debt", 0),
        {("I3", "everybody"), ("I27", "user 5")},
    ),
    "a repayment of another credit": (
        lambda orders: rename(
            keys.ledger_entry(5, f"REPAYMENT#REFUND#{orders['repaid']}"), keys.ledger_entry(5, "REPAYMENT#REFUND#x")
        ),
        {("I27", "user 5")},
    ),
    "a repayment gone": (
        lambda orders: remove(keys.ledger_entry(5, f"REPAYMENT#REFUND#{orders['repaid']}")),
        {("I1", "user 5"), ("I4", "user 5"), ("I27", "user 5")},
    ),
    "a payment gone": (
        lambda _: remove(keys.payment(5)),
        {("I8", "user 5"), ("I27", "user 5")},
    ),
    "a refund that no provider made": (
        lambda _: spoil(keys.payment(5), "SET refunded = :value", 3),
        {("I3", "everybody"), ("I27", "user 5")},
    ),
    "an order counted twice": (
        lambda _: spoil(keys.user(1), "SET active_orders = :value", 3),
        {("active_orders", "user 1")},
    ),
}
CLOSED = "closed_no_response"


def lock_of(order_id: str) -> keys.Key:
    """The lock of an order's contact."""
    item = table.get(keys.order(order_id))
    assert item is not None
    return keys.contact_lock(item["contact_key"])


def test_each_planted_breach_is_found(story: dict[str, str]) -> None:
    """It is reported under its own name, and no correct item is reported."""
    right = list(table.scan())
    for name, (plant, expected) in PLANTED.items():
        plant(story)
        named = {(invariant, subject.format(**story)) for invariant, subject in expected}
        assert (name, found()) == (name, named)
        for item in list(table.scan()):
            remove({"pk": item["pk"], "sk": item["sk"]})
        for item in right:
            table.client().put_item(TableName=TABLE, Item=item_to_dynamodb(item))


def test_a_breach_seen_by_one_scan_only_is_not_reported(story: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A Scan is not a snapshot: an item that changes during it can look inconsistent once."""
    assert spoiled_in_each_scan(monkeypatch, 21, 20) == set()


@pytest.mark.parametrize("balances", [(22, 21, 23), (21, 21, 22)])
def test_three_different_differences_are_no_breach(
    story: dict[str, str], monkeypatch: pytest.MonkeyPatch, balances: tuple[int, ...]
) -> None:
    """A busy user may look inconsistent in each scan, each time by another amount."""
    assert spoiled_in_each_scan(monkeypatch, *balances) == set()


def test_the_same_difference_three_times_is_a_breach(story: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert spoiled_in_each_scan(monkeypatch, 21, 21, 21) == {("I1", "user 4"), ("I3", "everybody")}


def test_a_lasting_difference_is_found_while_totals_move(
    story: dict[str, str], service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consistent top-ups between the scans change the totals, and not what they differ by."""
    spoil(keys.user(4), "SET balance = :value", 21)
    before_each_scan(monkeypatch, *[lambda: service.recharge(2, 10)] * 3)
    assert found() == {("I1", "user 4"), ("I3", "everybody")}


def test_a_breach_of_an_active_user_is_found(
    story: dict[str, str], service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consistent changes of the same user between the scans move every figure, and none of the differences."""
    spoil(keys.user(2), "SET debt = :value", 1)
    for user_id, counter in ((2, "balance"), (2, "rating_sum"), (2, "rating_count"), (1, "active_orders")):
        spoil(keys.user(user_id), "SET #counter = #counter + :value", 1, counter=counter)
    names = iter("abcdef")

    def act() -> None:
        order = service.order(1, contact=f"@pipe_{next(names)}")["id"]
        assert service.call("POST /api/orders/{id}/take", user=2, id=order).status == 200
        more = service.order(1, contact=f"@more_{next(names)}")["id"]
        assert service.call("POST /api/orders/{id}/take", user=2, id=more).status == 200
        assert service.call("POST /api/orders/{id}/complete", user=1, id=more).status == 200
        assert service.call("POST /api/reviews/client", user=1, body={"order_id": more, "rating": 5}).status == 200

    before_each_scan(monkeypatch, act, act, act)
    report = {(breach["invariant"], breach["subject"]): breach["found"] for breach in audit.handler({}, Context())}
    assert report.pop(("I4", "user 2")).endswith("does not follow from the one before it")
    assert report == {
        ("I1", "user 2"): "the balance is off by +1 from the sum of the ledger",
        ("I21", "user 2"): "the sum of the ratings is off by +1 from the reviews, their number by +1",
        ("I27", "user 2"): "the debt is off by +1 from what is owed and not repaid",
        ("active_orders", "user 1"): "the counter is off by +1 from the active orders that are stored",
    }


def test_a_debt_beside_a_moving_balance_is_found(
    story: dict[str, str], service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(keys.user(4), "SET debt = :value", 3)

    def take() -> None:
        order = service.order(1, contact=f"@pipe_{len(service.call('GET /api/orders').json['orders'])}")["id"]
        assert service.call("POST /api/orders/{id}/take", user=4, id=order).status == 200

    before_each_scan(monkeypatch, take, take, take)
    report = [breach["found"] for breach in audit.handler({}, Context()) if breach["invariant"] == "I27"]
    assert report == ["a debt stands beside a balance", "the debt is off by +3 from what is owed and not repaid"]


def spoiled_in_each_scan(monkeypatch: pytest.MonkeyPatch, *balances: int) -> set[tuple[str, str]]:
    """What the audit finds if executor 4, who has 20 roubles, seems to have these in its scans."""

    def spoil_with(balance: int) -> Callable[[], object]:
        return lambda: spoil(keys.user(4), "SET balance = :value", balance)

    before_each_scan(monkeypatch, *map(spoil_with, balances))
    return found()


def before_each_scan(monkeypatch: pytest.MonkeyPatch, *changes: Callable[[], object]) -> None:
    """Make the next change of these before each scan begins. A scan for which none is left fails the test."""
    read, left = books.read, iter(changes)

    def change_then_read() -> AbstractContextManager[Books]:
        next(left)()
        return read()

    monkeypatch.setattr(books, "read", change_then_read)


def test_breaches_are_logged_and_counted(
    story: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(keys.user(4), "SET balance = :value", 21)
    lines = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", lines)
    capsys.readouterr()
    found()
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["invariant"] for line in logged if line["message"] == "breach"] == ["I1", "I3"]
    assert json.loads(capsys.readouterr().out)["Breaches"] == [2.0]


def test_thousands_of_breaches_fit_into_the_response(story: dict[str, str]) -> None:
    """Lambda takes a response of 6 MB: the first thousand breaches are listed, and the rest counted."""
    for user_id in range(1000, 2200):
        table.client().put_item(
            TableName=TABLE, Item=item_to_dynamodb({**keys.user(user_id), "rating_sum": 1, "rating_count": 0})
        )
    report = audit.handler({}, Context())
    assert len(report) == 1001
    assert {breach["invariant"] for breach in report[:1000]} == {"I21"}
    assert report[1000]["found"] == "200 more breaches are not listed"
    assert len(json.dumps(report)) < 1_000_000


def test_sorted_books_have_no_contact_and_no_name() -> None:
    """I28: the audit sorts the table in a file, which holds nothing that names a person."""
    person = {"first_name": "Ира", "last_name": "К.", "username": "ira_k", "receipt_contact": "ira@example.ru"}
    with books.sort([{**keys.user(7), **person, "balance": 3}]) as read:
        [account] = read.accounts
    user = account.user
    assert (user.id, user.balance) == (7, 3)
    assert (user.first_name, user.last_name, user.username, user.receipt_contact) == ("", "", None, None)
