"""What a deployment brings to AWS, and whether it can: no stack is deployed with CodeDeploy here."""

import json
import shutil
import subprocess
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from infra.local.translate import named
from tests import api
from tests.api import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text()
ALARM_BY_NAME = '!Sub "urgent-services-${Stage}-api-errors"]'

Resources = dict[str, dict[str, Any]]


def translated(template: str, *, as_uploaded: bool = True) -> Resources:
    """What CloudFormation is given, aliases and how they move included: infra/local/translate.py leaves those out.

    As it is uploaded, the template has no YAML aliases: the SAM CLI writes a copy of the value at each of them.
    """
    sam = yaml_parse(template)
    if as_uploaded:
        sam = json.loads(json.dumps(sam))
    code = {"Bucket": "code", "Key": "code.zip"}
    sam["Globals"]["Function"]["CodeUri"] = code
    sam["Resources"]["DependenciesLayer"]["Properties"]["ContentUri"] = code
    parameters = {"Stage": "prod", "CorsOrigins": "https://app.example.org"}
    # It asks for AWS's managed policies by name; the template names none.
    resources: Resources = transform(sam, parameters, SimpleNamespace(load=dict))["Resources"]
    return resources


@pytest.fixture(scope="module")
def deployed() -> Resources:
    """What is deployed in production."""
    return translated(TEMPLATE)


def circle(resources: Resources) -> list[str]:
    """Resources that wait for each other in a circle, of which CloudFormation makes no stack; none is right."""
    graph = TopologicalSorter({name: set(named(it)) & set(resources) for name, it in resources.items()})
    try:
        graph.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_yaml_alias_is_worth_its_value(deployed: Resources) -> None:
    """SAM's translator changes some values in place: where functions share one, only the first would get it whole."""
    assert translated(TEMPLATE, as_uploaded=False) == deployed


def test_no_resource_waits_for_itself(deployed: Resources) -> None:
    assert any("UpdatePolicy" in it for it in deployed.values())
    assert circle(deployed) == []


def test_a_circle_is_found() -> None:
    """It went through the aliases, which only what moves them makes wait for an alarm."""
    assert TEMPLATE.count(ALARM_BY_NAME) == 1
    found = circle(translated(TEMPLATE.replace(ALARM_BY_NAME, "!Ref ApiErrorsAlarm]")))
    assert {"Api", "ApiErrorsAlarm"} <= set(found)
    assert any(name.endswith("DeploymentGroup") for name in found)


def test_every_alarm_that_takes_a_deployment_back_is_there(deployed: Resources) -> None:
    """One is given by name, of which nobody else says that it is right."""
    alarms = {name: it["Properties"] for name, it in deployed.items() if it["Type"] == "AWS::CloudWatch::Alarm"}
    known = [{"Ref": name} for name in alarms] + [it["AlarmName"] for it in alarms.values() if "AlarmName" in it]
    groups = [it["Properties"] for it in deployed.values() if it["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
    assert groups
    for group in groups:
        names = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert len(names) == 3
        assert all(name in known for name in names)


def test_public_routes_roll_out_in_steps_and_the_rest_at_once(deployed: Resources) -> None:
    """A DeploymentGroup is a resource of the stack: only functions whose callers notice a bad version have one."""
    kind = {name: it["Type"] for name, it in deployed.items()}
    functions = {name for name in kind if kind[name] == "AWS::Lambda::Function"}
    aliases = {name: it for name, it in deployed.items() if it["Type"] == "AWS::Lambda::Alias"}
    assert {it["Properties"]["FunctionName"]["Ref"] for it in aliases.values()} == functions

    handlers = {name: deployed[name]["Properties"]["Handler"].removesuffix(".handler") for name in functions}
    public = {module for route, module in api.routes().items() if "/api/admin/" not in route}
    in_steps = {name for name in functions if handlers[name] in public}
    assert {name for name in kind if kind[name] == "AWS::CodeDeploy::DeploymentGroup"} == {
        f"{name}DeploymentGroup" for name in in_steps
    }
    stepping = {it["Properties"]["FunctionName"]["Ref"] for it in aliases.values() if "UpdatePolicy" in it}
    assert stepping == in_steps


def test_a_function_is_packaged_anew_whatever_of_it_changes(tmp_path: Path) -> None:
    """SAM makes a version of a new package only: a parameter, a timeout or a layer alone would never reach `live`."""
    told = ("template.yaml", "samconfig.toml", "requirements/functions.txt", "infra/build/trim.py")
    for name in (*told, "Makefile", "infra/build/compile.sh", "infra/build/python.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("functions", "shared", "package"):
        (tmp_path / name).mkdir()

    def release() -> str:
        make = ("make", "--silent", "build-GetMe", "ARTIFACTS_DIR=package")
        subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
        return (tmp_path / "package" / "release.txt").read_text()

    seen = {release()}
    assert {release()} == seen
    for name in told:
        with (tmp_path / name).open("a") as file:
            file.write("# changed\n")
        seen.add(release())
    assert len(seen) == 1 + len(told)
