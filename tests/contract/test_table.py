"""The table of the template has the keys and indexes that shared/store expects."""

import itertools
from typing import Any

from shared.store import keys
from tests import api

TABLE: dict[str, Any] = api.template()["Resources"]["Table"]["Properties"]
INDEXES = [value for value in vars(keys).values() if isinstance(value, keys.Index)]


def key_names(definition: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key["AttributeName"], key["KeyType"]) for key in definition["KeySchema"]]


def test_the_table_has_the_keys_of_the_store() -> None:
    assert key_names(TABLE) == [("pk", "HASH"), ("sk", "RANGE")]
    assert set(keys.Key.__annotations__) == {"pk", "sk"}


def test_the_table_has_the_indexes_of_the_store() -> None:
    defined = {index["IndexName"]: key_names(index) for index in TABLE["GlobalSecondaryIndexes"]}
    assert defined == {index.name: [(index.pk, "HASH"), (index.sk, "RANGE")] for index in INDEXES}


def test_the_lists_project_what_a_list_shows_and_no_more() -> None:
    """A contact is never copied into an index (I17). The due index keeps to its keys, so that counting is cheap."""
    projected = {index["IndexName"]: index["Projection"] for index in TABLE["GlobalSecondaryIndexes"]}
    assert projected.pop(keys.DUE.name) == {"ProjectionType": "KEYS_ONLY"}
    assert all(one == {"ProjectionType": "INCLUDE", "NonKeyAttributes": [keys.LISTED]} for one in projected.values())


Indexes = list[dict[str, Any]]


def index_changes(before: Indexes, after: Indexes) -> int:
    """How many indexes an update of the table creates or deletes. CloudFormation refuses more than one.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-table.html, Update requires
    """
    return sum(index not in after for index in before) + sum(index not in before for index in after)


def successions(before: Indexes, after: Indexes) -> list[Indexes]:
    """The tables of docs/deployment.md: each changed index gets a successor, then the old one is removed."""
    steps = [before]
    for old in before:
        if old in after:
            continue
        [new] = [index for index in after if index["IndexName"] == old["IndexName"]]
        steps.append([*steps[-1], {**new, "IndexName": f"{old['IndexName']}_2"}])
        steps.append([index for index in steps[-1] if index != old])
    return steps


def test_each_step_of_a_move_changes_one_index() -> None:
    """From indexes that hold keys only to those of the template."""
    after: Indexes = TABLE["GlobalSecondaryIndexes"]
    before = [{**index, "Projection": {"ProjectionType": "KEYS_ONLY"}} for index in after]
    steps = successions(before, after)
    assert [index_changes(one, other) for one, other in itertools.pairwise(steps)] == [1] * 10
    assert index_changes(before, after) == 10, "at once, each changed projection is an index deleted and one created"


def test_only_the_due_time_is_a_number_key() -> None:
    numbers = {
        attribute["AttributeName"] for attribute in TABLE["AttributeDefinitions"] if attribute["AttributeType"] != "S"
    }
    assert numbers == {keys.DUE.sk}


def test_the_table_has_ttl_stream_and_backups() -> None:
    assert TABLE["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert TABLE["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert TABLE["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert TABLE["BillingMode"] == "PAY_PER_REQUEST"
