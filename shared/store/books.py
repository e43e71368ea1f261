"""The whole table, read for the audit (reconciliation)."""

from shared.domain.audit import Books, Lock
from shared.store import keys, ledger, orders, payments, reviews, table, users


def read() -> Books:
    """Return everything in the table. One consistent Scan per megabyte. Raises Unavailable.

    A Scan is not a snapshot: a transaction during it may be seen in part. Everything is held in memory, about 2 kB for
    an order with its entries.
    """
    books = Books()
    for item in table.scan():
        match item["sk"].partition("#")[0]:
            case "USER":
                user = users.from_item(keys.user_id_of(item), item)
                books.users[user.id] = user
            case "LEDGER":
                entry = ledger.from_item(item)
                books.entries[keys.user_id_of(item)].append(entry)
            case "ORDER":
                order = orders.from_item(item)
                books.orders[order.id] = order
            case "CONTACT":
                books.locks.append(Lock(keys.contact_key_of(item), item["order_id"], item["expires_at"]))
            case "PAYMENT":
                books.payments.append(payments.from_item(item))
            case "REVIEW":
                review = reviews.from_item(item)
                books.reviews[review.executor_id].append(review)
    return books
