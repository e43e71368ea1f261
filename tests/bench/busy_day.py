"""The metrics of busy days: `python -m tests.bench.busy_day live ORDERS` or `… audit ORDERS DAYS`.

`live` computes one day on request, over botocore's real parser and DynamoDB in memory, whose time is in it. `audit`
sorts so many days and computes their figures, as the nightly audit does beside its books (`audited.py`). Each prints
processor time and the most memory of the process.
"""

import random
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, timedelta

import pytest

import tests.conftest  # noqa: F401 - the functions' environment, before anything of ours is imported
from shared.domain.cities import names
from shared.domain.days import begins_at
from shared.domain.durations import DAY_MS, HOUR_MS
from shared.domain.order import CATEGORIES, Order, Status, Take
from shared.domain.stats import MoneyOfDays
from shared.store import books, keys, orders, stats, table
from shared.store.attributes import item_to_dynamodb
from shared.store.table import Item
from tests.bench.cases import service
from tests.bench.meter import Cost

DAY = date(2026, 9, 10)
# Two orders a client a day at most, and a fifth of the cities have half of the orders.
PEOPLE_PER_ORDER = 0.6
TAKES = (0, 1, 1, 2, 3)


def items(number: int, days: int) -> Iterator[Item]:
    """Yield the items of so many orders on each of the days that end with DAY. Half of the executors are always new."""
    dice = random.Random(1)
    people = range(1, int(number * PEOPLE_PER_ORDER) + 10)
    for person in people:
        first = begins_at(DAY) - dice.randrange(100) * DAY_MS
        yield {**keys.user(person), "first_order_at": first, "first_taken_order_at": first}
    for age in range(days):
        start = begins_at(DAY - timedelta(days=age))
        for place in range(number):
            order = _order(dice, people, f"{age:03d}{place:09d}", start + dice.randrange(DAY_MS - 2 * HOUR_MS))
            yield {
                **orders._item(order),
                "takes": {str(each.executor_id): asdict(each) for each in order.takes.values()},
            }
            yield {**keys.told(order.id), "told": dice.randrange(100), "ttl": 1}


def _order(dice: random.Random, people: range, order_id: str, at: int) -> Order:
    executors = dice.sample(people, dice.choice(TAKES))
    takes = {
        executor: Take(executor, taken_at=at + dice.randrange(HOUR_MS), price=2, executor_count=place)
        for place, executor in enumerate(executors, start=1)
    }
    cities = names()
    return Order(
        id=order_id,
        client_id=dice.choice(people),
        category=dice.choice(CATEGORIES),
        city=cities[dice.randrange(20 if dice.random() < 0.5 else len(cities))],
        description="Прорвало трубу на кухне под раковиной, вода на полу, кран на стояке не закрывается.",
        contact="@pipe",
        contact_key="0" * 64,
        created_at=at,
        expires_at=at + HOUR_MS,
        status=Status.COMPLETED if takes else Status.EXPIRED,
        responded_at=at + HOUR_MS if takes else None,
        takes=takes,
        ended_at=at + HOUR_MS,
    )


def live(number: int) -> tuple[Cost, float, int]:
    """Return the cost of a day of so many orders on request, its processor time in seconds, and its cells."""
    now = begins_at(DAY) + DAY_MS - 1
    with service(now) as made:
        made.table.fill(item_to_dynamodb(item) for item in items(number, 1))
        began = time.process_time()
        cells = stats.live(DAY, now)
        return Cost.of(made.table.calls), time.process_time() - began, len(cells)


def audited(of: Iterable[Item], now: int) -> int:
    """Sort the items, compute and save the metrics of each day; return the number of items that are put."""
    put = 0

    def put_if(item: Item, **_: object) -> bool:
        nonlocal put
        item_to_dynamodb(item)
        put += 1
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "put_if", put_if)
        with books.sort(of) as read:
            money = MoneyOfDays(read.metrics.saved(), now)
            for _ in money.watch(read).orders:
                pass
            read.metrics.save(money, set(), now, has_time=lambda: True)
    return put


def main() -> None:
    """Print the figures."""
    what, number = sys.argv[1], int(sys.argv[2])
    if what == "live":
        cost, seconds, cells = live(number)
        print(f"{cost}, {cells} cells")
    else:
        days = int(sys.argv[3])
        began = time.process_time()
        for _ in items(number, days):
            pass
        made = time.process_time() - began
        began = time.process_time()
        put = audited(items(number, days), begins_at(DAY) + DAY_MS + 5 * HOUR_MS)
        seconds = time.process_time() - began - made
        print(f"{number * days} orders, {put} items put")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{seconds:.1f} s of processor time, at most {memory} MB in all")


if __name__ == "__main__":
    main()
