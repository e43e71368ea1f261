"""The whole table, read for the audit (reconciliation), and sorted by what belongs together.

A Scan returns items by the hash of their key, so a take and its debit are far apart. They meet in a temporary SQLite
database. So memory stays the same whatever the table holds (docs/performance.md has the figures).
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter

from shared.domain.audit import Account, Books, ContactBooks, OrderBooks
from shared.domain.order import Order, Status
from shared.store import keys, ledger, orders, payments, table, users

_CACHE_KB = 32 * 1024
_PARTS = ("accounts", "orders", "contacts")

# Nothing is compared with what users wrote or who they are, and nothing is looked up by the keys of lists. So the
# temporary file has no contact and no name.
_NO_TEXTS = {"description": "", "contact": "", "masked_description": None, "masked_review_comment": None}
_TEXTS = frozenset({*_NO_TEXTS, "review_comment", "comment", "masked_comment", "author_name"})
_PERSON = frozenset({"first_name", "last_name", "username", "preferences", "receipt_contact"})
_LEFT_OUT = (
    _TEXTS
    | _PERSON
    | frozenset(
        attribute
        for index in (keys.LIST1, keys.LIST2, keys.LIST3, keys.LIST4, keys.TIMELINE, keys.DUE)
        for attribute in (index.pk, index.sk)
    )
)


@contextmanager
def read() -> Iterator[Books]:
    """Open the books of everything in the table. One consistent Scan per megabyte. Raises Unavailable.

    A Scan is not a snapshot: a transaction during it may be seen in part.
    """
    with sort(table.scan()) as books:
        yield books


@contextmanager
def sort(items: Iterable[table.Item]) -> Iterator[Books]:
    """Open the books of these items, which may come in any order. Reads all of them first."""
    # Without a name, SQLite keeps the database in its cache and in a file that is deleted when it is closed.
    with closing(sqlite3.connect("")) as database:
        for setting in (f"cache_size = -{_CACHE_KB}", "journal_mode = OFF", "temp_store = FILE"):
            database.execute(f"PRAGMA {setting}")
        for part in _PARTS:
            database.execute(f"CREATE TABLE {part} (owner, item)")
        for item in items:
            for part, owner in _owners(item):
                row = owner, _text(item)
                database.execute(f"INSERT INTO {part} VALUES (?, ?)", row)  # noqa: S608, one of _PARTS
        yield Books(_accounts(database), _orders(database), _contacts(database))


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
    return json.dumps({name: value for name, value in item.items() if name not in _LEFT_OUT})


def _accounts(database: sqlite3.Connection) -> Iterator[Account]:
    for owner, items in _grouped(database, "accounts"):
        user_id = int(owner)
        yield Account(
            user=users.from_item(user_id, next(iter(items["USER"]), None)),
            entries=[ledger.from_item(item) for item in items["LEDGER"]],
            payments=[payments.from_item(item) for item in items["PAYMENT"]],
            ratings=[review["rating"] for review in items["REVIEW"]],
            active_orders=len(items["ORDER"]),
        )


def _orders(database: sqlite3.Connection) -> Iterator[OrderBooks]:
    for _, items in _grouped(database, "orders"):
        # Orders are removed after their retention, and entries are not: those of a removed order cannot be compared.
        for order in items["ORDER"]:
            yield OrderBooks(_order(order), [ledger.from_item(item) for item in items["LEDGER"]])


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
