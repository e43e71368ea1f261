"""Calls to the table: which failures are retried, which errors they become, and how pages are read."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from shared.commands.retry import retry
from shared.service_errors import Unavailable
from shared.store import conditions, keys, table
from tests.conftest import TABLE
from tests.fakes.wire import Call, Fault, Wire, done_but_refused, lost, never_arrived, refused

KEY: keys.Key = {"pk": "USER#1", "sk": "USER"}
# moto knows no token, no lag, and no page that ends early.
only_in_memory = pytest.mark.parametrize("wire", ["memory"], indirect=True)


def visit(key: keys.Key = KEY) -> Any:
    """A write that counts how often it was done."""
    return table.update_write(key, "ADD visits :one", condition=None, values={":one": 1})


def visits(wire: Wire) -> int:
    item = wire.database.items.get(("USER#1", "USER"))
    return int(item["visits"]["N"]) if item else 0


def cannot_connect(call: Call) -> dict[str, Any]:
    raise ConnectTimeoutError(endpoint_url="http://dynamodb")


def no_connection(call: Call) -> dict[str, Any]:
    raise EndpointConnectionError(endpoint_url="http://dynamodb")


# The SDK makes two attempts for failures that it retries itself.
PASSING: dict[str, list[Fault]] = {
    "a conflict": [refused("TransactionCanceledException", "TransactionConflict", "None")],
    "a conflict and a condition": [
        refused("TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed")
    ],
    "a condition": [refused("TransactionCanceledException", "None", "ConditionalCheckFailed")],
    "a throttled item": [refused("TransactionCanceledException", "ThrottlingError", "None")],
    "a hot key": [refused("TransactionCanceledException", "ProvisionedThroughputExceeded")],
    "a conflict with a single write": [refused("TransactionConflictException")],
    "throttling": [refused("ThrottlingException")] * 2,
    "request limit": [refused("RequestLimitExceeded")] * 2,
    "throughput": [refused("ProvisionedThroughputExceededException")] * 2,
    "in progress": [refused("TransactionInProgressException")] * 2,
    "500": [refused("InternalServerError", status=500)] * 2,
    "503": [refused("ServiceUnavailable", status=503)] * 2,
    "a gateway's page": [refused("502", status=502)] * 2,  # for an error without a code, the SDK uses the status
    "another code of AWS": [refused("InternalFailure", status=500)] * 2,
    "a request lost": [never_arrived] * 2,
    "no connection": [no_connection] * 2,
    "a connection that takes too long": [cannot_connect] * 2,
}
DEFECTS = {
    "a bad request": refused("ValidationException"),
    "no permission": refused("AccessDeniedException"),
    "no table": refused("ResourceNotFoundException"),
    "another request's token": refused("IdempotentParameterMismatchException"),
    "a bad item": refused("TransactionCanceledException", "ValidationError", "None"),
    "a bad item and a conflict": refused("TransactionCanceledException", "ValidationError", "TransactionConflict"),
    "cancelled for no reason": refused("TransactionCanceledException"),
}


def each(faults: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("faults", faults.values(), ids=faults.keys())


# ---------------------------------------------------------------- transactions


def test_all_or_nothing(wire: Wire) -> None:
    """P1, P2."""
    other: keys.Key = {"pk": "USER#2", "sk": "USER"}
    table.transact([visit(), table.put_write({**other, "name": "Анна"}, condition=conditions.NOT_THERE)])
    with pytest.raises(table.WriteConflict):
        table.transact([visit(), table.put_write({**other, "name": "Пётр"}, condition=conditions.NOT_THERE)])
    assert (visits(wire), table.get(other)) == (1, {**other, "name": "Анна"})


@each(PASSING)
def test_a_transient_failure_is_retried(wire: Wire, faults: list[Fault]) -> None:
    """P3, F5-F8: conflicts alone and mixed, throttling, a request in progress, and failures without a code."""
    wire.meets("TransactWriteItems", *faults)
    with pytest.raises(table.WriteConflict):
        table.transact([visit()])
    assert (len(wire.attempts("TransactWriteItems")), visits(wire)) == (len(faults), 0)
    wire.meets("TransactWriteItems", *(faults * 3))
    retry(lambda: table.transact([visit()]))
    assert visits(wire) == 1


@each(DEFECTS)
def test_a_defect_is_not_retried(wire: Wire, faults: Fault) -> None:
    """P3: neither retried nor treated as a refusal of a rule."""
    wire.meets("TransactWriteItems", faults)
    with pytest.raises(ClientError):
        retry(lambda: table.transact([visit()]))
    assert len(wire.attempts("TransactWriteItems")) == 1


@only_in_memory
@pytest.mark.parametrize("fault", [lost, done_but_refused("InternalServerError", status=500)])
def test_the_sdk_retries_with_the_same_token(wire: Wire, fault: Fault) -> None:
    """F3, F8: the repeated request is executed once."""
    wire.meets("TransactWriteItems", fault)
    table.transact([visit()])
    first, second = wire.attempts("TransactWriteItems")
    assert first == second
    assert visits(wire) == 1


# ---------------------------------------------------------------- reads


def read_item() -> Any:
    return table.get(KEY)


def read_items() -> Any:
    return table.get_many([KEY], consistent=True)


def read_index() -> Any:
    return table.query(keys.DUE, keys.DUE_ACTIVE)


def read_count() -> Any:
    return table.count(keys.DUE, keys.DUE_ACTIVE)


def read_all() -> Any:
    return list(table.scan())


def write_name() -> Any:
    return table.update(KEY, "SET first_name = :name", {":name": "Анна"})


OPERATIONS = ("GetItem", "BatchGetItem", "Query", "Scan", "UpdateItem")
CALLS = [read_item, read_items, read_index, read_count, read_all, write_name]


@pytest.mark.parametrize("call", CALLS)
def test_a_read_that_fails_once_is_retried(wire: Wire, call: Callable[[], Any]) -> None:
    """F3, F5, F8."""
    expected = call()
    for faults in PASSING.values():
        if len(faults) == 2:
            for operation in OPERATIONS:
                wire.meets(operation, faults[0])
            assert call() == expected
            wire.forget_plans()


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails_twice_is_unavailable(wire: Wire, call: Callable[[], Any]) -> None:
    """L4: after two attempts the caller gets `Unavailable`."""
    for name, faults in PASSING.items():
        if len(faults) == 2:
            for operation in OPERATIONS:
                wire.always_meets(operation, faults[0])
            wire.sent.clear()
            with pytest.raises(Unavailable):
                call()
            assert len(wire.sent) == 2, name


@pytest.mark.parametrize("conflicts", [1, 2])
def test_an_update_that_meets_a_transaction_is_tried_again(wire: Wire, conflicts: int) -> None:
    """The conflict wrote nothing. A second one is left to the caller."""
    for _ in range(conflicts):
        wire.meets("UpdateItem", refused("TransactionConflictException"))
    key = keys.inbox(1)

    def update() -> bool:
        values = {":version": 1}
        done, _ = table.update_if(key, "SET version = :version", condition=conditions.NOT_THERE, values=values)
        return done

    if conflicts == 2:
        with pytest.raises(Unavailable):
            update()
    else:
        assert update()
        assert table.get(key) == {**key, "version": 1}


@pytest.mark.parametrize("call", CALLS)
def test_a_read_that_is_a_defect_is_raised_unchanged(wire: Wire, call: Callable[[], Any]) -> None:
    for code in ("ValidationException", "AccessDeniedException", "ResourceNotFoundException"):
        for operation in OPERATIONS:
            wire.always_meets(operation, refused(code))
        wire.sent.clear()
        with pytest.raises(ClientError):
            call()
        assert len(wire.sent) == 1


@only_in_memory
def test_money_is_read_consistently(wire: Wire) -> None:
    """P5."""
    wire.database.lag = lambda index: 10_000
    write_name()
    assert read_item()["first_name"] == "Анна"
    assert read_items()[0]["first_name"] == "Анна"
    assert read_all() != []
    assert table.get_many([KEY], consistent=False) == [None]


# ---------------------------------------------------------------- pages


def fill(wire: Wire, number: int, width: int = 1) -> list[keys.Key]:
    """Write so many items of this width, due one after another; return their keys."""
    made: list[keys.Key] = []
    for due_at in range(number):
        key: keys.Key = {"pk": f"ORDER#{due_at:0{width}d}", "sk": "ORDER"}
        made.append(key)
        # One by one: moto copies the whole table for each transaction.
        table.put_if({**key, keys.DUE.pk: keys.DUE_ACTIVE, keys.DUE.sk: due_at}, condition=conditions.NOT_THERE)
    wire.sent.clear()
    return made


def due(found: list[table.Item]) -> list[int]:
    return [item["due_at"] for item in found]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8])
def test_a_query_continues_after_a_page(wire: Wire, page: int) -> None:
    """F26."""
    fill(wire, 7)
    wire.database.page_items = page
    for limit in (None, 1, 2, 3, 6, 7, 8):
        everything = list(range(7))
        assert due(table.query(keys.DUE, "DUE", newest_first=False, limit=limit)) == everything[:limit]
        assert due(table.query(keys.DUE, "DUE", limit=limit)) == everything[::-1][:limit]
        assert due(table.query(keys.DUE, "DUE", low=2, high=5, newest_first=False, limit=limit)) == [2, 3, 4, 5][:limit]
        assert due(table.query(keys.DUE, "DUE", low=2, newest_first=False, limit=limit)) == [2, 3, 4, 5, 6][:limit]
        assert due(table.query(keys.DUE, "DUE", high=3, limit=limit)) == [3, 2, 1, 0][:limit]
        assert table.query(keys.DUE, "NOTHING", limit=limit) == []
    assert table.count(keys.DUE, "DUE") == 7
    assert table.count(keys.DUE, "DUE", low=2) == 5
    assert table.count(keys.DUE, "NOTHING") == 0
    assert len(read_all()) == 7


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8])
def test_a_partition_is_read_up_to_its_limit(wire: Wire, page: int) -> None:
    """F26."""
    made = [keys.thread_message(1, f"IN#{number}") for number in range(7)]
    table.transact([table.put_write({**key}, condition=None) for key in made])
    wire.database.page_items = page
    for limit in (None, 1, 2, 3, 6, 7, 8):
        wire.sent.clear()
        assert table.partition("THREAD#1", limit=limit) == made[:limit]
        assert len(wire.attempts("Query")) <= min(limit or 7, 7) // page + 1


def test_a_query_continues_after_a_megabyte(wire: Wire) -> None:
    """F26."""
    made = fill(wire, 1100, width=2000)
    assert due(table.query(keys.DUE, "DUE", newest_first=False)) == list(range(1100))
    assert table.count(keys.DUE, "DUE") == 1100
    assert len(wire.attempts("Query")) == 6
    found = table.get_many(made, consistent=True)
    assert due([item for item in found if item]) == list(range(1100))


def test_unprocessed_keys_of_a_batch_are_read_next(wire: Wire) -> None:
    """F26: in the requested order, None for a missing item, a hundred keys at a time."""
    wanted = [*reversed(fill(wire, 250)), KEY]
    for page in (100, 33, 20):
        wire.sent.clear()
        wire.database.page_items = page
        found = table.get_many(wanted, consistent=False)
        assert [item and item["due_at"] for item in found] == [*reversed(range(250)), None]
        asked = [len(request["RequestItems"][TABLE]["Keys"]) for request in wire.attempts("BatchGetItem")]
        assert max(asked) <= 100
        assert not any(request["RequestItems"][TABLE]["ConsistentRead"] for request in wire.attempts("BatchGetItem"))


@only_in_memory
def test_unprocessed_keys_are_read_as_consistently(wire: Wire) -> None:
    """P5, F26."""
    made = fill(wire, 3)
    wire.database.page_items = 1
    table.get_many(made, consistent=True)
    requests = wire.attempts("BatchGetItem")
    assert [request["RequestItems"][TABLE]["ConsistentRead"] for request in requests] == [True] * 3


def test_a_batch_that_never_ends_is_unavailable(wire: Wire) -> None:
    """L4."""
    made = fill(wire, 3)
    wire.always_meets("BatchGetItem", lambda call: {"Responses": {}, "UnprocessedKeys": {TABLE: {"Keys": made_raw}}})
    made_raw = [{name: {"S": value} for name, value in key.items()} for key in made]
    with pytest.raises(Unavailable):
        table.get_many(made, consistent=True)
    assert wire.monotonic() < 1


def test_an_empty_batch_makes_no_call(wire: Wire) -> None:
    assert table.get_many([], consistent=True) == []
    assert wire.sent == []
