"""The in-memory DynamoDB, the embedded AWS and moto give equal responses, or a listed difference."""

import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.aws import EmbeddedAws
from infra.local.settings import LocalSettings
from shared.store import conditions
from tests import api
from tests.conftest import TABLE
from tests.fakes import differences, expressions, sdk
from tests.fakes.dynamodb import Database
from tests.fakes.moto_table import MotoTable, moto_table
from tests.fakes.wrong_requests import RIGHT, WRONG
from tests.simulation.simulation import Simulation

NOW = 1_790_000_000_000

Request = tuple[str, dict[str, Any]]


def client(database: Database | MotoTable, *, validates: bool = True) -> Any:
    """A boto3 client of a DynamoDB in this process, with botocore's own serializer and parser.

    Unless it `validates`, it sends also what the SDK itself would refuse.
    """
    made = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}, parameter_validation=validates))
    sdk.over_the_wire(made, database.execute)
    return made


@pytest.fixture
def database() -> Database:
    return Database(api.table_definition(), name=TABLE, now=lambda: NOW)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the embedded AWS."""
    data: Path = tmp_path_factory.mktemp("embedded")
    aws = EmbeddedAws(LocalSettings.read({"LOCAL_DATA_DIR": str(data)}))
    aws.start()
    try:
        yield aws.client("dynamodb")
    finally:
        aws.stop()


# ---------------------------------------------------------------- random calls

ATTRIBUTES: dict[str, list[dict[str, Any]]] = {
    "status": [{"S": "active"}, {"S": "expired"}, {"S": "deleted"}],
    "balance": [{"N": "0"}, {"N": "2"}, {"N": "100"}, {"N": "-3"}],
    "expires_at": [{"N": "5"}, {"N": "10"}, {"NULL": True}],
    "takes": [{"M": {}}, {"M": {"7": {"M": {"price": {"N": "2"}}}}}, {"M": {"7": {"N": "1"}, "8": {"N": "1"}}}],
    "responded_at": [{"N": "6"}],
    "labels": [{"L": []}, {"L": [{"S": "a"}]}],
    "notify": [{"BOOL": True}, {"BOOL": False}],
    "list1_pk": [{"S": "ORDERS#active"}, {"S": "ORDERS#expired"}],
    "list_sk": [{"S": "0001#a"}, {"S": "0002#b"}, {"S": "0003#c"}],
    "timeline_pk": [{"S": "LEDGER_OF#1"}],
    "timeline_sk": [{"S": "1"}, {"S": "2"}],
    "due_pk": [{"S": "DUE"}],
    "due_at": [{"N": "9"}, {"N": "10"}, {"N": "11"}, {"N": "10"}, {"N": "9"}, {"N": "10"}, {"S": "never"}],
}
CLAUSES = [
    conditions.NOT_THERE,
    "attribute_exists(pk)",
    "#status = :status",
    "expires_at > :number",
    "expires_at <= :number",
    "balance BETWEEN :least AND :most",
    "balance <> :number",
    "balance >= :number",
    "size(takes) = :size",
    "size(takes) < :size",
    "size(labels) > :size",
    "attribute_not_exists(takes.#seven)",
    "takes.#seven = :one_taken",
    "takes.#seven.price = :number",
    "attribute_exists(responded_at)",
    "notify = :yes",
]
VALUES: dict[str, list[dict[str, Any]]] = {
    ":status": ATTRIBUTES["status"],
    ":number": [{"N": "0"}, {"N": "2"}, {"N": "5"}, {"N": "10"}, {"S": "2"}],
    ":size": [{"N": "0"}, {"N": "1"}, {"N": "2"}],
    ":one_taken": [{"N": "1"}, {"M": {"price": {"N": "2"}}}],
    ":yes": [{"BOOL": True}],
    ":least": [{"N": "-3"}, {"N": "0"}],
    ":most": [{"N": "0"}, {"N": "2"}],
    ":more": [{"N": "1"}, {"N": "-2"}],
}
NAMES = {"#status": "status", "#seven": "7"}


class Caller:
    """Random calls of the kinds that the store makes, on few items, so that they conflict."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.asked: list[Request] = []
        self.table = TABLE

    def call(self) -> Request:
        """Make a random call."""
        kinds = [self.get, self.batch, self.query, self.put, self.update, *[self.transact] * 4]
        return self.random.choice(kinds)()

    def key(self) -> dict[str, Any]:
        return {"pk": {"S": self.random.choice("ABC")}, "sk": {"S": self.random.choice("XY")}}

    def get(self) -> Request:
        return "get_item", {"TableName": self.table, "Key": self.key(), "ConsistentRead": True}

    def batch(self) -> Request:
        keys = [self.key() for _ in range(self.random.randint(1, 3))]
        how: dict[str, Any] = {"ConsistentRead": True}
        if self.random.random() < 0.5:
            how["ProjectionExpression"] = "pk, sk, balance, #status"
            how["ExpressionAttributeNames"] = {"#status": "status"}
        return "batch_get_item", {"RequestItems": {self.table: {"Keys": keys, **how}}}

    def query(self) -> Request:
        index, partition, sort = self.random.choice(
            [("list1", "list1_pk", "list_sk"), ("timeline", "timeline_pk", "timeline_sk"), ("due", "due_pk", "due_at")]
        )
        values = {":partition": self.random.choice(ATTRIBUTES[partition])}
        condition = f"{partition} = :partition"
        bounds = [self.random.choice(ATTRIBUTES[sort][:5]) for _ in range(2)]
        match self.random.randrange(4):
            case 0:
                condition += f" AND {sort} >= :low"
                values[":low"] = bounds[0]
            case 1:
                condition += f" AND {sort} <= :high"
                values[":high"] = bounds[0]
            case 2:
                bounds.sort(key=lambda bound: int(bound["N"]) if "N" in bound else bound["S"])
                condition += f" AND {sort} BETWEEN :low AND :high"
                values |= {":low": bounds[0], ":high": bounds[1]}
        request: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": self.random.random() < 0.5,
        }
        if self.random.random() < 0.5:
            request["Limit"] = self.random.randint(1, 3)
        if self.random.random() < 0.3:
            request["Select"] = "COUNT"
        return "query", request

    def condition(self) -> str:
        chosen = self.random.sample(CLAUSES, self.random.randint(1, 3))
        if self.random.random() < 0.5:
            return conditions.all_of(*chosen)
        return " OR ".join(chosen)

    def update_expression(self, values: dict[str, Any]) -> str:
        parts = []
        attributes = self.random.sample(sorted(ATTRIBUTES), 4)
        sets = []
        for name in attributes[: self.random.randint(0, 3)]:
            path = "#status" if name == "status" else name
            once = self.random.random() < 0.2
            sets.append(f"{path} = if_not_exists({path}, :to_{name})" if once else f"{path} = :to_{name}")
            values[f":to_{name}"] = self.random.choice(ATTRIBUTES[name])
        if self.random.random() < 0.3 and "takes" not in attributes:
            sets.append("takes.#seven = :to_seven")
            values[":to_seven"] = {"M": {"price": {"N": "3"}}}
        if sets:
            parts.append(f"SET {', '.join(sets)}")
        if self.random.random() < 0.3:
            parts.append(f"REMOVE {'#status' if attributes[3] == 'status' else attributes[3]}")
        if not parts or self.random.random() < 0.4:
            parts.append(f"ADD {self.random.choice(['completed'] * 5 + ['labels'])} :more")
        if "labels :more" in parts[-1] and "labels" in attributes:
            parts[-1] = "ADD completed :more"
        return " ".join(parts)

    def expressions(self, request: dict[str, Any], *, update: bool, condition: bool) -> dict[str, Any]:
        """Add expressions with their names and values to `request`; sometimes with an unused value."""
        values: dict[str, Any] = {}
        if update:
            request["UpdateExpression"] = self.update_expression(values)
        if condition:
            request["ConditionExpression"] = self.condition()
        text = f"{request.get('UpdateExpression', '')} {request.get('ConditionExpression', '')}"
        for name in set(re.findall(r":\w+", text)) & VALUES.keys():
            values[name] = VALUES[name][0]
        values = {
            name: self.random.choice(VALUES[name]) if name in VALUES else value
            for name, value in sorted(values.items())
        }
        if self.random.random() < 0.01 and values:
            values[":unused"] = {"N": "1"}
        names = {name: attribute for name, attribute in NAMES.items() if name in text}
        if values:
            request["ExpressionAttributeValues"] = values
        if names:
            request["ExpressionAttributeNames"] = names
        return request

    def item(self) -> dict[str, Any]:
        chosen = {name: values for name, values in ATTRIBUTES.items() if self.random.random() < 0.6}
        return {**self.key(), **{name: self.random.choice(values) for name, values in chosen.items()}}

    def shown_when_refused(self) -> dict[str, str]:
        return {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if self.random.random() < 0.3 else {}

    def put(self) -> Request:
        request = {"TableName": self.table, "Item": self.item(), **self.shown_when_refused()}
        return "put_item", self.expressions(request, update=False, condition=self.random.random() < 0.4)

    def update(self) -> Request:
        request = {
            "TableName": self.table,
            "Key": self.key(),
            "ReturnValues": self.random.choice(["ALL_NEW", "ALL_OLD", "NONE"]),
            **self.shown_when_refused(),
        }
        return "update_item", self.expressions(request, update=True, condition=self.random.random() < 0.4)

    def transact(self) -> Request:
        if self.asked and self.random.random() < 0.2:
            name, again = self.random.choice(self.asked[-9:])
            if self.random.random() < 0.4:
                again = {**again, "TransactItems": again["TransactItems"][:1]}
            return name, again
        actions = [self.action() for _ in range(self.random.randint(1, 4))]
        request = {"TransactItems": actions, "ClientRequestToken": f"random-{self.random.getrandbits(64):x}"}
        self.asked.append(("transact_write_items", request))
        return self.asked[-1]

    def action(self) -> dict[str, Any]:
        action: dict[str, Any] = {"TableName": self.table, **self.shown_when_refused()}
        guarded = self.random.random() < 0.5
        match self.random.randrange(5):
            case 0:
                action["Item"] = self.item()
                return {"Put": self.expressions(action, update=False, condition=guarded)}
            case 1:
                action["Key"] = self.key()
                return {"Delete": self.expressions(action, update=False, condition=guarded)}
            case 2:
                action["Key"] = self.key()
                return {"ConditionCheck": self.expressions(action, update=False, condition=True)}
            case _:
                action["Key"] = self.key()
                return {"Update": self.expressions(action, update=True, condition=guarded)}


def outcome(client: Any, request: Request) -> Any:
    """Return the response of all pages without connection metadata, or the error."""
    name, parameters = request
    pages = []
    while True:
        try:
            answer = getattr(client, name)(**parameters)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons")
            return (
                error.response["Error"]["Code"],
                _sentence(error.response["Error"]["Message"]),
                reasons and [{**reason, "Message": _sentence(reason.get("Message", ""))} for reason in reasons],
                error.response.get("Item"),
            )
        del answer["ResponseMetadata"]
        if "Responses" in answer:  # a batch response has no order
            answer["Responses"][TABLE].sort(key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
        if name == "scan":  # a scan has no order
            answer["Items"].sort(key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
        pages.append(answer)
        if "LastEvaluatedKey" not in answer:
            return pages
        parameters = {**parameters, "ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _sentence(message: str) -> str:
    """Return an error's message without the names that only one of the two adds."""
    return re.sub(r"(unused in expressions: keys|invalid for update):.*", r"\1", message)


# ---------------------------------------------------------------- tests


@pytest.mark.integration
@pytest.mark.parametrize("seed", range(3))
def test_responses_equal_embedded_aws(embedded: Any, database: Database, seed: int) -> None:
    """1 000 random calls per seed: responses, errors, cancellation reasons and the final table are equal."""
    embedded.create_table(TableName=TABLE, **api.table_definition())
    try:
        simulated = client(database)
        caller = Caller(seed)
        kinds: dict[str, int] = {}
        for number in range(1000):
            request = caller.call()
            expected = outcome(embedded, request)
            assert outcome(simulated, request) == expected, (seed, number, request)
            kind = expected[0] if isinstance(expected, tuple) else request[0]
            kinds[kind] = kinds.get(kind, 0) + 1
        stored = embedded.scan(TableName=TABLE, ConsistentRead=True)["Items"]
        assert {(item["pk"]["S"], item["sk"]["S"]): item for item in stored} == database.items
        # Each kind of call must succeed at least once, and each kind of error must occur.
        assert kinds.keys() >= {
            "get_item",
            "batch_get_item",
            "query",
            "put_item",
            "update_item",
            "transact_write_items",
            "TransactionCanceledException",
            "ConditionalCheckFailedException",
            "ValidationException",
            "IdempotentParameterMismatchException",
        }, kinds
    finally:
        embedded.delete_table(TableName=TABLE)


@pytest.mark.integration
def test_responses_to_our_calls_equal_embedded_aws(embedded: Any) -> None:
    """Replay every call of the functions in simulations on both."""
    for seed in range(1, 9):
        made = calls_of(seed)
        simulated = client(Database(api.table_definition(), name=TABLE, now=lambda: NOW))
        embedded.create_table(TableName=TABLE, **api.table_definition())
        try:
            for number, request in enumerate(made):
                assert outcome(simulated, request) == outcome(embedded, request), (seed, number, request)
        finally:
            embedded.delete_table(TableName=TABLE)


def test_responses_to_our_calls_equal_moto() -> None:
    """Replay every call of the functions in a simulation on both. moto executes a repeated transaction again."""
    # Up to a seed in which the SDK repeats a transaction.
    assert any(repeated_on_moto(seed) for seed in range(1, 31))


def repeated_on_moto(seed: int) -> list[str]:
    """Replay the calls of a seed on both; return the tokens of the transactions that moto executed again."""
    repeated = []
    with moto_table() as table:
        database = Database(api.table_definition(), name=TABLE, now=lambda: NOW)
        simulated, moto = client(database), client(table)
        tokens: set[str] = set()
        for request in calls_of(seed):
            expected, answered = outcome(simulated, request), outcome(moto, request)
            token = request[1].get("ClientRequestToken", "")
            if token in tokens and answered != expected:
                assert (expected, answered[0]) == ([{}], "TransactionCanceledException")
                repeated.append(token)
            else:
                assert answered == expected, request
            if token:
                tokens.add(token)
        assert table.items == database.items
    return repeated


def told(client: Any, request: Request) -> str:
    """Return what an implementation says to a request: the message of a refusal, accepted, or crashed."""
    name, parameters = request
    try:
        getattr(client, name)(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            return str(error.response["Error"]["Message"])
    except Exception:
        return differences.CRASHES
    return differences.ACCEPTS


def differing(client: Any) -> dict[str, str]:
    """Return what an implementation says to wrong and right requests, where that differs from the documentation."""
    found = {}
    for wrong in WRONG:
        for request in wrong.before:
            told(client, request)
        answer = told(client, wrong.request)
        if wrong.message not in answer:
            found[wrong.rule] = answer
    found |= {
        name: answer for name, request in RIGHT.items() if (answer := told(client, request)) != differences.ACCEPTS
    }
    return found


def check_listed(found: dict[str, str], listed: Mapping[str, str]) -> None:
    """Compare what an implementation says with its list of differences: none more, none less."""
    assert found.keys() == listed.keys()
    assert {rule: answer for rule, answer in found.items() if listed[rule] not in answer} == {}


def test_differences_of_moto_are_those_listed() -> None:
    with moto_table() as table:
        check_listed(differing(client(table, validates=False)), differences.MOTO)


@pytest.mark.integration
def test_differences_of_embedded_aws_are_those_listed(embedded: Any) -> None:
    careless = boto3.client(
        "dynamodb",
        endpoint_url=embedded.meta.endpoint_url,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )
    careless.create_table(TableName=TABLE, **api.table_definition())
    try:
        check_listed(differing(careless), differences.EMBEDDED)
    finally:
        careless.delete_table(TableName=TABLE)


def calls_of(seed: int) -> list[Request]:
    """Return the calls that reached the table in a simulation."""
    simulation = Simulation(seed)
    # The embedded AWS uses the real clock, so no token is too old for it.
    simulation.faults.chosen -= {"F10 again after 11 minutes"}
    execute = simulation.aws.database.execute
    made: list[Request] = []

    def record(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        made.append((xform_name(operation), dict(request)))
        return execute(operation, request)

    simulation.aws.database.execute = record  # type: ignore[method-assign]
    simulation.run()
    assert made
    return made


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def due(database: Database, order: str, at: int) -> None:
    """Put an item with a due time into the index `due`."""
    item = {
        "pk": {"S": order},
        "sk": {"S": "ORDER"},
        "due_pk": {"S": "DUE"},
        "due_at": {"N": str(at)},
        "ttl": {"N": str(NOW // 1000 + 60)},
    }
    database.execute("TransactWriteItems", {"TransactItems": [{"Put": {"TableName": TABLE, "Item": item}}]})


def all_due(database: Database) -> list[str]:
    request = {
        "TableName": TABLE,
        "IndexName": "due",
        "KeyConditionExpression": "due_pk = :partition",
        "ExpressionAttributeValues": {":partition": {"S": "DUE"}},
    }
    return [item["pk"]["S"] for item in database.execute("Query", request)["Items"]]


def get(database: Database, order: str, *, consistent: bool) -> Any:
    request = {"TableName": TABLE, "Key": {"pk": {"S": order}, "sk": {"S": "ORDER"}}, "ConsistentRead": consistent}
    return database.execute("GetItem", request).get("Item", {}).get("due_at")


def test_index_and_eventual_read_lag(clock: Clock) -> None:
    """F16: an index and an eventual read lag, and keep the order of one item's changes. A consistent read does not."""
    lags = {None: 50, "due": 100}
    database = Database(api.table_definition(), name=TABLE, now=clock, lag=lambda index: lags.get(index, 0))
    due(database, "A", 1)
    assert (get(database, "A", consistent=True), get(database, "A", consistent=False)) == ({"N": "1"}, None)
    assert all_due(database) == []
    clock.now += 50
    assert get(database, "A", consistent=False) == {"N": "1"}
    lags["due"] = 10
    due(database, "A", 5)
    due(database, "B", 3)
    clock.now += 10
    assert all_due(database) == ["B"]
    clock.now += 40
    assert all_due(database) == ["B", "A"]


def test_eventual_read_shows_each_change_after_its_own_lag(clock: Clock) -> None:
    """A later change does not hide the one before it for longer."""
    database = Database(api.table_definition(), name=TABLE, now=clock, lag=lambda index: 50)
    due(database, "A", 1)
    clock.now += 40
    due(database, "A", 2)
    assert get(database, "A", consistent=False) is None
    clock.now += 10
    assert get(database, "A", consistent=False) == {"N": "1"}
    clock.now += 40
    assert get(database, "A", consistent=False) == {"N": "2"}


def test_page_ends_at_its_limit(database: Database) -> None:
    """F26: a query continues from its last key, and a batch returns its unprocessed keys."""
    for number in range(5):
        due(database, f"{number}", number)
    database.page_items = 2
    simulated = client(database)
    pages = outcome(
        simulated,
        (
            "query",
            Caller(0).query()[1]
            | {
                "IndexName": "due",
                "KeyConditionExpression": "due_pk = :partition",
                "ExpressionAttributeValues": {":partition": {"S": "DUE"}},
                "ScanIndexForward": False,
                "Limit": 100,
                "Select": "ALL_PROJECTED_ATTRIBUTES",
            },
        ),
    )
    assert [[item["pk"]["S"] for item in page["Items"]] for page in pages] == [["4", "3"], ["2", "1"], ["0"]]
    keys = [{"pk": {"S": f"{number}"}, "sk": {"S": "ORDER"}} for number in range(3)]
    answer = simulated.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
    assert len(answer["Responses"][TABLE]) == 2
    assert answer["UnprocessedKeys"] == {TABLE: {"Keys": keys[2:], "ConsistentRead": True}}


def test_token_is_idempotent_for_ten_minutes(clock: Clock) -> None:
    """F10: a transaction token is idempotent for ten minutes."""
    database = Database(api.table_definition(), name=TABLE, now=clock)
    update = {
        "TableName": TABLE,
        "Key": {"pk": {"S": "A"}, "sk": {"S": "ORDER"}},
        "UpdateExpression": "ADD visits :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    request = {"TransactItems": [{"Update": update}], "ClientRequestToken": "token"}
    for minutes, visits in ((0, "1"), (9, "1"), (2, "2")):
        clock.now += minutes * 60_000
        database.execute("TransactWriteItems", request)
        assert database.items["A", "ORDER"]["visits"] == {"N": visits}


def test_ttl_deletes_expired_item_and_marks_record(clock: Clock) -> None:
    """F17: nothing before its second, and a stream record that names the TTL service."""
    database = Database(api.table_definition(), name=TABLE, now=clock)
    due(database, "A", 1)
    clock.now += 60_000 - NOW % 1000 - 1
    database.expire(("A", "ORDER"))
    assert database.expired() == []
    assert get(database, "A", consistent=True) is not None
    clock.now += 1
    assert database.expired() == [("A", "ORDER")]
    database.expire(("A", "ORDER"))
    assert (database.items, all_due(database)) == ({}, [])
    put, removed = [change.stream_record("arn") for change in database.changes]
    assert (put["eventName"], "userIdentity" in put, "OldImage" in put["dynamodb"]) == ("INSERT", False, False)
    assert (removed["eventName"], removed["userIdentity"]["principalId"]) == ("REMOVE", "dynamodb.amazonaws.com")
    assert removed["dynamodb"]["OldImage"] == put["dynamodb"]["NewImage"]


@pytest.mark.integration
def test_unknown_table_is_rejected_by_both(embedded: Any, database: Database) -> None:
    request = ("get_item", {"TableName": "of-somebody-else", "Key": {"pk": {"S": "A"}, "sk": {"S": "ORDER"}}})
    refused = [outcome(aws, request)[0] for aws in (embedded, client(database))]
    assert refused == ["ResourceNotFoundException", "ResourceNotFoundException"]


def test_unknown_expression_raises_unsupported(database: Database) -> None:
    request = {
        "TableName": TABLE,
        "Key": {"pk": {"S": "A"}, "sk": {"S": "ORDER"}},
        "UpdateExpression": "SET visits = list_append(visits, :one)",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    with pytest.raises(expressions.Unsupported):
        database.execute("UpdateItem", request)
