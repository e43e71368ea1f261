"""The cost budget of each request. `test_budget.py` checks it: calls to the table exactly, the rest as a limit."""

from typing import NamedTuple


class Budget(NamedTuple):
    """The limits of one request.

    `calls` to the table are exact, units are maxima. `warm` is the most CPU of a warm request, as a multiple of boto3
    alone reading one order in the same run. It is None for background work.
    """

    calls: int
    read_units: float
    write_units: int
    warm: float | None = None


BUDGET = {
    "get order": Budget(1, 1, 0, 1.15),
    "me": Budget(1, 1, 0, 1.15),
    "balance": Budget(1, 1, 0, 1.15),
    "new order": Budget(1, 0, 12, 1.6),
    # The first write meets the lock. Then the client, the lock and its order are read; nothing is written.
    "new order, repeated": Budget(4, 3, 0, 3.4),
    # A refused contact is charged to a bucket, in a write of its own before the response (I26).
    "new order, contact busy": Budget(5, 3, 2, 4.2),
    "take": Budget(2, 3, 10, 2.3),
    "take, repeated": Budget(1, 3, 0, 1.4),
    "take, refused": Budget(1, 3, 0, 1.3),
    "feed, all of 50": Budget(2, 25.5, 0, 2.9),
    "feed, 50 of 60, counted": Budget(3, 26.5, 0, 4.0),
    "feed, 50 of 60, count known": Budget(2, 26, 0, 3.1),
    "my orders, 10": Budget(2, 5.5, 0, 2.3),
    "my takes, 5": Budget(2, 3, 0, 2.2),
    "edit": Budget(2, 2, 2, 2.1),
    # A changed contact is charged in the transaction of the change: one write more, of the user.
    "edit, contact": Budget(2, 2, 8, 2.3),
    "edit, contact busy": Budget(5, 4, 2, 4.2),
    "delete": Budget(3, 3, 11, 2.8),
    "respond": Budget(2, 2, 4, 2.1),
    "close, three refunds": Budget(3, 6, 26, 3.0),
    "complete, three executors": Budget(3, 3, 21, 2.9),
    "ledger, 10": Budget(2, 5.5, 0, 2.2),
    "recharge (local)": Budget(2, 2, 5, 2.1),
    "review": Budget(2, 2, 12, 2.1),
    "complaint": Budget(2, 2, 5, 2.1),
    "reviews, 10": Budget(2, 5.5, 0, 2.1),
    "review state": Budget(1, 2, 0, 1.3),
    "preferences": Budget(1, 1, 0, 1.2),
    "save preferences": Budget(2, 1, 2, 2.0),
    "notifications": Budget(1, 1, 0, 1.2),
    "save notifications": Budget(2, 1, 5, 2.0),
    "cities": Budget(0, 0, 0, 0.3),
    "cities, searched": Budget(0, 0, 0, 0.3),
    "health": Budget(0, 0, 0, 0.1),
    "docs": Budget(0, 0, 0, 0.4),
    "openapi": Budget(0, 0, 0, 0.4),
    "new invoice in Stars": Budget(3, 2, 7, 3.4),
    "payment status": Budget(1, 2, 0, 1.3),
    "payment webhook, Crypto Pay": Budget(2, 3, 10, 2.2),
    "payment webhook, YooKassa": Budget(2, 3, 10, 2.6),
    "pre-checkout, Telegram": Budget(1, 1, 0, 1.6),
    "payment update, Telegram": Budget(2, 3, 10, 2.3),
    "/start in the bot": Budget(8, 3, 6, 5.9),
    "respond, bot button": Budget(6, 3, 7, 5.3),
    "timer, three refunds": Budget(3, 5, 26),
    "sweep, nothing due": Budget(1, 0.5, 0),
    "lock expiry, three refunds": Budget(3, 5, 26),
    "stream record of an order": Budget(0, 0, 0),
    "audience of ten": Budget(5, 3, 0),
    "offer, sent": Budget(7, 3, 5),
    "notice, sent": Budget(6, 3, 4),
    "payments, none due": Budget(2, 1.5, 0),
    "refund of a payment": Budget(3, 4, 7),
}

# The most CPU of a cold start, as a multiple of the reference (FastAPI, Mangum, pydantic and one boto3 client).
COLD = 0.8
COLD_WITHOUT_TABLE = 0.5
# The same, as a multiple of the naive function.
COLD_OF_NAIVE = 0.6
# Tolerance for a loaded machine: a factor on a ratio of two medians of one run.
MARGIN = 1.3
