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
    "new order": Budget(1, 0, 14, 1.6),
    # The first write meets the lock. Then the client, the lock and its order are read; nothing is written.
    "new order, repeated": Budget(4, 3, 0, 3.4),
    # A refused contact is charged to a bucket, in a write of its own before the response (I26).
    # It is the user's first write, which lists them under their name: one unit, once a person.
    "new order, contact busy": Budget(5, 3, 3, 4.2),
    "take": Budget(2, 3, 17, 2.3),
    "take, repeated": Budget(1, 3, 0, 1.4),
    "take, refused": Budget(1, 3, 0, 1.3),
    "feed, all of 50": Budget(1, 2.5, 0, 2.9),
    "feed, 50 of 60, counted": Budget(2, 3, 0, 4.0),
    "feed, 50 of 60, count known": Budget(1, 2.5, 0, 3.1),
    "my orders, 10": Budget(1, 0.5, 0, 2.3),
    "my takes, 5": Budget(2, 3, 0, 2.2),
    "edit": Budget(2, 2, 9, 2.1),
    # A changed contact is charged in the transaction of the change: one write more, of the user.
    "edit, contact": Budget(2, 2, 15, 2.3),
    "edit, contact busy": Budget(5, 4, 2, 4.2),
    "delete": Budget(3, 3, 15, 2.8),
    "respond": Budget(2, 2, 11, 2.1),
    "close, three refunds": Budget(3, 6, 30, 3.0),
    "complete, three executors": Budget(3, 3, 25, 2.9),
    "ledger, 10": Budget(2, 5.5, 0, 2.2),
    "recharge (local)": Budget(2, 2, 6, 2.1),
    "review": Budget(2, 2, 19, 2.1),
    "complaint": Budget(2, 2, 7, 2.1),
    "reviews, 10": Budget(2, 5.5, 0, 2.1),
    "review state": Budget(1, 2, 0, 1.3),
    "preferences": Budget(1, 1, 0, 1.2),
    "save preferences": Budget(2, 1, 2, 2.0),
    "notifications": Budget(1, 1, 0, 1.2),
    "save notifications": Budget(2, 1, 5, 2.0),
    "cities": Budget(0, 0, 0, 0.3),
    "cities, searched": Budget(0, 0, 0, 0.3),
    "health": Budget(0, 0, 0, 0.1),
    "docs": Budget(0, 0, 0, 0.1),
    "openapi": Budget(0, 0, 0, 0.1),
    "new invoice in Stars": Budget(3, 2, 8, 3.4),
    "payment status": Budget(1, 2, 0, 1.3),
    "payment webhook, Crypto Pay": Budget(2, 3, 11, 2.2),
    "payment webhook, YooKassa": Budget(2, 3, 11, 2.6),
    "pre-checkout, Telegram": Budget(1, 1, 0, 1.6),
    "payment update, Telegram": Budget(2, 3, 11, 2.3),
    "/start in the bot": Budget(4, 2, 7, 3.8),
    "respond, bot button": Budget(4, 3, 14, 4.0),
    "operator's complaints": Budget(2, 1.5, 0),
    "operator's order": Budget(2, 4, 0),
    "operator's person": Budget(14, 10.5, 3),
    "operator's person, found": Budget(1, 1, 0),
    "operator's ledger of a person": Budget(3, 1.5, 3),
    "operator's reviews": Budget(1, 0.5, 0),
    "operator's log": Budget(1, 0.5, 0),
    "operator's refund of a take": Budget(3, 3, 17),
    "operator's removal": Budget(3, 5, 33),
    "operator's ban, an answered order": Budget(8, 8, 38),
    "operator's end of a ban": Budget(2, 1, 5),
    "operator's note": Budget(2, 3, 5),
    "operator handles a complaint": Budget(2, 1, 7),
    "operator hides a review": Budget(2, 3, 20),
    "operator restores a review": Budget(2, 3, 20),
    "operator's session": Budget(2, 1, 5),
    "operator's payment": Budget(2, 2, 0),
    "operator's refund of a payment": Budget(5, 7, 18),
    "operator's refunds that wait": Budget(3, 2.5, 0),
    "operator's approval of a refund": Budget(5, 7, 17),
    "operator's withdrawal of a refund": Budget(2, 4, 6),
    # The mark of the update, the thread, and the turns of the chat and of the bot for the confirmation.
    "message to the operators, the eleventh": Budget(6, 4, 11),
    "message to the operators, one too many": Budget(3, 4, 2),
    "operator's threads": Budget(2, 1.5, 0),
    "operator's thread, 10 messages": Budget(9, 10.5, 3),
    "operator's photo of a thread": Budget(2, 3, 3),
    # Beside the thread and its write, the person's name is read for the answer to the operator.
    "operator answers a thread": Budget(3, 4, 11),
    "operator takes a thread over": Budget(3, 3, 5),
    "operator closes a thread": Budget(3, 3, 7),
    "answer, sent": Budget(5, 3, 7),
    "look at threads, none": Budget(4, 2, 0),
    "look at threads, one waits": Budget(10, 6, 4),
    "metrics of a year of a city": Budget(8, 366, 0),
    "metrics of today, 10 orders": Budget(10, 19, 0),
    "audit and metrics of one order": Budget(3, 1, 2),
    # An entry of 2 to 3 kB in each of five lists.
    "take, longest description": Budget(2, 4, 33),
    "respond, longest description": Budget(2, 3, 27),
    "complete, longest description": Budget(3, 4, 45),
    "feed, all of 50, longest descriptions": Budget(1, 12.5, 0),
    "timer, three refunds": Budget(3, 5, 30),
    "sweep, nothing due": Budget(2, 1, 0),
    "lock expiry, three refunds": Budget(3, 5, 30),
    "stream record of an order": Budget(0, 0, 0),
    "audience of ten": Budget(6, 3, 1),
    "offer, first of its order in a process": Budget(5, 3, 4),
    "offer, sent": Budget(4, 3, 3),
    "notice, sent": Budget(5, 3, 4),
    "payments, none due": Budget(3, 2, 0),
    "refund of a payment": Budget(3, 4, 7),
    "socket: ticket": Budget(1, 1, 0),
    "socket: handshake": Budget(4, 2, 5),
    "socket: watch": Budget(4, 2, 5),
    "socket: ping": Budget(2, 1, 1),
    "socket: end": Budget(2, 1, 6),
    "frame of one's own": Budget(1, 1, 0),
    # One order: a Query for each of its two lists of the city. Watchers add units, and a turn of the senders.
    "frames of a list, nobody watches": Budget(2, 2, 0),
    "frames of a list, 100 watchers": Budget(4, 5, 1),
}

# What one more watcher adds to a sender: the most CPU, as a multiple of boto3 alone reading one order.
FRAME = 0.5

# The calls of all that an order causes behind the API, exactly: `behind.py` has the order.
BEHIND_AN_ORDER = {"invocations": 34, "table": 115.5, "queues": 19, "schedules": 2, "telegram": 24.5}

# The most CPU of a cold start, as a multiple of the reference (FastAPI, Mangum, pydantic and one boto3 client).
COLD = 0.8
COLD_WITHOUT_TABLE = 0.5
# The same, as a multiple of the naive function.
COLD_OF_NAIVE = 0.6
# Tolerance for a loaded machine: a factor on a ratio of two medians of one run.
MARGIN = 1.3
# The same, for a ratio of few rounds: far enough below MARGIN that more rounds would not fail.
CLEAR = 1.1
