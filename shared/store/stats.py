"""The metrics of days: one item for each day and city, and one for each day in all. No item names a person.

The nightly audit computes them from its Scan (`Sorted`); a day that it has not computed yet is computed on request
(`live`). A cell is stored as JSON text, because it is read and written whole.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from shared import ids
from shared.domain import stats as rules
from shared.domain.days import begins_at, day_at
from shared.domain.durations import ceil_seconds
from shared.domain.order import Order
from shared.domain.stats import Activity, Cell, Figures, Posted, SavedDay
from shared.store import conditions, keys, orders, payments, table

_FIGURES = [each.name for each in fields(Figures)]
_COUNTERS = {"topped_up", "takes_from"}
_BY_NUMBER = {"first_take", "respond"}


# ---------------------------------------------------------------- items


def count_told(order: Order, told: int) -> None:
    """Store how many executors the order was offered to, unless it was offered to more before (idempotent).

    One PutItem; no call for nobody. Raises Unavailable.
    """
    if told:
        item = {**keys.told(order.id), "told": told, "ttl": ceil_seconds(order.created_at + orders.RETENTION_MS)}
        table.put_if(item, condition=conditions.MORE_TOLD, values={":told": told})


def _text(figures: Figures) -> str:
    found = {name: value for name in _FIGURES if (value := getattr(figures, name)) or name == "listening"}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _figures(text: str) -> Figures:
    found: dict[str, Any] = json.loads(text)
    for name in _COUNTERS & found.keys():
        found[name] = Counter(found[name])
    for name in _BY_NUMBER & found.keys():
        found[name] = Counter({int(bucket): count for bucket, count in found[name].items()})
    if "hours" in found:
        found["hours"] = {int(hour): counts for hour, counts in found["hours"].items()}
    return Figures(**found)


def _items(day: date, cells: Mapping[Cell, Figures], *, settled_until: int, is_final: bool) -> list[table.Item]:
    """Return the items of a day. The largest has eight cells of some 2 kB."""
    by_city: dict[str | None, dict[str, str]] = defaultdict(dict)
    for (city, category), figures in cells.items():
        by_city[city][category or keys.ANY] = _text(figures)
    return [
        {**keys.stats(day, city), "cells": texts, "is_final": is_final, "settled_until": settled_until}
        for city, texts in by_city.items()
    ]


def saved(days: Sequence[date], city: str | None, category: str | None) -> dict[date, Figures | None]:
    """Return the figures of a cell on each of the days that are stored; None where the day had no order of the cell.

    One BatchGetItem per hundred days, two with a city. Raises Unavailable.
    """
    of_day = table.get_many([keys.stats(day, None) for day in days], consistent=False)
    stored = [day for day, item in zip(days, of_day, strict=True) if item]
    items = [item for item in of_day if item]
    if city is None:
        found: list[table.Item | None] = list(items)
    else:
        found = table.get_many([keys.stats(day, city) for day in stored], consistent=False)
    texts = (item["cells"].get(category or keys.ANY) if item else None for item in found)
    return {day: _figures(text) if text else None for day, text in zip(stored, texts, strict=True)}


# ---------------------------------------------------------------- the nightly computation

# What the metrics need of an order, in this order. The temporary file has no text and no contact.
_FACTS = (
    "client_id",
    "category",
    "city",
    "created_at",
    "expires_at",
    "status",
    "takes",
    "answer_due_at",
    "responded_at",
    "ended_at",
    "rating",
)
_NO_TEXTS = {"description": "", "contact": "", "contact_key": "", "masked_description": None}
_NO_TEXTS |= {"masked_review_comment": None}
# Later than any day.
_NEVER = date.max.toordinal()
# The days on which a person was active are bits of one integer: an order is kept for half as long, and SQLite's
# integers have 63 bits.
_BITS = 62

_TABLES = (
    "posted (day INTEGER, order_id TEXT, facts TEXT)",
    "about (order_id TEXT PRIMARY KEY, told INTEGER, complaints INTEGER) WITHOUT ROWID",
    "activity (person INTEGER PRIMARY KEY, first_order INTEGER, first_taken INTEGER, days INTEGER)",
    "subscribed (city TEXT, category TEXT, person INTEGER)",
    "saved (day INTEGER, sk TEXT, item TEXT)",
)
_ADD_ABOUT = """
    INSERT INTO about VALUES (?, ?, ?) ON CONFLICT (order_id)
    DO UPDATE SET told = told + excluded.told, complaints = complaints + excluded.complaints
"""
_ADD_ACTIVITY = """
    INSERT INTO activity VALUES (?, ?, ?, ?) ON CONFLICT (person) DO UPDATE SET
    first_order = min(first_order, excluded.first_order), first_taken = min(first_taken, excluded.first_taken),
    days = days | excluded.days
"""
_ORDERS_BY_DAY = """
    SELECT day, posted.order_id, facts, told, complaints
    FROM posted LEFT JOIN about ON about.order_id = posted.order_id ORDER BY day DESC
"""


class Sorted:
    """What the metrics need of a Scan, in the temporary SQLite database of the audit (`books.py`)."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        for definition in _TABLES:
            database.execute(f"CREATE TABLE {definition}")

    def add(self, kind: str, item: table.Item) -> None:
        """Take what is needed of an item of the kind."""
        run = self._database.execute
        match kind:
            case "ORDER":
                day = day_at(item["created_at"]).toordinal()
                facts = json.dumps([item.get(name) for name in _FACTS])
                run("INSERT INTO posted VALUES (?, ?, ?)", (day, keys.order_id_of(item), facts))
                run(_ADD_ACTIVITY, (item["client_id"], day, _NEVER, _bit(day)))
                for executor_id in item["takes"]:
                    run(_ADD_ACTIVITY, (int(executor_id), _NEVER, day, _bit(day)))
            case "USER" if "first_order_at" in item or "first_taken_order_at" in item:
                first = (_ordinal(item.get(name)) for name in ("first_order_at", "first_taken_order_at"))
                run(_ADD_ACTIVITY, (keys.user_id_of(item), *first, 0))
            case "TOLD":
                run(_ADD_ABOUT, (keys.told_about(item), item["told"], 0))
            case "COMPLAINT":
                run(_ADD_ABOUT, (item["order_id"], 0, 1))
            case "SUBSCRIPTION":
                for city, category in keys.subscribed_cells(item):
                    run("INSERT INTO subscribed VALUES (?, ?, ?)", (city, category, keys.user_id_of(item)))
            case "STATS":
                # Items of cities on final days are never written again.
                if item["sk"] == "STATS" or not item["is_final"]:
                    run(
                        "INSERT INTO saved VALUES (?, ?, ?)",
                        (keys.stats_day(item).toordinal(), item["sk"], json.dumps(item, ensure_ascii=False)),
                    )

    def saved(self) -> dict[date, SavedDay]:
        """Return the figures of everything on each day that is stored."""
        rows = self._database.execute("SELECT day, item FROM saved WHERE sk = 'STATS'")
        return {date.fromordinal(day): _saved_day(json.loads(text)) for day, text in rows}

    def days(self, now: int) -> Iterator[tuple[date, dict[Cell, Figures]]]:
        """Yield the figures of each day that had orders and can be computed at `now` (epoch ms), the newest first."""
        rows = self._database.execute(_ORDERS_BY_DAY)
        latest = self._database.execute("SELECT max(day) FROM posted").fetchone()[0]
        for ordinal, of_day in groupby(rows, key=itemgetter(0)):
            day = date.fromordinal(ordinal)
            if rules.is_computable(day, now):
                posted = (_posted(*row) for _, *row in of_day)
                yield day, rules.figures_of(day, posted, partial(self._activity, ordinal, latest), now)

    def _activity(self, day: int, latest: int, people: Iterable[int]) -> dict[int, Activity]:
        found = {}
        for person in people:
            row = self._database.execute("SELECT * FROM activity WHERE person = ?", (person,)).fetchone()
            _, first_order, first_taken, days = row
            window = range(1, min(latest - day, max(rules.RETURNS_AFTER_DAYS)) + 1)
            again_after = next((after for after in window if days & _bit(day + after)), None)
            found[person] = Activity(date.fromordinal(first_order), date.fromordinal(first_taken), again_after)
        return found

    def listening(self) -> "Listening":
        """Return how many people are subscribed to the orders of each cell."""
        return Listening(self._database)

    def save(self, money: rules.MoneyOfDays, wrong: set[date], now: int, *, has_time: Callable[[], bool]) -> None:
        """Write the days that can be computed, and later money of the days before. Days in `wrong` stay as they are.

        The newest day first, while there is time. One PutItem per item that differs from what is stored. Raises
        Unavailable.
        """
        self._database.execute("CREATE INDEX saved_by_day ON saved (day)")
        known, listening = self.saved(), self.listening()
        final = {day for day, before in known.items() if before.is_final}
        written = final | wrong
        for day, cells in self.days(now):
            if not has_time():
                return
            if day not in written:
                self._save(day, cells, money, listening, now)
                written.add(day)
        for day in (money.days() | known.keys()) - written:
            if rules.is_computable(day, now):
                self._save(day, {(None, None): Figures()}, money, listening, now)
                written.add(day)
        for day in known.keys() - wrong - (written - final):
            self._settle(day, money, now)

    def _save(
        self, day: date, cells: dict[Cell, Figures], money: rules.MoneyOfDays, listening: "Listening", now: int
    ) -> None:
        stored = self._stored(day)
        is_yesterday = rules.age_of(day, now) == 1
        for (city, category), figures in cells.items():
            before = stored.get(keys.stats(day, city)["sk"], {}).get("cells", {}).get(category or keys.ANY)
            figures.listening = (
                _figures(before).listening if before else listening.to(city, category) if is_yesterday else None
            )
        cells[None, None] = rules.with_money(cells[None, None], money.of(day))
        is_final = not rules.is_open(day, now)
        for item in _items(day, cells, settled_until=money.settled_until, is_final=is_final):
            _put(item, stored.get(item["sk"]), conditions.STATS_NOT_FINAL, {":open": False})

    def _settle(self, day: date, money: rules.MoneyOfDays, now: int) -> None:
        """Write the money of a day whose orders are gone, and that the day is final."""
        before = self._stored(day)["STATS"]
        figures = rules.with_money(_figures(before["cells"][keys.ANY]), money.of(day))
        after = {
            **before,
            "cells": {**before["cells"], keys.ANY: _text(figures)},
            "is_final": not rules.is_open(day, now),
            "settled_until": money.settled_until,
        }
        _put(after, before, conditions.THERE, None)

    def _stored(self, day: date) -> dict[str, table.Item]:
        rows = self._database.execute("SELECT sk, item FROM saved WHERE day = ?", (day.toordinal(),))
        return {sk: json.loads(text) for sk, text in rows}


class Listening:
    """How many people are subscribed to the orders of a cell, at the time of the Scan."""

    def __init__(self, database: sqlite3.Connection) -> None:
        run = database.execute
        pairs = run("SELECT city, category, count(*) FROM subscribed GROUP BY city, category")
        self._of_both = Counter({(city, category): count for city, category, count in pairs})
        self._of_city = Counter(dict(run("SELECT city, count(DISTINCT person) FROM subscribed GROUP BY city")))
        by_category = run("SELECT category, count(DISTINCT person) FROM subscribed GROUP BY category")
        self._of_category = Counter(dict(by_category))
        self._of_all = run("SELECT count(DISTINCT person) FROM subscribed").fetchone()[0]

    def to(self, city: str | None, category: str | None) -> int:
        """Return how many people are subscribed to orders of the cell. None is any."""
        # A person is subscribed to any city or to some cities, and to any category or to some: never counted twice.
        if city and category:
            return sum(self._of_both[where, what] for where in (city, keys.ANY) for what in (category, keys.ANY))
        if city:
            return self._of_city[city] + self._of_city[keys.ANY]
        if category:
            return self._of_category[category] + self._of_category[keys.ANY]
        return int(self._of_all)


def _put(item: table.Item, before: table.Item | None, condition: str, values: Mapping[str, object] | None) -> None:
    if before is None or {**item, "settled_until": before["settled_until"]} != before:
        table.put_if(item, condition=condition, values=values)


def _saved_day(item: table.Item) -> SavedDay:
    return SavedDay(_figures(item["cells"][keys.ANY]), item["settled_until"], item["is_final"])


def _bit(day: int) -> int:
    return 1 << day % _BITS


def _ordinal(at: int | None) -> int:
    return _NEVER if at is None else day_at(at).toordinal()


def _posted(order_id: str, facts: str, told: int | None, complaints: int | None) -> Posted:
    item = dict(zip(_FACTS, json.loads(facts), strict=True))
    return _posted_of(order_id, item, told or 0, complaints or 0)


def _posted_of(order_id: str, item: Mapping[str, Any], told: int, complaints: int) -> Posted:
    order = orders.from_item({**keys.order(order_id), **item, **_NO_TEXTS, "edits": 0, "version": 0})
    return Posted(order, told, complaints)


# ---------------------------------------------------------------- today


def live(day: date, now: int) -> dict[Cell, Figures]:
    """Return the figures of a recent day, computed from the indexes, which lag behind the table by a moment.

    Nobody is known to have returned yet. One Query of each of three lists of orders, two of complaints and one of
    top-ups, one more per megabyte. One BatchGetItem per hundred orders, twice, per hundred people, and per hundred
    top-ups, three times. Raises Unavailable.
    """
    posted = _posted_on(day)
    cells = rules.figures_of(day, posted, _first_activity, now)
    total = cells.setdefault((None, None), Figures())
    total.topped_up, total.debts = _top_ups(day)
    return cells


def _posted_on(day: date) -> list[Posted]:
    lists = (keys.DUE_ACTIVE, keys.DUE_EXPIRED, keys.ended_on(day))
    # An order may move from one list to another between two Queries.
    found = dict.fromkeys(keys.order_id_of(entry) for name in lists for entry in table.query(keys.DUE, name))
    order_items = table.get_many([keys.order(order_id) for order_id in found], consistent=False, only=_FACTS)
    # TTL removed an order that the index still lists.
    stored = {
        order_id: item
        for order_id, item in zip(found, order_items, strict=True)
        if item is not None and day_at(item["created_at"]) == day
    }
    told = table.get_many([keys.told(order_id) for order_id in stored], consistent=False)
    low = keys.id_sk(ids.least_integer_id(begins_at(day)))
    complaints = Counter(
        keys.order_of_complaint(entry)
        for handled in (False, True)
        for entry in table.query(keys.TIMELINE, keys.complaints(handled=handled), low=low)
    )
    return [
        _posted_of(order_id, item, about["told"] if about else 0, complaints[order_id])
        for (order_id, item), about in zip(stored.items(), told, strict=True)
    ]


def _first_activity(people: Iterable[int]) -> dict[int, Activity]:
    people = list(people)
    only = ("first_order_at", "first_taken_order_at")
    found = table.get_many([keys.user(person) for person in people], consistent=False, only=only)
    firsts = ([_ordinal((item or {}).get(name)) for name in only] for item in found)
    return {
        person: Activity(date.fromordinal(first_order), date.fromordinal(first_taken), again_after=None)
        for person, (first_order, first_taken) in zip(people, firsts, strict=True)
    }


def _top_ups(day: date) -> tuple[Counter[str], int]:
    """Return what each provider topped up on the day, and the debts that arose from it, in roubles."""
    listed = table.query(keys.LIST1, keys.topped_up_on(day))
    entries = [item for item in table.get_many(listed, consistent=False) if item]
    topped_up: Counter[str] = Counter()
    for entry in entries:
        topped_up[entry["payment_method"] or ""] += entry["amount"]
    charges = table.get_many([key for entry in entries if (key := keys.charge_of(entry))], consistent=False)
    paid = table.get_many([keys.payment(charge["payment_id"]) for charge in charges if charge], consistent=False)
    return topped_up, sum(payments.from_item(item).debt for item in paid if item)
