"""template.yaml is readable: line length, sections, descriptions, and the generated dashboard."""

import re

import pytest

from infra.build import dashboard
from tests import api
from tests.contract.wiring import TEMPLATE, Source, logical, read, translated

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


def source_of(function: str) -> Source:
    """The event source of a function."""
    [source] = [each for each in read(translated(TEMPLATE)).sources.values() if each.invokes.function == function]
    return source


@pytest.mark.parametrize("function", ["FindAudience", "SendOffer", "SendNotice"])
def test_a_queue_has_few_concurrent_readers(function: str) -> None:
    """Telegram's limit on sending: more senders would only wait for each other (shared/store/send_rate.py)."""
    assert 2 <= (source_of(function).concurrency or 0) <= 20


def test_news_is_given_up_by_age() -> None:
    """L9: after an hour an order is over; ten attempts may pass within a minute of an outage."""
    hour = 60 * 60
    changes = source_of("OrderChanged")
    assert (changes.age, changes.attempts) == (hour, -1)
    assert changes.parallel == 10, "a record that always fails holds back a tenth of the orders"
    wiring = read(translated(TEMPLATE))
    new_orders = wiring.queues[logical(source_of("FindAudience").of)]
    assert new_orders.visibility * (new_orders.receives or 0) >= hour
    locks = source_of("LockExpired")
    assert 0 < (locks.attempts or 0) <= 10, "the sweep has ended the order before"
    assert {changes.failures_to, locks.failures_to} == {"${StreamDeadLetters.Arn}"}


def test_each_alarm_description_says_what_to_check() -> None:
    """The alarm's mail contains little else; docs/operations.md says what to do."""
    alarms = [
        resource for resource in api.template()["Resources"].values() if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert alarms
    for alarm in alarms:
        assert re.fullmatch(r"Means: .+ Check: .+ See docs/operations\.md\.", alarm["Properties"]["AlarmDescription"])
