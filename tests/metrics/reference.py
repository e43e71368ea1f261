"""A plain reference of the metrics: from the items of a table to the figures of days, with no code of the service.

It keeps every order, every person and every duration, and computes each figure by its formula in `docs/operations.md`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

Item = Mapping[str, Any]
Cell = tuple[str | None, str | None]

_MOSCOW = ZoneInfo("Europe/Moscow")


@cache
def local(at: int) -> datetime:
    """The time in Moscow of a time, epoch ms."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(_MOSCOW)


def day_of(at: int) -> date:
    return local(at).date()


class Reference:
    """The figures of the days of some items. `now`: when they were read, epoch ms."""

    def __init__(self, items: Iterable[Item], now: int) -> None:
        self.items = list(items)
        self.now = now
        self.orders = {item["pk"].removeprefix("ORDER#"): item for item in self.items if item["sk"] == "ORDER"}
        self.complaints = Counter(item["order_id"] for item in self.items if item["sk"].startswith("COMPLAINT#"))
        self.told = {item["pk"].removeprefix("TOLD#"): item["told"] for item in self.items if item["sk"] == "TOLD"}
        self.users = {int(item["pk"].removeprefix("USER#")): item for item in self.items if item["sk"] == "USER"}

    def status(self, order: Item) -> str:
        """The status at `now`."""
        due = order.get("answer_due_at") if order.get("responded_at") is None else None
        if order["status"] in ("active", "expired") and due is not None and self.now >= due:
            return "closed_no_response"
        if order["status"] == "active" and self.now >= order["expires_at"]:
            return "expired"
        return str(order["status"])

    def days_of(self, person: int) -> set[date]:
        """The days on which a person posted an order, or on which one that they took was posted."""
        return {
            day_of(order["created_at"])
            for order in self.orders.values()
            if order["client_id"] == person or str(person) in order["takes"]
        }

    def first(self, person: int, name: str) -> date | None:
        """The day of the person's first order as a client or an executor, also of one that is not kept any more."""
        known = self.users.get(person, {}).get(name)
        days = [] if known is None else [day_of(known)]
        for order in self.orders.values():
            is_theirs = order["client_id"] == person if name == "first_order_at" else str(person) in order["takes"]
            if is_theirs:
                days.append(day_of(order["created_at"]))
        return min(days, default=None)

    def cells(self, day: date) -> set[Cell]:
        """The cells that had orders on the day."""
        found: set[Cell] = set()
        for order in self.orders.values():
            if day_of(order["created_at"]) == day:
                city, category = order["city"], order["category"]
                found |= {(None, None), (city, None), (None, category), (city, category)}
        return found

    def figures(self, day: date, cell: Cell) -> dict[str, Any]:
        """The figures of a cell on a day; money as the orders say."""
        city, category = cell
        orders = {
            order_id: order
            for order_id, order in self.orders.items()
            if day_of(order["created_at"]) == day
            and city in (None, order["city"])
            and category in (None, order["category"])
        }
        values = list(orders.values())
        takes = [take for order in values for take in order["takes"].values()]
        clients = {order["client_id"] for order in values}
        executors = {int(executor) for order in values for executor in order["takes"]}
        later = {person: {other - day for other in self.days_of(person)} for person in clients | executors}
        first_takes = [
            (min(take["taken_at"] for take in order["takes"].values()) - order["created_at"]) // 1000
            for order in values
            if order["takes"]
        ]
        responses = [
            (order["responded_at"] - min(take["taken_at"] for take in order["takes"].values())) // 1000
            for order in values
            if order["takes"] and order.get("responded_at") is not None
        ]
        return {
            "posted": len(values),
            "taken": sum(1 for order in values if order["takes"]),
            "slots": len(takes),
            "responded": sum(1 for order in values if order.get("responded_at") is not None),
            "completed": sum(1 for order in values if order["status"] == "completed"),
            "expired_untaken": sum(1 for order in values if self.status(order) == "expired" and not order["takes"]),
            "closed": sum(
                1
                for order in values
                if self.status(order) == "closed_no_response" and order.get("responded_at") is None
            ),
            "complaints": sum(self.complaints[order_id] for order_id in orders),
            "reviews": sum(1 for order in values if order.get("rating") is not None),
            "rating_sum": sum(order.get("rating") or 0 for order in values),
            "told": sum(self.told.get(order_id, 0) for order_id in orders),
            "spent": sum(take["price"] for take in takes),
            "refunded": sum(
                take["price"]
                for order in values
                for take in order["takes"].values()
                if take.get("refunded")
                or (order["status"] == "closed_no_response" and order.get("responded_at") is None)
            ),
            "clients": len(clients),
            "executors": len(executors),
            "new_clients": sum(1 for person in clients if self.first(person, "first_order_at") == day),
            "new_executors": sum(1 for person in executors if self.first(person, "first_taken_order_at") == day),
            "returning_7": sum(1 for days in later.values() if any(0 < gap.days <= 7 for gap in days)),
            "returning_28": sum(1 for days in later.values() if any(0 < gap.days <= 28 for gap in days)),
            "takes_from": Counter(take.get("source", "feed") for take in takes),
            # Clocks differ: a take may seem to be before its order.
            "first_take": sorted(max(seconds, 0) for seconds in first_takes),
            "respond": sorted(max(seconds, 0) for seconds in responses),
            "hours": {hour: self._of_hour(values, hour) for hour in {local(o["created_at"]).hour for o in values}},
        }

    def _of_hour(self, orders: list[Item], hour: int) -> list[int]:
        these = [order for order in orders if local(order["created_at"]).hour == hour]
        return [
            len(these),
            sum(1 for order in these if order["takes"]),
            sum(1 for order in these if order.get("responded_at") is not None),
            sum(1 for order in these if order["status"] == "completed"),
            sum(1 for order in these if self.status(order) == "expired" and not order["takes"]),
        ]

    def money(self, day: date) -> dict[str, Any]:
        """The money of a day, from the ledger and the payments alone."""
        entries = [item for item in self.items if item["sk"].startswith("LEDGER#")]
        posted = {
            entry["order_id"]: day_of(entry["order_posted_at"]) for entry in entries if entry["type"] == "order_take"
        }
        topped_up: Counter[str] = Counter()
        for entry in entries:
            if entry["type"] == "recharge" and entry["amount"] > 0 and day_of(entry["created_at"]) == day:
                topped_up[entry["payment_method"]] += entry["amount"]
        of_day = [entry for entry in entries if entry["order_id"] is not None and posted[entry["order_id"]] == day]
        return {
            "spent": -sum(entry["amount"] for entry in of_day if entry["type"] == "order_take"),
            "refunded": sum(entry["amount"] for entry in of_day if entry["type"] == "refund"),
            "topped_up": topped_up,
            "debts": sum(
                item["refunded"] - item["taken_back"]
                for item in self.items
                if item["sk"] == "PAYMENT" and item.get("paid_at") is not None and day_of(item["paid_at"]) == day
            ),
        }

    def listening(self, cell: Cell) -> int:
        """How many people are subscribed to orders of a cell."""
        city, category = cell
        people = set()
        for item in self.items:
            if item["sk"].startswith("SUBSCRIPTION#"):
                for name, place in item.items():
                    if name.endswith("_pk"):
                        _, where, what = place.split("#")
                        if (city in (None, where) or where == "*") and (category in (None, what) or what == "*"):
                            people.add(item["pk"])
        return len(people)


def nearest_rank(durations: list[int], percent: int) -> int | None:
    """The percentile of durations in seconds, without buckets."""
    return sorted(durations)[ceil(len(durations) * percent / 100) - 1] if durations else None
