"""The documents: every name, path and link in them exists, and every resource and setting is documented."""

import ast
import json
import re
import tomllib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from shared.domain.order import Status
from shared.error_responses import ERROR_RESPONSES, HTTP_ERROR_RESPONSES
from shared.store import keys
from tests import api
from tests.api import ROOT
from tests.contract import files

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "tests" / "README.md",
    ROOT / "tests" / "tla" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / ".github").glob("*.md")),
]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


RESOURCES = api.template()["Resources"]
ALARMS = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"}

# The dashboard's metrics: namespace, metric, dimension, its value, statistic.
SHOWN = [
    metric
    for widget in json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"])["widgets"]
    for metric in widget["properties"]["metrics"]
]

OURS = "UrgentServices"


def watched(alarm: str) -> list[list[Any]]:
    """The metrics of an alarm: namespace, metric, dimension and its value."""
    properties = RESOURCES[alarm]["Properties"]
    asked = [part["MetricStat"]["Metric"] for part in properties.get("Metrics", []) if "MetricStat" in part]
    found = []
    for metric in asked or [properties]:
        [dimension] = metric["Dimensions"]
        found.append([metric["Namespace"], metric["MetricName"], dimension["Name"], dimension["Value"]])
    return found


def test_the_architecture_names_every_resource() -> None:
    assert set(RESOURCES) - ALARMS <= set(re.findall(r"\b[A-Z]\w+", ARCHITECTURE))


def test_every_alarm_has_a_runbook_section() -> None:
    """Each alarm has one heading with the parts Means, Check and Do."""
    headings = re.findall(r"(?ms)^### (\w+Alarm)\n(.*?)(?=^##|\Z)", (ROOT / "docs" / "operations.md").read_text())
    assert sorted(name for name, _ in headings) == sorted(ALARMS)
    for name, text in headings:
        parts = re.findall(r"(?m)^\*(\w+)\*\n\n[-1]", text)
        assert parts == ["Means", "Check", "Do"], name


def test_every_watched_metric_is_written_by_the_code() -> None:
    """The code writes every custom metric of an alarm or widget; every alarm's metric is on the dashboard."""
    sources = "".join(path.read_text() for part in ("functions", "shared") for path in (ROOT / part).rglob("*.py"))
    shown = {metric[1] for metric in SHOWN if metric[0] == OURS}
    alarming = {metric for alarm in ALARMS for namespace, metric, *_ in watched(alarm) if namespace == OURS}
    told = (ROOT / "docs" / "operations.md").read_text()
    for name in shown | alarming:
        # Two widgets use a search: the reasons why a message was not sent, and the age of each queue.
        is_composed = name.startswith("Dropped") or name.endswith("sAge")
        assert (f"`{name}`" in told) if is_composed else (f'"{name}"' in sources), name
    assert alarming <= shown


def test_every_alarm_metric_is_on_the_dashboard() -> None:
    """This includes AWS's own metrics, with the same queue or API as dimension."""
    shown = [metric[:4] for metric in SHOWN]
    for name in ALARMS:
        for *asked, value in watched(name):
            assert [*asked, value] in shown or [*asked, f"${{{value}}}"] in shown, name


def test_a_stage_watches_its_own_metrics_only() -> None:
    """Alarms and dashboard read the metrics of this stage's functions only."""
    service = api.template()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert service.endswith("${Stage}")
    asked = [metric[2:4] for metric in SHOWN if metric[0] == OURS]
    asked += [metric[2:4] for alarm in ALARMS for metric in watched(alarm) if metric[0] == OURS]
    assert len(asked) > len(ALARMS)
    assert all(dimension == ["service", service] for dimension in asked)


def test_every_cited_code_is_explained_once() -> None:
    """Every code such as I7 or F24 that a file cites is explained in exactly one place."""
    rows = re.findall(r"(?m)^\| ([IPLFG][^|]*)\|", (ROOT / "docs" / "invariants.md").read_text())
    explained = Counter(
        f"{kind}{number}"
        for kind, first, last in re.findall(r"\b([IPLFG])(\d+)(?: … [IPLFG](\d+))?", " ".join(rows))
        for number in range(int(first), int(last or first) + 1)
    )
    cited = {
        code
        for path in files.of_the_project()
        if path.suffix in (".md", ".py", ".tla", ".cfg")
        for code in re.findall(r"(?<![\w#/.-])[IPLFG][1-9]\d?(?!\w)", path.read_text())
    }
    assert len(explained) > 60
    assert max(explained.values()) == 1, explained.most_common(1)
    assert cited <= set(explained), cited - set(explained)


def test_the_deployment_diagram_names_only_resources() -> None:
    diagram = re.sub(r'"[^"]*"|\(\[[^\]]*\]\)|-- [a-z ]+ -->|\[[^\]]*\]', "", blocks(ARCHITECTURE, "mermaid")[0])
    assert set(re.findall(r"\b[A-Z][a-z]\w+", diagram)) <= set(RESOURCES)


def test_the_data_model_names_every_key() -> None:
    text = (ROOT / "docs" / "data-model.md").read_text()
    source = (ROOT / "shared" / "store" / "keys.py").read_text()
    prefixes = set(re.findall(r'f?"([A-Z_]{2,}#?)', source))
    named = set(re.findall(r"`([A-Z_]+#?)", text)) | set(re.findall(r"`([A-Z_]+)`", text))
    assert prefixes <= named
    assert {index.name for index in vars(keys).values() if isinstance(index, keys.Index)} <= set(
        re.findall(r"`(\w+)`", text)
    )


def test_the_documented_states_are_those_of_the_code() -> None:
    diagram = blocks(ARCHITECTURE, "mermaid")[2]
    states = {state for pair in re.findall(r"(?m)^ +(\S+) --> (\w+)", diagram) for state in pair} - {"[*]"}
    assert states == {status.value for status in Status}


def test_every_code_is_explained_to_the_webapp() -> None:
    text = (ROOT / "docs" / "webapp.md").read_text()
    rows = re.findall(r"(?m)^\| (\d{3}) \| `(\w+)` \| (.+?) \|", text)
    assert {(int(status), code, detail) for status, code, detail in rows} == {
        tuple(answer) for answer in (*ERROR_RESPONSES.values(), *HTTP_ERROR_RESPONSES.values())
    }


def test_the_webapp_page_documents_every_call() -> None:
    text = (ROOT / "docs" / "webapp.md").read_text()
    paths = {route.partition(" ")[2] for route in api.routes()} - {""}
    missing = {
        path
        for path in paths
        if "webhook" not in path and not re.search(re.escape(path).replace(r"\{id\}", r"[^/ ]+") + r"(?![/\w-])", text)
    }
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_cited_make_target_exists(document: Path) -> None:
    targets = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text())
    assert set(re.findall(r"(?m)(?:`|\$\(|^ *)make (?:-s )?([a-z][a-z-]+)", document.read_text())) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_cited_path_exists(document: Path) -> None:
    text = document.read_text()
    linked = [document.parent / link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text)]
    quoted = [
        ROOT / path for path in re.findall(r"`((?:functions|shared|infra|tests|docs|requirements)/[\w/.-]*)`", text)
    ]
    for path in [*linked, *quoted]:
        assert path.exists(), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_linked_heading_exists(document: Path) -> None:
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", document.read_text()):
        target = document.parent / link if link else document
        headings = re.findall(r"(?m)^#+ (.+)$", target.read_text())
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{link}#{anchor}"


def docstrings(source: str) -> list[str]:
    """The docstrings of a module, its classes and its functions, each on one line."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = [ast.get_docstring(node) for node in ast.walk(ast.parse(source)) if isinstance(node, documented)]
    return [" ".join(docstring.split()) for docstring in found if docstring]


def test_every_path_in_a_docstring_exists() -> None:
    folders = "functions|shared|infra|tests|docs|requirements"
    named = {
        (path.relative_to(ROOT), name.rstrip("./"))
        for path in files.of_the_project()
        if path.suffix == ".py"
        for docstring in docstrings(path.read_text())
        for name in re.findall(rf"(?<![\w/.{{<-])((?:{folders})/[\w/.-]+)(?![\w/*{{<-])", docstring)
    }
    assert len(named) > 10
    missing = {
        (str(path), name)
        for path, name in named
        if not (ROOT / name).exists() and not (ROOT / f"{name}.py").exists()  # a module may have no suffix
    }
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_cited_stage_exists(document: Path) -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert set(re.findall(r"--config-env (\w+)", document.read_text())) <= set(stages)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_and_test_in_a_command_exists(document: Path) -> None:
    text = document.read_text()
    for module in re.findall(r"python -m ((?:functions|infra|shared|tests)[\w.]*)", text):
        assert find_spec(module) is not None, module
    for path in re.findall(r"pytest (tests/[\w/.]+)", text):
        assert (ROOT / path).exists(), path


def test_every_folder_of_tests_is_documented() -> None:
    questions = (ROOT / "tests" / "README.md").read_text().partition("## Commands")[0]
    folders = {path.parent.relative_to(ROOT).parts[1] for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(re.findall(r"(?m)^\|.*\| `tests/(\w+)/`", questions)) == folders


def test_every_parameter_is_documented() -> None:
    told = re.findall(r"`(\w+)`", (ROOT / "docs" / "deployment.md").read_text().partition("## Parameters")[2])
    assert set(api.template()["Parameters"]) <= set(told)


def test_every_setting_of_the_local_run_is_documented() -> None:
    read = (ROOT / "infra" / "local" / "settings.py").read_text()
    settings = set(re.findall(r'(?:read\(|env\.get\()\s*"([A-Z][A-Z_]+)"', read))
    told = re.findall(r"(?m)^\| (`.*?) \|", (ROOT / "docs" / "local.md").read_text())
    assert settings == {name for cell in told for name in re.findall(r"`([A-Z][A-Z_]+)`", cell)}
