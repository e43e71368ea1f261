"""The whole table, read for the audit (reconciliation), and sorted by what belongs together.

A Scan returns items by the hash of their key, so a take and its debit are far apart. They meet in a temporary SQLite
database. So memory stays the same whatever the table holds (docs/performance.md has the figures).
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from shared.domain.audit import Account, Books, ContactBooks, OrderBooks
from shared.domain.order import Order, Status
from shared.settings import settings
from shared.store import keys, ledger, orders, payments, stats, table, users

_CACHE_KB = 32 * 1024
_PARTS = ("accounts", "orders", "contacts")

# Nothing is compared with what users wrote or who they are, and nothing is looked up by the keys of lists. So the
# temporary file has no contact and no name.
_NO_TEXTS = {"description": "", "contact": "", "masked_description": None, "masked_review_comment": None}
_TEXTS = frozenset({*_NO_TEXTS, keys.LISTED, "review_comment", "comment", "masked_comment", "author_name"})
_PERSON = frozenset({"first_name", "last_name", "username", "preferences", "receipt_contact", "ban_reason"})
_LEFT_OUT = (
    _TEXTS
    | _PERSON
    | frozenset(
        attribute
        for index in (keys.LIST1, keys.LIST2, keys.LIST3, keys.LIST4, keys.TIMELINE, keys.DUE)
        for attribute in (index.pk, index.sk)
    )
)


@dataclass(frozen=True, slots=True)
class SortedBooks(Books):
    """The books, and what the metrics of days need beside them."""

    metrics: stats.Sorted


@contextmanager
def read() -> Iterator[SortedBooks]:
    """Open the books of everything in the table. One consistent Scan per megabyte. Raises Unavailable.

    A Scan is not a snapshot: a transaction during it may be seen in part.
    """
    with sort(table.scan()) as books:
        yield books


@contextmanager
def sort(items: Iterable[table.Item]) -> Iterator[SortedBooks]:
    """Open the books of these items, which may come in any order. Reads all of them first."""
    # Without a name, SQLite keeps the database in its cache and in a file that is deleted when it is closed.
    with closing(sqlite3.connect("")) as database:
        for setting in (f"cache_size = -{_CACHE_KB}", "journal_mode = OFF", "temp_store = FILE"):
            database.execute(f"PRAGMA {setting}")
        for part in _PARTS:
            database.execute(f"CREATE TABLE {part} (owner, item)")
        metrics = stats.Sorted(database)
        for item in items:
            for part, owner in _owners(item):
                row = owner, _text(item)
                database.execute(f"INSERT INTO {part} VALUES (?, ?)", row)  # noqa: S608, one of _PARTS
            metrics.add(_kind(item), item)
        yield SortedBooks(_accounts(database), _orders(database), _contacts(database), metrics)


def _owners(item: table.Item) -> Iterator[tuple[str, int | str]]:
    """Yield the parts that the item belongs to, each with the user, the order or the contact there."""
    match _kind(item):
        case "USER":
            yield "accounts", keys.user_id_of(item)
        case "LEDGER":
            yield "accounts", keys.user_id_of(item)
            if item["order_id"] is not None:
                yield "orders", item["order_id"]
        case "ORDER":
            yield "orders", keys.order_id_of(item)
            if item["status"] == Status.ACTIVE:
                yield "contacts", item["contact_key"]
                for user_id in (item["client_id"], *item["takes"]):
                    yield "accounts", int(user_id)
        case "CONTACT":
            yield "contacts", keys.contact_key_of(item)
        case "PAYMENT":
            yield "accounts", item["user_id"]
        case "REVIEW":
            yield "accounts", item["executor_id"]


def _kind(item: table.Item) -> str:
    kind: str = item["sk"].partition("#")[0]
    return kind


def _text(item: table.Item) -> str:
    kept = {name: value for name, value in item.items() if name not in _LEFT_OUT}
    if item.get("type") == "order_take":
        kept["order_posted_at"] = _order_posted_at(item)
    return json.dumps(kept)


def _order_posted_at(debit: table.Item) -> int | None:
    """Return when the order of a debit was posted, epoch ms: an older debit says only when its hour ends."""
    if "order_posted_at" in debit:
        return int(debit["order_posted_at"])
    ends_at = keys.hour_ends_at(debit.get(keys.LIST1.sk, ""))
    return None if ends_at is None else ends_at - settings().order_lifetime_ms


def _accounts(database: sqlite3.Connection) -> Iterator[Account]:
    for owner, items in _grouped(database, "accounts"):
        user_id = int(owner)
        yield Account(
            user=users.from_item(user_id, next(iter(items["USER"]), None)),
            entries=[ledger.from_item(item) for item in items["LEDGER"]],
            payments=[payments.from_item(item) for item in items["PAYMENT"]],
            ratings=[review["rating"] for review in items["REVIEW"] if "hidden_at" not in review],
            active_orders=len(items["ORDER"]),
        )


def _orders(database: sqlite3.Connection) -> Iterator[OrderBooks]:
    for _, items in _grouped(database, "orders"):
        # Orders are removed after their retention, and entries are not.
        order = next(map(_order, items["ORDER"]), None)
        of_debits = (item["order_posted_at"] for item in items["LEDGER"] if item["type"] == "order_take")
        posted_at = order.created_at if order is not None else next(of_debits, None)
        yield OrderBooks(order, [ledger.from_item(item) for item in items["LEDGER"]], posted_at)


def _contacts(database: sqlite3.Connection) -> Iterator[ContactBooks]:
    for _, items in _grouped(database, "contacts"):
        holder = next((lock["order_id"] for lock in items["CONTACT"]), None)
        yield ContactBooks(holder, [_order(order) for order in items["ORDER"]])


def _order(item: table.Item) -> Order:
    return orders.from_item({**item, **_NO_TEXTS})


def _grouped(database: sqlite3.Connection, part: str) -> Iterator[tuple[int | str, dict[str, list[table.Item]]]]:
    """Yield each user, order or contact of a part with its items, by their kind."""
    rows = database.execute(f"SELECT owner, item FROM {part} ORDER BY owner")  # noqa: S608, one of _PARTS
    for owner, of_owner in groupby(rows, key=itemgetter(0)):
        items: dict[str, list[table.Item]] = defaultdict(list)
        for _, text in of_owner:
            item = json.loads(text)
            items[_kind(item)].append(item)
        yield owner, items
