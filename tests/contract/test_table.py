"""The table of the template has the keys and indexes that shared/store expects."""

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


def test_every_index_projects_keys_only() -> None:
    """So a take or a balance change updates no index, and no contact is copied into one (I17)."""
    for index in TABLE["GlobalSecondaryIndexes"]:
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


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
