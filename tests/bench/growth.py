"""(f) Measure the cost of a request as the table grows: 10², 10⁴, 10⁵ active orders of one client.

The table is DynamoDB in memory. `meter.py` computes its units. Times are not measured: they would mean nothing here.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from functions.scheduled import sweep
from shared.domain.money import LedgerEntry, recharge_cause
from shared.domain.order import CATEGORIES, Order, Take
from shared.store import feeds, ledger, orders
from shared.store.attributes import item_to_dynamodb
from tests import api
from tests.bench.calls import NOW
from tests.bench.cases import CLIENT, EXECUTOR, Service, service
from tests.bench.meter import Cost

CITIES = ("Москва", "Казань", "Пермь", "Уфа", "Тула", "Омск", "Томск", "Псков", "Рязань", "Самара")
SIZES = (100, 10_000, 100_000)


def _order(number: int, now: int) -> Order:
    at = now - 1_000_000 + number * 1_000_000 // max(SIZES)
    return Order(
        id=f"{number:012d}",
        client_id=CLIENT,
        category=CATEGORIES[number % len(CATEGORIES)],
        city=CITIES[number % len(CITIES)],
        description="Прорвало трубу на кухне под раковиной, вода на полу, кран на стояке не закрывается.",
        contact=f"@pipe_{number}",
        contact_key=f"{number:064d}",
        created_at=at,
        expires_at=at + 3_600_000,
    )


def _entry(number: int, now: int) -> dict[str, Any]:
    entry = LedgerEntry(
        id=number + 1,
        previous_id=number,
        user_id=EXECUTOR,
        type="recharge",
        cause=recharge_cause(f"{number}"),
        amount=1,
        balance_after=number + 1,
        created_at=now,
        payment_method="telegram_stars",
    )
    put: dict[str, Any] = dict(ledger.entry_write(entry))["Put"]  # type: ignore[assignment]
    item: dict[str, Any] = put["Item"]
    return item


def _fill(made: Service, size: int) -> None:
    made.recharge(EXECUTOR, 100)
    items = [item_to_dynamodb(orders._item(_order(number, made.now))) for number in range(size)]
    items += [_entry(number, made.now) for number in range(size)]
    made.table.fill(items)


Act = Callable[[Service], Any]


def _ok(answer: api.Answer) -> None:
    assert answer.status == 200, answer.text


ACTS: dict[str, Act] = {
    "feed page, count known": lambda made: _ok(made.call("GET /api/orders")),
    "feed page of a city, count known": lambda made: _ok(made.call("GET /api/orders", query={"city": CITIES[0]})),
    "feed page, counted": lambda made: _ok(made.call("GET /api/orders")),
    "my orders": lambda made: _ok(made.call("GET /api/orders", user=CLIENT, query={"mine": True})),
    "ledger": lambda made: _ok(made.call("GET /api/balance/transactions", user=EXECUTOR)),
    "take": lambda made: _ok(made.call("POST /api/orders/{id}/take", user=EXECUTOR, id=f"{7:012d}")),
    "sweep, nothing due": lambda made: sweep.handler({}, api.Context()),
}


def measure(sizes: tuple[int, ...] = SIZES) -> dict[str, dict[int, Cost]]:
    """Return the cost by request, then by size of the table."""
    found: dict[str, dict[int, Cost]] = {name: {} for name in ACTS}
    for size in sizes:
        with service(NOW) as made:
            _fill(made, size)
            for name, act in ACTS.items():
                if name.endswith("count known"):
                    act(made)
                else:
                    feeds._totals.clear()
                made.table.calls.clear()
                act(made)
                found[name][size] = Cost.of(made.table.calls)
    return found


LATE = (0, 1, 100, 1_000, 10_000)
_LATE_ACTS: dict[str, tuple[bool, Act]] = {
    # Whether the hour still runs of the orders whose timer is late, and the request.
    "feed page, hours over": (False, ACTS["feed page, count known"]),
    "feed page, answer windows over": (True, ACTS["feed page, count known"]),
    "feed page, hours over, counted": (False, ACTS["feed page, counted"]),
    "page of expired orders, hours over": (
        False,
        lambda made: _ok(made.call("GET /api/orders", query={"status": "expired"})),
    ),
}


def measure_late(numbers: tuple[int, ...] = LATE) -> dict[str, dict[int, Cost]]:
    """Return the cost by request, then by the number of orders whose timer has not run, beside 100 active ones.

    The late orders are the newest, so a page would begin with them.
    """
    found: dict[str, dict[int, Cost]] = {name: {} for name in _LATE_ACTS}
    for number in numbers:
        for name, (hour_runs, act) in _LATE_ACTS.items():
            with service(NOW) as made:
                late = [_late_order(place, made.now, hour_runs=hour_runs) for place in range(100, 100 + number)]
                active = [replace(_order(place, made.now), expires_at=made.now + 60_000) for place in range(100)]
                made.table.fill(item_to_dynamodb(orders._item(order)) for order in [*active, *late])
                if "counted" not in name:
                    act(made)
                made.table.calls.clear()
                act(made)
                found[name][number] = Cost.of(made.table.calls)
    return found


def _late_order(number: int, now: int, *, hour_runs: bool) -> Order:
    if not hour_runs:
        return replace(_order(number, now), expires_at=now - 1 - number)
    take = Take(EXECUTOR, taken_at=now - 900_000, price=2, executor_count=1)
    return replace(_order(number, now), expires_at=now + 1_000_000, takes={EXECUTOR: take}, answer_due_at=now - 1)


FLAT = [name for name in ACTS if name not in ("feed page, counted", "my orders")]
"""Requests whose cost must not grow with the table. The others count a list, and a COUNT reads all its entries."""
