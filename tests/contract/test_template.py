"""template.yaml is readable: line length, sections, descriptions, and the generated dashboard."""

import re
from typing import Any

import pytest

from infra.build import dashboard
from tests import api
from tests.api import ROOT
from tests.contract.test_rollout import translated

TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
MAX_LINE = 200
MAX_RESOURCES = 460
"""AWS refuses a stack of more than 500. Above our budget, operators' functions move to a stack of their own."""


def test_no_line_is_too_long() -> None:
    lines = enumerate(TEMPLATE.splitlines(), start=1)
    assert [number for number, line in lines if len(line) > MAX_LINE] == []


def test_the_stack_is_within_its_budget_of_resources() -> None:
    """Counted in the translated template, where a function is four to seven resources."""
    assert len(translated(TEMPLATE)) <= MAX_RESOURCES


def test_the_dashboard_is_the_generated_one() -> None:
    """Run `make dashboard` after a change of infra/build/dashboard.py."""
    assert dashboard.written(TEMPLATE) == TEMPLATE


def test_the_table_of_contents_lists_the_sections() -> None:
    contents, _, rest = TEMPLATE.partition("\nAWSTemplateFormatVersion")
    resources = rest.partition("\nResources:\n")[2]
    assert re.findall(r"(?m)^#   (\S.*)$", contents) == re.findall(r"(?m)^  # -{64} (.*)$", resources)


def test_each_function_is_in_the_section_of_its_folder() -> None:
    parts = re.split(r"(?m)^  # -{64} (.*)$", TEMPLATE.partition("\nResources:\n")[2])
    for section, text in zip(parts[1::2], parts[2::2], strict=True):
        folders = {f"functions/{folder}" for folder in re.findall(r"(?m)^      Handler: functions\.(\w+)\.", text)}
        assert folders <= set(section.split(", ")), section


@pytest.mark.parametrize("name", api.template()["Parameters"])
def test_a_parameter_has_a_description(name: str) -> None:
    """The description gives the unit: a name like ReadsPerHour does not say whose reads."""
    assert len(api.template()["Parameters"][name].get("Description", "")) > len("Base URL")


def sources(kind: str) -> dict[str, dict[str, Any]]:
    """The event sources of a kind (SQS, DynamoDB), by the function that they invoke."""
    return {
        name: event["Properties"]
        for name, resource in api.template()["Resources"].items()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if resource["Type"] == "AWS::Serverless::Function" and event["Type"] == kind
    }


def test_each_queue_has_a_maximum_of_concurrent_readers() -> None:
    """Otherwise Lambda takes more messages than it can start, and each throttled start uses up a receive."""
    assert set(sources("SQS")) == {"FindAudience", "SendOffer", "SendNotice"}
    for function, source in sources("SQS").items():
        assert 2 <= source.get("ScalingConfig", {}).get("MaximumConcurrency", 0) <= 20, function
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"], function


def test_news_is_given_up_by_age() -> None:
    """L9: after an hour an order is over; ten attempts may pass within a minute of an outage."""
    hour = 60 * 60
    assert set(sources("DynamoDB")) == {"OrderChanged", "LockExpired"}
    changes = sources("DynamoDB")["OrderChanged"]
    assert (changes["MaximumRecordAgeInSeconds"], changes["MaximumRetryAttempts"]) == (hour, -1)
    assert changes["ParallelizationFactor"] == 10, "a record that always fails holds back a tenth of the orders"
    new_orders = api.template()["Resources"]["NewOrders"]["Properties"]
    assert new_orders["VisibilityTimeout"] * new_orders["RedrivePolicy"]["maxReceiveCount"] >= hour
    locks = sources("DynamoDB")["LockExpired"]
    assert 0 < locks["MaximumRetryAttempts"] <= 10, "the sweep has ended the order before"
    for source in (changes, locks):
        assert source["BisectBatchOnFunctionError"]
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["DestinationConfig"]["OnFailure"]["Destination"] == "StreamDeadLetters.Arn"


def test_each_alarm_description_says_what_to_check() -> None:
    """The alarm's mail contains little else; docs/operations.md says what to do."""
    alarms = [
        resource for resource in api.template()["Resources"].values() if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert alarms
    for alarm in alarms:
        assert re.fullmatch(r"Means: .+ Check: .+ See docs/operations\.md\.", alarm["Properties"]["AlarmDescription"])
