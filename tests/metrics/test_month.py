"""The stored metrics equal the plain reference, every night of a month with TTL, over random histories of the API."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from functions.notifications import find_audience
from functions.scheduled import audit
from shared.domain.days import begins_at, day_at
from shared.domain.durations import DAY_MS, HOUR_MS, MINUTE_MS
from shared.domain.messages import NewOrder
from shared.domain.stats import Figures, bucket_of
from shared.store import keys, stats, table
from shared.store.attributes import item_to_dynamodb
from tests.api import Context
from tests.conftest import OPERATOR, TABLE
from tests.in_process import Api
from tests.metrics.reference import Reference

CITIES = ("Москва", "Казань")
CATEGORIES = ("Сантехника", "Электрика")
EXECUTORS = range(10, 16)
_NIGHT_MS = 4 * HOUR_MS + 30 * MINUTE_MS


class Month:
    """A random month of a marketplace. `archive` has every item in its last state, also after TTL removed it."""

    def __init__(self, service: Api, seed: int) -> None:
        self.service = service
        self.dice = random.Random(seed)
        self.archive: dict[tuple[str, str], dict[str, Any]] = {}
        self.orders: list[str] = []
        self.final: dict[date, dict[Any, dict[str, Any]]] = {}

    def day(self) -> None:
        """Let a day pass until the night, with some orders, a late refund, the sweep, TTL and the audit."""
        service, dice = self.service, self.dice
        today = day_at(service.now)
        moments = sorted(begins_at(today) + dice.randrange(_NIGHT_MS, DAY_MS - 2 * HOUR_MS) for _ in range(2))
        moments.append(begins_at(today) + DAY_MS - dice.randrange(90 * MINUTE_MS))  # taken after midnight, at times
        for moment in moments:
            service.now = max(service.now, moment)
            self.order()
        if self.orders and dice.random() < 0.5:
            self.refund(dice.choice(self.orders))
        service.now = max(service.now, begins_at(today + timedelta(days=1)) + HOUR_MS)
        service.sweep()
        service.now = begins_at(today + timedelta(days=1)) + _NIGHT_MS
        self.remove_expired()
        assert audit.handler({}, Context()) == []

    def order(self) -> None:
        """Post an order, and let executors and its client do something with it."""
        service, dice = self.service, self.dice
        client = dice.randrange(1, 7)
        order = service.order(
            client,
            contact=f"@contact_{len(self.orders)}",
            city=dice.choice(CITIES),
            category=dice.choice(CATEGORIES),
        )["id"]
        self.orders.append(order)
        find_audience.find_audience(NewOrder(order, (0, 0), service.now), Context())
        service.later(minutes=dice.randrange(1, 20), ms=dice.randrange(60_000))
        for executor in dice.sample(EXECUTORS, dice.choice((0, 0, 1, 2, 3))):
            answer = service.call("POST /api/orders/{id}/take", user=executor, id=order)
            if answer.status == 402:
                service.recharge(executor, dice.randrange(2, 30))
            service.later(ms=dice.randrange(200_000))
        ends = ("respond", "close", "complete", None)
        for end in dice.sample(ends, 2):
            if end is not None:
                service.call(f"POST /api/orders/{{id}}/{end}", user=client, id=order)
            service.later(minutes=dice.randrange(5))
        if dice.random() < 0.2:
            service.call("DELETE /api/orders/{id}", user=client, id=order)
        review = {"order_id": order, "rating": dice.randrange(1, 6)}
        service.call("POST /api/reviews/client", user=client, body=review)
        complaint = {"order_id": order, "complaint": "Не отвечал"}
        service.call("POST /api/reviews/executor", user=dice.choice(EXECUTORS), body=complaint)

    def refund(self, order: str) -> None:
        """Let an operator refund a take, also of an order of weeks ago."""
        body = {"executor_id": self.dice.choice(EXECUTORS), "reason": "ошибка"}
        self.service.call("POST /api/admin/orders/{id}/refund", user=OPERATOR, id=order, body=body)

    def remove_expired(self) -> None:
        """Keep the state of every item, then remove what TTL would."""
        for item in table.scan():
            self.archive[item["pk"], item["sk"]] = item
            if item.get("ttl", self.service.now) <= self.service.now // 1000:
                key = item_to_dynamodb({"pk": item["pk"], "sk": item["sk"]})
                table.client().transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": key}}])

    def check(self, ages: Iterable[int]) -> None:
        """Compare the days of these ages with the reference over all that ever was. A final day stays as it was."""
        now = self.service.now
        reference = Reference(self.archive.values(), now)
        for age in ages:
            day = day_at(now) - timedelta(days=age)
            found = self.final.get(day)
            if found is None:
                found = {cell: told_apart(reference.figures(day, cell)) for cell in reference.cells(day)}
            if age > 28:
                self.final[day] = found
            for cell, expected in found.items():
                stored = stats.saved([day], *cell)[day]
                assert stored is not None
                assert stored.listening == reference.listening(cell)  # nobody's settings change in this month
                money = reference.money(day) if cell == (None, None) else {}
                assert (day, cell, compared(stored)) == (day, cell, {**ZERO, **expected, **money})


ZERO = {"topped_up": Counter(), "debts": 0}


def told_apart(figures: dict[str, Any]) -> dict[str, Any]:
    """The reference's figures with durations by bucket."""
    return {
        **figures,
        "first_take": Counter(map(bucket_of, figures["first_take"])),
        "respond": Counter(map(bucket_of, figures["respond"])),
    }


def compared(figures: Figures) -> dict[str, Any]:
    """Every figure but those of subscriptions."""
    return {name: getattr(figures, name) for name in Figures.__slots__ if name != "listening"}


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.proof), pytest.param(2, marks=pytest.mark.proof)]
)
def test_every_night_equals_the_reference(service: Api, seed: int) -> None:
    """33 days: the first ones become final while later refunds and returns still come, and TTL removes their orders."""
    service.now = begins_at(date(2026, 9, 1)) + 5 * HOUR_MS
    month = Month(service, seed)
    for executor in EXECUTORS:
        service.recharge(executor, 10)
        body = {"categories": ["Сантехника"] if executor % 2 else [], "cities": ["Казань"] if executor % 3 else []}
        assert service.call("PUT /api/users/me/preferences", user=executor, body=body).status == 200
        enabled = {"enabled": True}
        assert service.call("PUT /api/users/me/notification-settings", user=executor, body=enabled).status == 200
    for _ in range(33):
        month.day()
        month.check({1, month.dice.randrange(2, 29), 29, 30})
    month.check(range(1, 34))
    assert table.get(keys.order(month.orders[0])) is None
