"""P3: after a write with an unknown outcome, the retry first looks for the write and reports success if it was done.

Each write of the API is made once without a fault and once with every possible fault. The response and the content of
the table must be the same.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.commands.end_due import end_if_due
from shared.commands.settle import settle
from shared.domain.audit import breaches
from shared.domain.payment import Charge, Currency, Provider
from shared.service_errors import Busy
from shared.store import books
from tests.api import Answer
from tests.fakes.wire import Call, Fault, Wire, done_but_refused, lost, never_arrived, refused, well
from tests.in_process import Api, Change
from tests.payments.shops import asked_for_stars

WRITE = "TransactWriteItems"
CLIENT, EXECUTOR, PRICE = 1, 2, 2


@pytest.fixture
def service(wire: Wire) -> Api:
    """The API over a real HTTP connection to DynamoDB."""
    return wire.service


# The SDK makes two attempts with one token; a third attempt is a new decision.
UNKNOWN: dict[str, list[Fault]] = {
    "response lost": [lost],
    "response lost twice": [lost, lost],
    "lost, then in progress": [lost, refused("TransactionInProgressException")],
    "500, done": [done_but_refused("InternalServerError", status=500)] * 2,
    "500, not done": [refused("InternalServerError", status=500)] * 2,
    "request lost": [never_arrived] * 2,
    "throttled": [refused("ThrottlingException")] * 2,
    "in progress": [refused("TransactionInProgressException")] * 2,
    "conflict": [refused("TransactionCanceledException", "TransactionConflict")] * 3,
    "conflict and condition": [
        refused("TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed")
    ],
    "request lost, then conflict, then response lost": [
        never_arrived,
        refused("TransactionCanceledException", "TransactionConflict", "None"),
        lost,
        lost,
    ],
}


def order(service: Api) -> str:
    order_id: str = service.order(CLIENT)["id"]
    return order_id


def taken(service: Api) -> str:
    order_id = order(service)
    for executor in (EXECUTOR, 3):
        service.recharge(executor, 10)
        assert service.call("POST /api/orders/{id}/take", user=executor, id=order_id).status == 200
    return order_id


def completed(service: Api) -> str:
    order_id = taken(service)
    assert service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order_id).status == 200
    return order_id


def paid_in(service: Api) -> str:
    service.recharge(EXECUTOR, 10)
    return order(service)


def unanswered(service: Api) -> str:
    order_id = taken(service)
    service.later(minutes=15)
    return order_id


def spent(service: Api) -> str:
    """An order for which the executor spent a payment as a whole."""
    order_id = order(service)
    settle(asked_for_stars(EXECUTOR, PRICE, service.now))
    assert take(service, order_id).status == 200
    return order_id


def owing(service: Api) -> str:
    """The same, and the provider took the payment back."""
    order_id = spent(service)
    take_back(service, order_id)
    return order_id


def take(service: Api, order_id: str) -> Answer:
    return service.call("POST /api/orders/{id}/take", user=EXECUTOR, id=order_id)


def create(service: Api, order_id: str) -> Answer:
    body = {"category": "Другое", "city": "Пермь", "description": "Упал шкаф, нужна помощь", "contact": "@wardrobe"}
    return service.call("POST /api/orders", user=CLIENT, body=body)


def edit(service: Api, order_id: str) -> Answer:
    body = {"description": "Прорвало трубу в ванной, вода на полу"}
    return service.call("PUT /api/orders/{id}", user=CLIENT, id=order_id, body=body)


def move_contact(service: Api, order_id: str) -> Answer:
    return service.call("PUT /api/orders/{id}", user=CLIENT, id=order_id, body={"contact": "+7 916 123-45-67"})


def delete(service: Api, order_id: str) -> Answer:
    return service.call("DELETE /api/orders/{id}", user=CLIENT, id=order_id)


def respond(service: Api, order_id: str) -> Answer:
    return service.call("POST /api/orders/{id}/respond", user=CLIENT, id=order_id)


def close(service: Api, order_id: str) -> Answer:
    return service.call("POST /api/orders/{id}/close", user=CLIENT, id=order_id)


def complete(service: Api, order_id: str) -> Answer:
    return service.call("POST /api/orders/{id}/complete", user=CLIENT, id=order_id)


def review(service: Api, order_id: str) -> Answer:
    return service.call("POST /api/reviews/client", user=CLIENT, body={"order_id": order_id, "rating": 4})


def complain(service: Api, order_id: str) -> Answer:
    body = {"order_id": order_id, "complaint": "Не отвечал"}
    return service.call("POST /api/reviews/executor", user=EXECUTOR, body=body)


def recharge(service: Api, order_id: str) -> Answer:
    return service.call("POST /api/balance/recharge", user=EXECUTOR, body={"amount": 7})


def take_back(service: Api, order_id: str) -> Answer:
    given_back = Charge(Provider.TELEGRAM_STARS, "stx", EXECUTOR, EXECUTOR, PRICE, Currency.XTR, refunded=PRICE)
    settle(given_back)
    return Answer(200, "", {})


def timer(service: Api, order_id: str) -> Answer:
    end_if_due(order_id)
    return Answer(200, "", {})


Write = Callable[[Api, str], Answer]
WRITES: list[tuple[Callable[[Api], str], Write]] = [
    (paid_in, take),
    (order, create),
    (order, edit),
    (order, move_contact),
    (order, delete),
    (taken, respond),
    (taken, close),
    (taken, complete),
    (completed, review),
    (taken, complain),
    (paid_in, recharge),
    (unanswered, timer),
    (spent, take_back),
    (owing, recharge),
    (owing, close),
]
each_write = pytest.mark.parametrize(
    ("begin", "write"), WRITES, ids=[f"{begin.__name__}, {write.__name__}" for begin, write in WRITES]
)

# Values that differ between two runs: times and random ids.
OF_THE_MOMENT = {"order_id", "review_id", "complaint_id", "transaction_id", "id", "created_at", "customer_responded_at"}
STORED = {
    "status", "balance", "active_orders", "completed_orders", "rating_sum", "rating_count", "amount", "balance_after",
    "type", "debt", "category", "description", "contact", "edits", "rating", "complaint",
}  # fmt: skip


def said(answer: Answer) -> Any:
    body = answer.json if answer.text else {}
    fixed = {name: value for name, value in body.items() if name not in OF_THE_MOMENT and name != "taken_by"}
    return answer.status, fixed, [take["executor_id"] for take in body.get("taken_by", [])]


def stored(wire: Wire) -> Any:
    """The content of the table without times and ids."""
    return sorted(
        (
            key[1].partition("#")[0],
            sorted((name, str(value)) for name, value in item.items() if name in STORED),
            sorted(item.get("takes", {}).get("M", {})),
        )
        for key, item in wire.database.items.items()
    )


def books_are_right(service: Api) -> bool:
    with books.read() as read:
        return list(breaches(read, service.now)) == []


@pytest.mark.parametrize("what", UNKNOWN)
@each_write
def test_write_of_unknown_outcome_is_done_once_and_answered(
    wire: Wire, service: Api, begin: Callable[[Api], str], write: Write, what: str
) -> None:
    """P3, F3, F5-F8; I1-I7: done once, and the response says so."""
    expected = said(write(service, begin(service)))
    expected_table = stored(wire)
    assert expected[0] < 300
    wire.database.items.clear()

    order_id = begin(service)
    wire.meets(WRITE, *UNKNOWN[what])
    answer = write(service, order_id)
    wire.forget_plans()
    assert (said(answer), stored(wire)) == (expected, expected_table)
    assert books_are_right(service)


@each_write
def test_write_landing_after_the_sdk_gave_up_is_done_once(
    wire: Wire, service: Api, begin: Callable[[Api], str], write: Write
) -> None:
    """F4: the write lands after the next attempt's read, so that only the condition detects it. P3 holds as well."""
    expected = said(write(service, begin(service)))
    expected_table = stored(wire)
    wire.database.items.clear()

    order_id = begin(service)
    wire.meets(WRITE, never_arrived, wire.lands_before(WRITE))
    answer = write(service, order_id)
    wire.forget_plans()
    assert (said(answer), stored(wire)) == (expected, expected_table)
    assert books_are_right(service)


@each_write
def test_write_that_always_conflicts_is_a_503_and_no_change(
    wire: Wire, service: Api, begin: Callable[[Api], str], write: Write
) -> None:
    """L4: a 503 within the request's time limit, and no partial change."""
    order_id = begin(service)
    before = stored(wire)
    wire.always_meets(WRITE, refused("TransactionCanceledException", "TransactionConflict"))
    if write in (timer, take_back):
        with pytest.raises(Busy):
            write(service, order_id)
    else:
        answer = write(service, order_id)
        assert (answer.status, answer.json["code"]) == (503, "busy")
    assert stored(wire) == before
    assert wire.monotonic() < 6


def elsewhere(write: Write, service: Api, order_id: str) -> Answer:
    """Run the write in another environment with its own event loop."""

    def write_there() -> Answer:
        with asyncio.Runner() as runner:
            asyncio.set_event_loop(runner.get_loop())
            return write(service, order_id)

    with ThreadPoolExecutor() as threads:
        return threads.submit(write_there).result()


@pytest.mark.parametrize(
    ("begin", "write", "meanwhile"),
    [
        (taken, respond, lambda service, order_id: service.call("POST /api/orders/{id}/take", user=4, id=order_id)),
        (paid_in, edit, take),
        (paid_in, move_contact, take),
        (taken, complete, review),
    ],
    ids=["respond and take", "edit and take", "move_contact and take", "complete and review"],
)
def test_landed_write_is_answered_as_done_after_other_writes(
    wire: Wire, service: Api, begin: Callable[[Api], str], write: Write, meanwhile: Write
) -> None:
    """P3: the response is lost, and another user changes the order before the retry looks for the write."""
    service.recharge(4, 10)
    order_id = begin(service)
    others: list[Answer] = []

    def somebody_else(call: Call) -> dict[str, Any]:
        call()
        wire.forget_plans()
        others.append(elsewhere(meanwhile, service, order_id))
        return lost(call)  # the same token, so nothing is executed again

    wire.meets(WRITE, lost, somebody_else)
    answer = write(service, order_id)
    assert (answer.status, [other.status for other in others]) == (200, [200])
    assert books_are_right(service)


# ---------------------------------------------------------------- refused contacts

BUSY = {"contact": "@somebody_else"}


def busy(service: Api) -> str:
    service.order(EXECUTOR, BUSY["contact"])
    return order(service)


def post_busy(service: Api, order_id: str) -> Answer:
    body = {"category": "Другое", "city": "Пермь", "description": "Упал шкаф, нужна помощь", **BUSY}
    return service.call("POST /api/orders", user=CLIENT, body=body)


def edit_to_busy(service: Api, order_id: str) -> Answer:
    return service.call("PUT /api/orders/{id}", user=CLIENT, id=order_id, body=BUSY)


def is_charged(wire: Wire) -> bool:
    return "bucket_contacts" in wire.database.items[f"USER#{CLIENT}", "USER"]


each_refusal = pytest.mark.parametrize("write", [post_busy, edit_to_busy])


@pytest.mark.parametrize("what", UNKNOWN)
@each_refusal
def test_charge_of_unknown_outcome_tells_nothing_for_free(
    wire: Wire, service: Api, change: Change, write: Write, what: str
) -> None:
    """I26: with one token, one answer. A charge that was applied without a response may cost the caller the answer."""
    change(CONTACTS_PER_HOUR="1")
    order_id = busy(service)
    wire.meets(WRITE, well, *UNKNOWN[what])  # the write with the busy contact, then its charge
    answers = [write(service, order_id)]
    wire.forget_plans()
    assert is_charged(wire)
    answers += [write(service, order_id) for _ in range(2)]
    told = [answer.json["code"] for answer in answers]
    assert told in (["contact_busy", "too_often", "too_often"], ["too_often"] * 3)


@each_refusal
def test_charge_landing_late_tells_nothing_for_free(wire: Wire, service: Api, change: Change, write: Write) -> None:
    """I26, F4: the charge lands after the next attempt has read the bucket, before that attempt's write."""
    change(CONTACTS_PER_HOUR="1")
    order_id = busy(service)
    wire.meets(WRITE, well, never_arrived, wire.lands_before(WRITE))
    assert write(service, order_id).json["code"] == "too_often"


@each_refusal
def test_contact_is_not_told_while_its_charge_fails(wire: Wire, service: Api, write: Write) -> None:
    """I26, L4: a 503 within the request's time limit, which is the same for a free contact."""
    order_id = busy(service)
    wire.always_meets(WRITE, refused("TransactionCanceledException", "TransactionConflict"))
    answer = write(service, order_id)
    assert (answer.status, answer.json["code"], is_charged(wire)) == (503, "busy", False)


def test_changed_contact_with_a_lost_response_takes_one_token(wire: Wire, service: Api, change: Change) -> None:
    """P3: the write took the last token, and the caller gets 200, not 429."""
    change(CONTACTS_PER_HOUR="1")
    order_id = order(service)
    wire.meets(WRITE, lost, lost)
    assert move_contact(service, order_id).status == 200


def test_changed_contact_seen_in_a_torn_read_is_answered(wire: Wire, service: Api, change: Change) -> None:
    """P3: a batch is no snapshot. It has the order as before the change, and the bucket as after it."""
    change(CONTACTS_PER_HOUR="1")
    order_id = order(service)
    keys = (f"ORDER#{order_id}", "ORDER"), (f"USER#{CLIENT}", "USER")
    before = dict(wire.database.items[keys[0]])

    def torn(call: Call) -> dict[str, Any]:
        after, wire.database.items[keys[0]] = wire.database.items[keys[0]], before
        read = call()
        wire.database.items[keys[0]] = after
        return read

    wire.meets(WRITE, lost, lost)
    wire.meets("BatchGetItem", well, torn)
    answer = move_contact(service, order_id)
    assert (answer.status, answer.json["contact"]) == (200, "+7 916 123-45-67")
