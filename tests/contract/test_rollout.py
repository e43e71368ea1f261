"""The rollout in the translated template. Not covered: CodeDeploy itself, which the embedded AWS does not have."""

import shutil
import subprocess
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from infra.checks.translation import Resources
from infra.local.translate import named
from tests import api
from tests.api import ROOT
from tests.contract.wiring import TEMPLATE, translated

ALARM_BY_NAME = '!Sub "urgent-services-${Stage}-api-errors"]'


@pytest.fixture(scope="module")
def deployed() -> Resources:
    """The translated template of production."""
    return translated(TEMPLATE)


def circle(resources: Resources) -> list[str]:
    """A cycle of resources that depend on each other, which CloudFormation rejects; empty if there is none."""
    graph = TopologicalSorter({name: set(named(resource)) & set(resources) for name, resource in resources.items()})
    try:
        graph.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_yaml_alias_equals_a_copy_of_its_value(deployed: Resources) -> None:
    """SAM's translator changes some values in place: of functions that share one, only the first gets it intact."""
    assert translated(TEMPLATE, as_uploaded=False) == deployed


def test_resources_have_no_dependency_cycle(deployed: Resources) -> None:
    assert any("UpdatePolicy" in resource for resource in deployed.values())
    assert circle(deployed) == []


def test_a_planted_dependency_cycle_is_found() -> None:
    """The cycle goes through the aliases: their update policy makes them depend on an alarm."""
    assert TEMPLATE.count(ALARM_BY_NAME) == 1
    found = circle(translated(TEMPLATE.replace(ALARM_BY_NAME, "!Ref ApiErrorsAlarm]")))
    assert {"Api", "ApiErrorsAlarm"} <= set(found)
    assert any(name.endswith("DeploymentGroup") for name in found)


def alarms_of_groups(deployed: Resources, alarms: str) -> list[Any]:
    """The AlarmConfiguration of each DeploymentGroup, for a value of the parameter DeploymentAlarms."""
    [parameter, heeded] = api.template()["Conditions"]["HeedsDeploymentAlarms"]
    assert parameter == "DeploymentAlarms"
    found = []
    for resource in deployed.values():
        if resource["Type"] == "AWS::CodeDeploy::DeploymentGroup":
            [condition, then, otherwise] = resource["Properties"]["AlarmConfiguration"]["Fn::If"]
            assert condition == "HeedsDeploymentAlarms"
            found.append(then if alarms == heeded else otherwise)
    assert len(found) > 20
    return found


def test_every_alarm_that_rolls_back_exists(deployed: Resources) -> None:
    """By default, three alarms guard a deployment. One is given by name, and no other test checks that name."""
    alarms = {
        name: resource["Properties"]
        for name, resource in deployed.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    known = [{"Ref": name} for name in alarms] + [
        properties["AlarmName"] for properties in alarms.values() if "AlarmName" in properties
    ]
    for configuration in alarms_of_groups(deployed, api.template()["Parameters"]["DeploymentAlarms"]["Default"]):
        names = [alarm["Name"] for alarm in configuration["Alarms"]]
        assert configuration["Enabled"] is True
        assert len(names) == 3
        assert all(name in known for name in names)


def test_a_fix_can_be_deployed_while_an_alarm_rings(deployed: Resources) -> None:
    """With DeploymentAlarms=off no group has an alarm.

    The property is empty and not absent. CodeDeploy keeps the alarms of a group whose update does not mention them:
    https://github.com/aws/serverless-application-model/pull/2453
    """
    assert api.template()["Parameters"]["DeploymentAlarms"]["AllowedValues"] == ["on", "off"]
    assert all(configuration == {} for configuration in alarms_of_groups(deployed, "off"))


def test_a_deployment_finds_its_group_changed(deployed: Resources) -> None:
    """The alias depends on its DeploymentGroup, so a changed list of alarms is in force before the deployment."""
    for name, resource in deployed.items():
        if resource["Type"] == "AWS::Lambda::Alias" and "UpdatePolicy" in resource:
            assert f"{name.removesuffix('Aliaslive')}DeploymentGroup" in named(resource["UpdatePolicy"])


# Public routes where a bad version costs nobody money or an order: they roll out at once, to save resources.
AT_ONCE = ("functions.cities.", "functions.live.", "functions.meta.", "functions.reviews.")


def test_only_orders_money_people_and_bot_roll_out_in_steps(deployed: Resources) -> None:
    """A DeploymentGroup counts as a resource, and only where callers notice a bad version does it help."""
    kind = {name: resource["Type"] for name, resource in deployed.items()}
    functions = {name for name in kind if kind[name] == "AWS::Lambda::Function"}
    aliases = {name: resource for name, resource in deployed.items() if resource["Type"] == "AWS::Lambda::Alias"}
    assert {resource["Properties"]["FunctionName"]["Ref"] for resource in aliases.values()} == functions

    handlers = {name: deployed[name]["Properties"]["Handler"].removesuffix(".handler") for name in functions}
    public = {module for route, module in api.routes().items() if "/admin" not in route}
    in_steps = {name for name in functions if handlers[name] in public and not handlers[name].startswith(AT_ONCE)}
    assert {name for name in kind if kind[name] == "AWS::CodeDeploy::DeploymentGroup"} == {
        f"{name}DeploymentGroup" for name in in_steps
    }
    stepping = {
        resource["Properties"]["FunctionName"]["Ref"] for resource in aliases.values() if "UpdatePolicy" in resource
    }
    assert stepping == in_steps


def test_any_change_of_a_function_makes_a_new_package(tmp_path: Path) -> None:
    """SAM publishes a version for a new package only; a changed parameter, timeout or layer would not reach `live`."""
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
