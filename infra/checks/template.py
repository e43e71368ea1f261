"""Lint template.yaml with cfn-lint, its informational rules included, and with checkov: part of `make validate`.

cfn-lint reads template.yaml, checkov the translated template, where roles and the API's stage are resources. Neither
calls anybody. accepted.toml lists the findings that stay, each with its reason. Both also read planted.yaml, whose
holes they have to find. Exit code 0: every finding is listed, every entry has its finding, every hole was found; 1:
not so; 2: a linter failed.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from samtranslator.yaml_helper import yaml_parse

from infra.checks.translation import translated

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
ACCEPTED = Path(__file__).parent / "accepted.toml"
PLANTED = Path(__file__).parent / "planted.yaml"

HOLES = {
    "E3012": "a number of seconds that is a word",
    "I3011": "a table that is deleted with its stack",
    "W1011": "a password in a parameter",
    "CKV_AWS_24": "SSH that is open to everybody",
    "CKV_AWS_110": "a policy that allows every action",
    "CKV_AWS_258": "the URL of a function that everybody may call",
}
"""What each linter has to find in planted.yaml, by its rule."""


class Finding(NamedTuple):
    """A finding: the rule, and the logical name and the type of its resource, both empty for the template itself."""

    rule: str
    resource: str = ""
    kind: str = ""


class Accepted(NamedTuple):
    """An entry of accepted.toml. `of`: the name of a resource, a type of resources, or empty for the template."""

    rule: str
    of: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is the entry's."""
        return self.rule == finding.rule and self.of in (finding.resource, finding.kind)


class LinterFailed(Exception):
    """A linter printed no findings in JSON. The message has the end of its output."""


def main() -> int:
    """Run both linters, print what is wrong and return the exit code."""
    accepted = [Accepted(**entry) for entry in tomllib.loads(ACCEPTED.read_text())["accepted"]]
    try:
        found, planted = lint()
    except LinterFailed as error:
        print(f"template.yaml was not linted: {error}", file=sys.stderr)
        return 2
    problems = [*judge(found, accepted), *(f"{rule} missed {HOLES[rule]}" for rule in sorted(set(HOLES) - planted))]
    for problem in problems:
        print(problem)
    print(f"template.yaml: {len(found)} findings, {len(accepted)} entries for them, {len(problems)} problems.")
    return 1 if problems else 0


def judge(found: Sequence[Finding], accepted: Sequence[Accepted]) -> Iterator[str]:
    """Yield each finding that no entry covers, and each entry that covers no finding or gives no reason."""
    for finding in found:
        if not any(entry.covers(finding) for entry in accepted):
            yield f"{finding.rule}: {finding.resource or 'template.yaml'} ({finding.kind}) is not accepted"
    for entry in accepted:
        if not any(entry.covers(finding) for finding in found):
            yield f"{entry.rule}: {entry.of or 'template.yaml'} is accepted, and there is no such finding"
        if not entry.reason.strip():
            yield f"{entry.rule}: {entry.of} is accepted without a reason"


def lint() -> tuple[list[Finding], set[str]]:
    """Run both linters at once. Return the findings in template.yaml, and the rules that found something planted."""
    with tempfile.TemporaryDirectory() as folder:
        as_json = Path(folder) / "template.json"
        as_json.write_text(json.dumps({"Resources": translated(TEMPLATE.read_text())}))
        cfn_lint = _start(
            ROOT / ".venv-sam" / "bin" / "cfn-lint",
            *("--regions", "eu-central-1", "--include-checks", "I", "--format", "json"),
            *("--template", str(TEMPLATE), str(PLANTED)),
        )
        checkov = _start(
            ROOT / ".venv-checkov" / "bin" / "checkov",
            *("--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "--output", "json"),
            *("--file", str(as_json), str(PLANTED)),
        )
        found = [*_of_cfn_lint(_read(cfn_lint)), *_of_checkov(_read(checkov))]
    return (
        [finding for name, finding in found if name != PLANTED.name],
        {finding.rule for name, finding in found if name == PLANTED.name},
    )


def _start(*command: object) -> "subprocess.Popen[str]":
    words = [str(word) for word in command]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own


def _read(linter: "subprocess.Popen[str]") -> Any:
    out, err = linter.communicate()
    try:
        return json.loads(out)
    except ValueError as error:
        raise LinterFailed(f"{Path(str(linter.args[0])).name}: {(out + err)[-1000:]}") from error  # type: ignore[index]


def _of_cfn_lint(found: Any) -> Iterator[tuple[str, Finding]]:
    kinds = {
        Path(path).name: {name: each["Type"] for name, each in yaml_parse(Path(path).read_text())["Resources"].items()}
        for path in (TEMPLATE, PLANTED)
    }
    for each in found:
        file = Path(each["Filename"]).name
        path = each["Location"]["Path"] or []
        name = str(path[1]) if len(path) > 1 and path[0] == "Resources" else ""
        yield file, Finding(each["Rule"]["Id"], name, kinds[file].get(name, ""))


def _of_checkov(found: Any) -> Iterator[tuple[str, Finding]]:
    if found.get("results", {}).get("parsing_errors"):
        raise LinterFailed(f"checkov cannot read {found['results']['parsing_errors']}")
    for each in found["results"]["failed_checks"]:
        kind, _, name = each["resource"].rpartition(".")
        yield Path(each["file_path"]).name, Finding(each["check_id"], name, kind)


if __name__ == "__main__":
    sys.exit(main())
