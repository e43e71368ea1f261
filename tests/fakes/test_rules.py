"""Every documented rule of DynamoDB refuses its wrong request, with DynamoDB's message, and lets right ones pass."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.services._dynamodb_keywords import AWS_KEYWORDS
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests import api
from tests.conftest import TABLE
from tests.fakes import expressions, rules, sdk
from tests.fakes.dynamodb import Database
from tests.fakes.wrong_requests import RIGHT, WRONG, Request, Wrong

SCHEMA = rules.Schema.of(api.table_definition())


@pytest.fixture(scope="module")
def client() -> Any:
    """A client of a table in memory, which sends also what the SDK would refuse itself."""
    made = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}, parameter_validation=False))
    sdk.over_the_wire(made, Database(api.table_definition(), name=TABLE, now=lambda: 0).execute)
    return made


def refusal(client: Any, request: Request) -> str:
    """Return why a request breaks a rule; an empty string if it does not."""
    name, parameters = request
    try:
        getattr(client, name)(**parameters)
    except ClientError as error:
        refused = error.response["Error"]["Code"] == "ValidationException"
        return str(error.response["Error"]["Message"]) if refused else ""
    except expressions.Unsupported as unsupported:
        if str(unsupported) != "BatchWriteItem":  # the database in memory has no such operation, the rules do
            raise
    return ""


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.rule)
def test_wrong_request_is_refused_with_the_message(client: Any, wrong: Wrong) -> None:
    for request in wrong.before:
        assert refusal(client, request) == ""
    assert wrong.message in refusal(client, wrong.request)


@pytest.mark.parametrize("name", RIGHT)
def test_right_request_beside_it_passes(client: Any, name: str) -> None:
    assert refusal(client, RIGHT[name]) == ""


def test_every_wrong_request_has_a_rule_of_its_own() -> None:
    assert len({wrong.rule for wrong in WRONG}) == len(WRONG) > 80


def test_reserved_words_are_the_documented_ones() -> None:
    """The guide lists 573 words."""
    assert len(expressions.RESERVED) == 573
    assert {"ABORT", "STATUS", "TTL", "NAME", "ZONE"} <= expressions.RESERVED
    assert all(word.isalpha() and word.isupper() for word in expressions.RESERVED)


def test_reserved_words_are_those_of_other_emulators() -> None:
    assert expressions.RESERVED == set(AWS_KEYWORDS) == set(ReservedKeywords.get_reserved_keywords())


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"shirt-color": {"S": "R"}, "shirt-size": {"S": "M"}}, 23),  # the guide's example
        ({"n": {"N": "0"}}, 3),
        ({"n": {"N": "-12345"}}, 6),
        ({"b": {"B": b"123"}, "c": {"B": "MTIz"}}, 8),
        ({"m": {"M": {}}, "l": {"L": []}}, 8),
        ({"m": {"M": {"a": {"NULL": True}}}}, 7),
        ({"l": {"L": [{"BOOL": False}, {"S": "ж"}]}}, 9),
        ({"s": {"SS": ["a", "bc"]}, "t": {"NS": ["1", "22"]}}, 9),
    ],
)
def test_size_of_an_item_follows_the_guide(item: dict[str, Any], size: int) -> None:
    assert rules.size_of(item) == size


def test_cheap_bound_is_never_below_the_size() -> None:
    items = [request["Item"] for request in (wrong.request[1] for wrong in WRONG) if "Item" in request]
    for item in items:
        try:
            bound = rules.check_size(item, updated=False)
        except expressions.Invalid:
            continue
        assert bound >= rules.size_of(item)


def test_request_that_the_rules_do_not_know_is_unsupported() -> None:
    with pytest.raises(expressions.Unsupported):
        rules.check("ExecuteStatement", {"Statement": "SELECT * FROM t"}, lambda table: SCHEMA)
