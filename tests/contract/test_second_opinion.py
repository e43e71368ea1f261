"""The linters' findings are compared with the accepted ones, in both directions; `make validate` runs the linters."""

import tomllib

import pytest

from infra.checks import template
from infra.checks.template import ACCEPTED, HOLES, Accepted, Finding, judge
from tests.contract.wiring import TEMPLATE, translated

KEY = Accepted("CKV_AWS_119", "Table", "DynamoDB's own key")
FUNCTIONS = Accepted("CKV_AWS_117", "AWS::Lambda::Function", "nothing to reach in a VPC")
WHOLE = Accepted("I4010", "", "the architecture is a document")
FOUND = [
    Finding("CKV_AWS_119", "Table", "AWS::DynamoDB::Table"),
    Finding("CKV_AWS_117", "GetMe", "AWS::Lambda::Function"),
    Finding("CKV_AWS_117", "Sweep", "AWS::Lambda::Function"),
    Finding("I4010"),
]


def test_accepted_findings_are_no_problem() -> None:
    assert list(judge(FOUND, [KEY, FUNCTIONS, WHOLE])) == []


@pytest.mark.parametrize("left_out", [KEY, FUNCTIONS, WHOLE])
def test_a_finding_without_its_entry_is_a_problem(left_out: Accepted) -> None:
    problems = list(judge(FOUND, [each for each in (KEY, FUNCTIONS, WHOLE) if each is not left_out]))
    assert problems
    assert all(problem.startswith(f"{left_out.rule}: ") and "is not accepted" in problem for problem in problems)


@pytest.mark.parametrize("stale", range(len(FOUND)))
def test_an_entry_without_its_finding_is_a_problem(stale: int) -> None:
    """A type of resources keeps its entry while one of them has the finding."""
    problems = list(judge([each for place, each in enumerate(FOUND) if place != stale], [KEY, FUNCTIONS, WHOLE]))
    assert [problem.partition(":")[0] for problem in problems] == (
        [] if FOUND[stale].rule == FUNCTIONS.rule else [FOUND[stale].rule]
    )


def test_an_entry_covers_no_other_rule_or_resource() -> None:
    other = [
        Finding("CKV_AWS_119", "Offers", "AWS::SQS::Queue"),
        Finding("CKV_AWS_28", "Table", "AWS::DynamoDB::Table"),
    ]
    assert len(list(judge([*FOUND, *other], [KEY, FUNCTIONS, WHOLE]))) == 2


def test_an_entry_without_a_reason_is_a_problem() -> None:
    assert len(list(judge(FOUND, [KEY._replace(reason=" "), FUNCTIONS, WHOLE]))) == 1


def test_a_hole_that_no_linter_sees_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so is an entry of the real list whose finding is gone."""
    accepted = [Accepted(**each) for each in tomllib.loads(ACCEPTED.read_text())["accepted"]]
    found = [Finding(each.rule, each.of, each.of) for each in accepted]
    monkeypatch.setattr(template, "lint", lambda: (found, set(HOLES)))
    assert template.main() == 0
    monkeypatch.setattr(template, "lint", lambda: (found, set(HOLES) - {"CKV_AWS_24"}))
    assert template.main() == 1
    assert f"CKV_AWS_24 missed {HOLES['CKV_AWS_24']}" in capsys.readouterr().out
    monkeypatch.setattr(template, "lint", lambda: (found[1:], set(HOLES)))
    assert template.main() == 1
    assert f"{found[0].rule}: " in capsys.readouterr().out


def test_accepted_findings_are_about_what_there_is() -> None:
    """Seen without the linters: a resource or a type that the template does not have any more."""
    resources = translated(TEMPLATE)
    known = {"", *resources, *(each["Type"] for each in resources.values())}
    entries = tomllib.loads(ACCEPTED.read_text())["accepted"]
    assert {entry["of"] for entry in entries} <= known
    assert len({(entry["rule"], entry["of"]) for entry in entries}) == len(entries)
