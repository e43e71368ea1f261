"""Stream filters: of recorded records of the table's stream, each lets pass its own and nothing else.

The records in stream_records.json come from the stream of the embedded AWS, while the integration tests used the
service: one for each kind of item and event. Six removals are made of these in the documented form. The embedded
AWS does not say that TTL removed an item:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.operate import redrive
from tests.contract.event_filter import MAX_FILTERS, MAX_PATTERN, NotAPattern, passes
from tests.contract.plants import Plant, drop, planted, put
from tests.contract.wiring import TEMPLATE, Wiring, read, translated

RECORDS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "stream_records.json").read_text())
BY_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def kind_of(record: Mapping[str, Any]) -> str:
    """The kind of a record's item: the words of its keys."""
    keys = record["dynamodb"]["Keys"]
    return " ".join(keys[name]["S"].partition("#")[0] for name in ("pk", "sk"))


def is_of(function: str, record: Mapping[str, Any]) -> bool:
    """Whether a function is to get the record: `functions/streams/` says of each which records it is for."""
    event, is_by_ttl = record["eventName"], record.get("userIdentity") == BY_TTL
    return {
        "OrderChanged": kind_of(record) == "ORDER ORDER" and event in ("INSERT", "MODIFY"),
        "LockExpired": kind_of(record) == "CONTACT CONTACT" and event == "REMOVE" and is_by_ttl,
    }[function]


def wrong_filters(wiring: Wiring) -> Iterator[str]:
    """Describe each pattern that Lambda refuses, and each record that a filter lets pass, or holds back, in error."""
    for name, source in wiring.sources.items():
        if not source.is_stream:
            continue
        if not 0 < len(source.patterns) <= MAX_FILTERS or any(len(each) > MAX_PATTERN for each in source.patterns):
            yield f"{name} has {len(source.patterns)} filters, or a long one"
        try:
            patterns = [json.loads(each) for each in source.patterns]
            for record in RECORDS:
                event = f"{record['eventName']} of {kind_of(record)}"
                does_pass = any([passes(record, each) for each in patterns])  # noqa: C419 - each is validated
                if does_pass is not is_of(source.invokes.function, record):
                    yield f"{name}: {event} {'passes' if does_pass else 'does not pass'}"
                # `make redrive` filters the records anew, and knows exact values only.
                if does_pass is not any(redrive.passes(record, each) for each in patterns):
                    yield f"{name}: make redrive disagrees on {event}"
        except (ValueError, NotAPattern) as error:
            yield f"{name}: {error}"


def test_filters_pass_exactly_their_records() -> None:
    assert list(wrong_filters(read(translated(TEMPLATE)))) == []


def test_records_have_the_images_of_the_stream() -> None:
    """The functions compare both images; a record of a deleted item has the old one only."""
    view = translated(TEMPLATE)["Table"]["Properties"]["StreamSpecification"]["StreamViewType"]
    images = {"INSERT": {"NewImage"}, "MODIFY": {"NewImage", "OldImage"}, "REMOVE": {"OldImage"}}
    for record in RECORDS:
        assert record["dynamodb"]["StreamViewType"] == view == "NEW_AND_OLD_IMAGES"
        assert {name for name in record["dynamodb"] if name.endswith("Image")} == images[record["eventName"]]


def test_records_cover_every_event_of_the_filtered_items() -> None:
    """And of other items, which share the stream: some with the same partition key as an order."""
    found = {(kind_of(each), each["eventName"], "userIdentity" in each) for each in RECORDS}
    for kind in ("ORDER ORDER", "CONTACT CONTACT"):
        assert {(kind, "INSERT", False), (kind, "REMOVE", True)} <= found
    assert {("ORDER ORDER", "MODIFY", False), ("CONTACT CONTACT", "REMOVE", False)} <= found
    assert {("ORDER REVIEW", "INSERT", False), ("UPDATE UPDATE", "REMOVE", True)} <= found
    assert len({kind for kind, _, _ in found}) >= 15


ORDERS, LOCKS = "OrderChangedOrders.FilterCriteria.Filters", "LockExpiredLocks.FilterCriteria.Filters"
ORDER_KEYS = {"Keys": {"sk": {"S": ["ORDER"]}}}
CHANGED: dict[str, Any] = {"eventName": ["INSERT", "MODIFY"]}
LOCK: dict[str, Any] = {
    "eventName": ["REMOVE"],
    "userIdentity": {"principalId": ["dynamodb.amazonaws.com"]},
    "dynamodb": {"Keys": {"sk": {"S": ["CONTACT"]}}},
}


@pytest.mark.parametrize(
    "plant",
    [
        drop("LockExpiredLocks.FilterCriteria"),
        put(ORDERS, []),
        put(f"{ORDERS}.0.Pattern", json.dumps({"eventName": ["INSERT"], "dynamodb": ORDER_KEYS})),
        put(f"{ORDERS}.0.Pattern", json.dumps({"dynamodb": ORDER_KEYS})),
        put(f"{ORDERS}.0.Pattern", json.dumps(CHANGED | {"dynamodb": {"Keys": {"pk": {"S": ["ORDER"]}}}})),
        put(f"{ORDERS}.0.Pattern", json.dumps(CHANGED | {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ORDER#"}]}}}})),
        put(f"{ORDERS}.0.Pattern", json.dumps({"eventName": "INSERT", "dynamodb": ORDER_KEYS})),
        put(f"{ORDERS}.0.Pattern", '{"eventName": ["INSERT", "MODIFY"]'),
        put(f"{ORDERS}.0.Pattern", json.dumps({"eventName": [{"anything-but": ["REMOVE"]}], "dynamodb": ORDER_KEYS})),
        put(f"{LOCKS}.0.Pattern", json.dumps({name: LOCK[name] for name in ("eventName", "dynamodb")})),
        put(f"{LOCKS}.0.Pattern", json.dumps({name: LOCK[name] for name in ("eventName", "userIdentity")})),
        put(f"{LOCKS}.0.Pattern", json.dumps(LOCK | {"userIdentity": {"principalId": ["dynamodb"]}})),
        put(f"{LOCKS}.0.Pattern", json.dumps(LOCK | {"userIdentity": {"PrincipalId": ["dynamodb.amazonaws.com"]}})),
        put(f"{LOCKS}.0.Pattern", json.dumps(LOCK | {"userIdentity": {"principalId": [{"exists": False}]}})),
        put(f"{LOCKS}.0.Pattern", json.dumps(LOCK | {"dynamodb": {"NewImage": {"sk": {"S": ["CONTACT"]}}}})),
        put(f"{LOCKS}.0.Pattern", json.dumps(LOCK | {"eventName": [{"prefix": "REM"}]})),
        put(f"{LOCKS}.0.Pattern", json.dumps(LOCK | {"eventName": [{"begins-with": "REM"}]})),
    ],
)
def test_a_planted_wrong_filter_is_found(plant: Plant) -> None:
    assert list(wrong_filters(read(planted(plant))))


@pytest.mark.parametrize(
    ("value", "comparison", "is_match"),
    [
        ("a", "a", True),
        ("a", "b", False),
        (None, None, True),
        ("", "", True),
        (5, "5", False),
        (True, 1, False),
        (["a", "b"], "b", True),
        ("Ab", {"equals-ignore-case": "aB"}, True),
        ("abc", {"prefix": "ab"}, True),
        ("abc", {"prefix": "bc"}, False),
        ("abc", {"suffix": "bc"}, True),
        ("a", {"anything-but": ["b"]}, True),
        ("b", {"anything-but": ["b"]}, False),
        (7, {"numeric": [">", 5, "<=", 7]}, True),
        (7, {"numeric": ["=", 8]}, False),
        ("a", {"exists": True}, True),
        ("a", {"exists": False}, False),
    ],
)
def test_a_comparison_of_the_grammar(value: Any, comparison: Any, is_match: bool) -> None:
    """The examples of the documentation, and their opposites."""
    assert passes({"field": value}, {"field": [comparison]}) is is_match
    assert passes({"outer": {"field": value}}, {"outer": {"field": [comparison]}}) is is_match


def test_fields_are_a_conjunction_and_values_a_choice() -> None:
    pattern = {"a": ["1", "2"], "b": ["3"]}
    assert passes({"a": "2", "b": "3"}, pattern)
    assert not passes({"a": "2"}, pattern)
    assert not passes({"b": "3"}, pattern)
    assert passes({"b": "4"}, {"$or": [{"a": ["1"]}, {"b": ["4"]}]})
    assert passes({}, {"a": [{"exists": False}]})
    assert not passes({}, {"a": [{"anything-but": ["1"]}]})


@pytest.mark.parametrize(
    "pattern",
    [
        *({}, [], {"a": "1"}, {"a": []}, {"a": [["1"]]}, {"a": [{"like": "1"}]}, {"$or": [{"a": ["1"]}]}),
        *({"a": [{"numeric": ["~", 1]}]}, {"a": [{"prefix": "1", "suffix": "2"}]}, {"a": [{"exists": "yes"}]}),
    ],
)
def test_a_pattern_that_lambda_refuses_is_refused(pattern: Any) -> None:
    with pytest.raises(NotAPattern):
        passes({"a": "1"}, pattern)
