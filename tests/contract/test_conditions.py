"""P7, G9: a condition in a policy is not met by a request that lacks its condition key.

The conditions are evaluated by the policy engine of the embedded AWS. The integration tests do not show this: the
embedded AWS itself never sets dynamodb:LeadingKeys (docs/local.md).
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, ParsedStatement, evaluate

from tests.contract.wiring import TEMPLATE, translated

LEADING, ENCLOSING = "dynamodb:LeadingKeys", "dynamodb:EnclosingOperation"


def statements(part: Any) -> Iterator[dict[str, Any]]:
    """Every statement of every policy in a template, trust policies included."""
    if isinstance(part, list):
        for element in part:
            yield from statements(element)
    elif isinstance(part, dict):
        if "Effect" in part:
            yield part
        for element in part.values():
            yield from statements(element)


def open_keys(template: Any) -> list[tuple[str, str]]:
    """The operators and condition keys of Allow statements that a request without the key would satisfy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    found = []
    for statement in statements(template):
        condition = statement.get("Condition", {})
        assert statement["Effect"] == "Allow"
        for operator, keys in condition.items():
            if not (operator.startswith("ForAllValues:") or operator.endswith("IfExists") or "Not" in operator):
                continue
            found += [(operator, key) for key in keys if condition.get("Null", {}).get(key) != "false"]
    return found


def limited(template: Any) -> list[dict[str, Any]]:
    """The statements that are limited to partition keys."""
    return [each for each in statements(template) if "ForAllValues:StringLike" in each.get("Condition", {})]


def is_allowed(statement: dict[str, Any], **keys: list[str]) -> bool:
    """Whether the policy engine allows the statement's action for a request with these condition keys."""
    allowing = ParsedStatement(
        sid="", effect="Allow", actions=["*"], resources=["*"], conditions=statement["Condition"]
    )
    context = EvalContext(
        principal_arn="role",
        principal_type="AssumedRole",
        principal_account="1",
        action="dynamodb:PutItem",
        resource_arn="table",
        region="eu-central-1",
        service_context=keys,
    )
    return bool(evaluate(context, [[allowing]]).decision == "Allow")


@pytest.fixture
def deployed() -> Any:
    """The translated template, which a test may change."""
    return json.loads(json.dumps(translated(TEMPLATE)))


def test_no_condition_is_met_by_a_missing_key(deployed: Any) -> None:
    assert open_keys(deployed) == []


def test_each_planted_missing_guard_is_found(deployed: Any) -> None:
    for number, statement in enumerate(limited(deployed), start=1):
        del statement["Condition"]["Null"]
        assert open_keys(deployed) == [("ForAllValues:StringLike", LEADING)] * number


@pytest.mark.parametrize("operator", ["StringEqualsIfExists", "StringNotEquals", "ForAllValues:StringEquals"])
def test_a_planted_open_operator_is_found(deployed: Any, operator: str) -> None:
    statement = limited(deployed)[0]
    statement["Condition"][operator] = {ENCLOSING: ["TransactWriteItems"]}
    assert open_keys(deployed) == [(operator, ENCLOSING)]


def test_limited_statements_need_a_matching_partition_key(deployed: Any) -> None:
    found = limited(deployed)
    assert len(found) > 15
    for statement in found:
        own = [pattern.replace("*", "1") for pattern in statement["Condition"]["ForAllValues:StringLike"][LEADING]]
        inside = {ENCLOSING.lower(): ["TransactWriteItems"]}
        assert is_allowed(statement, **{LEADING.lower(): own}, **inside)
        assert not is_allowed(statement, **{LEADING.lower(): [*own, "OTHER#1"]}, **inside)
        assert not is_allowed(statement, **inside), "no partition key"
