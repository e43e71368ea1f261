"""G4: histories of the running service, with many concurrent callers over HTTP, are linearizable.

A first test shows that transactions of the database under it are atomic; otherwise the histories would prove nothing.
"""

import random
import threading
import time
from functools import partial
from typing import Any

import pytest

from tests.integration.service import Service, at_once
from tests.linearizability.checker import Operation, explanation
from tests.linearizability.marketplace import Call, Marketplace, Order, outcomes

# The operations and their weights.
ASKED = {
    "take": 40,
    "me": 14,
    "read": 12,
    "respond": 6,
    "close": 6,
    "complete": 3,
    "delete": 4,
    "update": 5,
    "create": 5,
    "recharge": 5,
}
CALLERS, EACH = 6, 8


class Round:
    """A few clients, executors, orders and contacts, and the history of their operations."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service, self.seed = service, seed
        self.clients = [service.user() for _ in range(2)]
        self.executors = [service.user() for _ in range(5)]
        self.contacts = [service.contact() for _ in range(3)]
        self.history: list[Operation[Call]] = []
        self.owners: dict[str, int] = {}
        for executor in self.executors:
            service.recharge(executor, 5)
        self.start = Marketplace(balances=tuple((executor, 5) for executor in self.executors))
        for client, contact in zip(self.clients, self.contacts, strict=False):
            order_id = service.order(client, contact)["id"]
            self.owners[order_id] = client
            self.start = self.start.with_order(order_id, Order(client, contact))
        self._lock = threading.Lock()

    def ask_at_random(self, caller: int) -> None:
        """Run one caller's operations and record them."""
        chance = random.Random(self.seed * CALLERS + caller)
        for _ in range(EACH):
            [what] = chance.choices(list(ASKED), list(ASKED.values()))
            with self._lock:
                order_id = chance.choice(sorted(self.owners))
            client = self.owners[order_id]
            if what == "create":
                self._ask(Call(what, chance.choice(self.clients), value=chance.choice(self.contacts)))
            elif what in ("take", "me", "recharge"):
                user = chance.choice(self.executors if what != "me" else [*self.executors, *self.clients])
                self._ask(Call(what, user, order_id, chance.randint(1, 3)))
            else:
                self._ask(Call(what, client, order_id, chance.choice(self.contacts)))

    def _ask(self, asked: Call) -> None:
        sent = time.monotonic_ns()
        status, told, order_id = self._answer(asked)
        answered = time.monotonic_ns() if status else None
        with self._lock:
            if asked.what == "create" and status == 201:
                self.owners[order_id] = asked.user
            result = Call(asked.what, asked.user, order_id, asked.value, status, told)
            self.history.append(Operation(result, sent, answered))

    def _answer(self, asked: Call) -> tuple[int, Any, str]:
        route, body = {
            "create": ("POST /api/orders", self.service.order_body(asked.value)),
            "me": ("GET /api/users/me", None),
            "recharge": ("POST /api/balance/recharge", {"amount": asked.value}),
            "read": ("GET /api/orders/{id}", None),
            "delete": ("DELETE /api/orders/{id}", None),
            "update": ("PUT /api/orders/{id}", {"contact": asked.value}),
        }.get(asked.what, (f"POST /api/orders/{{id}}/{asked.what}", None))
        answer = self.service.call(route, user=asked.user, id=asked.order_id or None, body=body)
        if answer.status >= 500:
            return 0, None, asked.order_id
        told: Any = None
        order_id = asked.order_id
        if asked.what == "create" and answer.status == 201:
            order_id = answer.json["id"]
        elif asked.what == "me":
            told = (answer.json["balance"], answer.json["active_orders"], answer.json["completed_orders"])
        elif asked.what == "recharge":
            told = answer.json["new_balance"]
        elif asked.what == "take" and answer.status == 200:
            told = (answer.json["contact"], answer.json["executor_count"], answer.json["new_balance"])
        elif asked.what == "read":
            executors = tuple(take["executor_id"] for take in answer.json["taken_by"])
            told = (answer.json["status"], executors, answer.json["customer_responded_at"] is not None)
        return answer.status, told, order_id


def test_the_database_is_atomic(service: Service) -> None:
    """Many threads move money between items of one table, and none of it is lost."""
    dynamodb, table = service.aws("dynamodb"), "linearizability"
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    purses = [f"purse {number}" for number in range(4)]
    for purse in purses:
        dynamodb.put_item(TableName=table, Item={"pk": {"S": purse}, "coins": {"N": "10"}})

    def change(purse: str, coins: int) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": table,
                "Key": {"pk": {"S": purse}},
                "UpdateExpression": "SET coins = coins + :coins",
                "ConditionExpression": "coins >= :least",
                "ExpressionAttributeValues": {":coins": {"N": str(coins)}, ":least": {"N": str(-coins)}},
            }
        }

    def move(seed: int) -> int:
        chance, client, moved = random.Random(seed), service.aws("dynamodb"), 0
        for _ in range(25):
            giver, receiver = chance.sample(purses, 2)
            coins = chance.randint(1, 6)
            try:
                client.transact_write_items(TransactItems=[change(giver, -coins), change(receiver, coins)])
                moved += 1
            except client.exceptions.TransactionCanceledException:
                continue
        return moved

    moved = sum(at_once([partial(move, seed) for seed in range(12)]))
    left = [int(item["coins"]["N"]) for item in dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]]
    assert (sum(left), min(left) >= 0) == (40, True)
    assert moved > 100


def play(service: Service, seed: int) -> int:
    """Play one round; return the number of operations in its history."""
    game = Round(service, seed)
    at_once([partial(game.ask_at_random, caller) for caller in range(CALLERS)])
    holds, told = explanation(game.history, game.start, outcomes)
    if not holds:
        story = "\n".join(
            f"{operation.sent} {operation.answered} {operation.call}"
            for operation in sorted(game.history, key=lambda operation: operation.sent)
        )
        raise AssertionError(f"seed {seed} cannot be explained beyond {len(told)} of its calls:\n{story}")
    return len(game.history)


def test_histories_are_linearizable(service: Service) -> None:
    """I6, I7, I9, I15, I16, I19: orders, contacts and balances together."""
    assert sum(play(service, seed) for seed in range(4)) == 4 * CALLERS * EACH


@pytest.mark.proof
def test_many_histories_are_linearizable(service: Service) -> None:
    """The same check for longer."""
    for seed in range(100, 160):
        play(service, seed)
