"""What every list has to contain: plain Python over the items of the base table.

No index key, no cache and no rule of the service is used. The rules stand here once more, as the contract says them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from shared.store.attributes import item_from_dynamodb
from tests.fakes.dynamodb import Database

Row = dict[str, Any]

RETENTION = 30 * 24 * 60 * 60_000
PUBLIC = ("active", "expired", "completed")


def iso(at: int) -> str:
    """A time as the API shows it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def next_change(order: Row, now: int) -> int | None:
    """When the clock alone changes the status of an order next; None if it never does."""
    left = [order["expires_at"]] if order["status"] == "active" else []
    if order["status"] in ("active", "expired") and order.get("responded_at") is None and "answer_due_at" in order:
        left.append(order["answer_due_at"])
    return min((at for at in left if at > now), default=None)


def status(order: Row, now: int) -> str:
    """The status of an order by the clock."""
    stored: str = order["status"]
    if stored not in ("active", "expired"):
        return stored
    if order.get("responded_at") is None and order.get("answer_due_at", now + 1) <= now:
        return "closed_no_response"
    # A status never goes back, even where a clock does.
    return "expired" if stored == "expired" or order["expires_at"] <= now else "active"


def listed(order: Row, now: int) -> Row:
    """What a list shows of an order, as far as it is compared."""
    return {
        "id": order["id"],
        "category": order["category"],
        "city": order["city"],
        "description": order["masked_description"] or order["description"],
        "contact": None,
        "status": status(order, now),
        "created_at": iso(order["created_at"]),
        "taken_by": [int(taker) for taker, _ in sorted(order["takes"].items(), key=lambda take: take[1]["taken_at"])],
        "rating": order.get("rating"),
        "removed": "removed_at" in order,
    }


def shown(row: Row) -> Row:
    """The same part of an order in a response."""
    taken_by = [take["executor_id"] for take in row["taken_by"]]
    return {name: row[name] for name in row if name in _COMPARED} | {"taken_by": taken_by}


_COMPARED = ("id", "category", "city", "description", "contact", "status", "created_at", "rating", "removed")


def review_shown(review: Row, *, to_author: bool) -> Row:
    """What a list shows of a review."""
    shown = ("id", "author_name", "rating", "category", "city", "order_id")
    masked = review["comment"] if review["masked_comment"] is None else review["masked_comment"]
    return {
        **{name: review[name] for name in shown},
        "comment": review["comment"] if to_author else masked,
        "created_at": iso(review["created_at"]),
        "hidden": "hidden_at" in review,
    }


def cities_with(part: str, names: Iterable[str]) -> list[str]:
    """The names with this part in them, whatever its case and the dots of its ё, each once, in alphabetical order."""
    return [name for name in sorted(set(names), key=_plain) if _plain(part.strip()) in _plain(name)]


@cache
def _plain(name: str) -> str:
    return name.lower().replace("ё", "е")


class Reference:
    """The lists over the items of a table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read = -1
        self._kinds: dict[str, list[Row]] = {}
        self._removed: set[str] = set()  # orders that an operator removed, also those that TTL has removed since

    def items(self, kind: str) -> list[Row]:
        """The items of a kind, the first part of the sort key, each with the last part of its partition as `key`."""
        if self._read != len(self._database.changes):
            self._read = len(self._database.changes)
            self._kinds = {}
            for raw in self._database.items.values():
                item = item_from_dynamodb(raw)
                item["key"] = item["pk"].rpartition("#")[2]
                self._kinds.setdefault(item["sk"].partition("#")[0], []).append(item)
            self._removed |= {order["key"] for order in self._kinds.get("ORDER", []) if "removed_at" in order}
        return self._kinds.get(kind, [])

    def _orders(self) -> list[Row]:
        return [{**item, "id": item["key"]} for item in self.items("ORDER")]

    def feed(self, of: str, city: str | None, category: str | None, now: int) -> list[Row]:
        """Everybody's orders of a status, newest first."""
        found = [
            order
            for order in self._orders()
            if "removed_at" not in order and order["contact_key"] and status(order, now) == of
        ]
        return _narrowed(_by_end(found), None, city, category, now)

    def mine(self, user: int, of: str | None, city: str | None, category: str | None, now: int) -> list[Row]:
        """A client's orders that are not erased, newest first."""
        found = [order for order in self._orders() if order["client_id"] == user and order["contact_key"]]
        found.sort(key=lambda order: (order["created_at"], order["id"]), reverse=True)
        return _narrowed(found, of, city, category, now)

    def taken(self, user: int, of: str | None, city: str | None, category: str | None, now: int) -> list[Row]:
        """The orders of the last 30 days that a user took, newest first."""
        found = [
            order for order in self._orders() if str(user) in order["takes"] and order["created_at"] > now - RETENTION
        ]
        return _narrowed(_by_end(found), of, city, category, now)

    def reviews(self, rating: int | None, *, of: int | None = None, by: int | None = None) -> list[Row]:
        """Reviews, newest first: of an executor, by a client, or everybody's. Only their authors see hidden ones."""
        found = [
            review
            for review in self.items("REVIEW")
            if rating in (None, review["rating"])
            and of in (None, review["executor_id"])
            and by in (None, review["client_id"])
            and (of is not None or by is not None or review["order_id"] not in self._removed)
            and ("hidden_at" not in review or by is not None)
        ]
        return _newest(found)

    def hidden_reviews(self) -> list[Row]:
        """The reviews that operators hid, newest first."""
        return _newest([review for review in self.items("REVIEW") if "hidden_at" in review])

    def ratings(self) -> dict[int, tuple[int, int]]:
        """The sum and the number of the ratings of each executor who has reviews. Hidden ones do not count."""
        found: dict[int, tuple[int, int]] = {}
        for review in self.items("REVIEW"):
            total, count = found.get(review["executor_id"], (0, 0))
            counts = "hidden_at" not in review
            found[review["executor_id"]] = (total + review["rating"] * counts, count + counts)
        return found

    def entries(self, user: int) -> list[Row]:
        """A user's ledger, newest first."""
        return _by_id(entry for entry in self.items(_LEDGER) if entry["user_id"] == user)[::-1]

    def complaints(self, *, handled: bool) -> list[Row]:
        """The waiting or the handled complaints, oldest first."""
        return _by_id(one for one in self.items("COMPLAINT") if (one.get("handled_at") is not None) is handled)

    def complaints_by(self, user: int) -> list[Row]:
        """A user's complaints."""
        return [complaint for complaint in self.items("COMPLAINT") if complaint["executor_id"] == user]

    def actions(self) -> list[Row]:
        """The audit log, newest first."""
        return _by_id(self.items("ACTION"))[::-1]


_LEDGER = "LEDGER"


def _by_id(items: Iterable[Row]) -> list[Row]:
    return sorted(items, key=lambda item: int(item["id"]))


def _newest(reviews: list[Row]) -> list[Row]:
    return sorted(reviews, key=lambda review: (review["created_at"], review["id"]), reverse=True)


def _by_end(orders: list[Row]) -> list[Row]:
    return sorted(orders, key=lambda order: (order["expires_at"], order["id"]), reverse=True)


def _narrowed(orders: list[Row], of: str | None, city: str | None, category: str | None, now: int) -> list[Row]:
    return [
        order
        for order in orders
        if of in (None, status(order, now)) and city in (None, order["city"]) and category in (None, order["category"])
    ]
