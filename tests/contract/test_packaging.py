"""Packages: all are pinned with hashes, and no file names a download address. The installer's settings do that."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from infra.build import start
from infra.local.settings import LocalSettings
from tests import api
from tests.api import ROOT
from tests.contract import files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
STAGES = tomllib.loads((ROOT / "samconfig.toml").read_text())
LOCKS = [path.stem for path in sorted((ROOT / "requirements").glob("*.txt"))]


def names(requirements: list[str]) -> set[str]:
    """The packages that pyproject.toml asks for, by name."""
    return {re.split(r"[\[=<>~ ]", requirement)[0] for requirement in requirements}


def lock_text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def locked(lock: str) -> dict[str, str]:
    """Package to version, of a lock."""
    return dict(re.findall(r"(?m)^([a-z0-9.-]+)==(\S+)", lock_text(lock)))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes(lock: str) -> None:
    requirements = [text for text in re.split(r"(?m)^(?=\S)", lock_text(lock)) if text.strip()]
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9.-]+==\S+", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


def test_every_required_package_is_locked() -> None:
    asked = names(PROJECT["dependencies"])
    assert asked <= set(locked("functions"))
    extras = PROJECT["optional-dependencies"]
    assert asked | names(extras["local"]) <= set(locked("local"))
    assert asked | names(extras["local"]) | names(extras["dev"]) <= set(locked("dev"))
    for lock in ("pip", "sam", "checkov"):
        assert names((ROOT / "requirements" / f"{lock}.in").read_text().split()) <= set(locked(lock))


def test_all_locks_agree_on_versions() -> None:
    """The locks of the functions, the local run and the tests agree on every version."""
    assert locked("functions").items() <= locked("local").items() <= locked("dev").items()


def test_no_file_tells_pip_where_to_download() -> None:
    assert not (ROOT / "uv.lock").exists()
    telling = re.compile(rb"(?<!emit-)(index-url|find-links)[ =]")
    for path in files.of_the_project():
        assert not telling.search(path.read_bytes()), path


# A Python that records its calls. Its venv copies it, and `--python` fails as it does without pip, or with an old one.
RECORDER = """#!/bin/sh
case "$*" in -c*) exit ;; esac
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in
    "-m venv "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    "-m pip --python "*) exit "$NO_PIP" ;;
esac
"""


@pytest.mark.parametrize("no_pip", [False, True])
def test_a_virtual_environment_gets_the_locked_pip(no_pip: bool, tmp_path: Path) -> None:
    """Python's own pip installs it. ensurepip is slow, so only a Python without a usable pip runs it."""
    python, calls, venv = tmp_path / "python3", tmp_path / "calls", tmp_path / "venv"
    python.write_text(RECORDER)
    python.chmod(0o755)
    env = {**os.environ, "PYTHON": str(python), "CALLS": str(calls), "NO_PIP": str(int(no_pip))}
    subprocess.run(["infra/build/venv.sh", venv, "--no-deps"], cwd=ROOT, env=env, check=True, capture_output=True)
    install = "install --no-deps --requirement requirements/pip.txt"
    expected = [f"python3 -m venv --without-pip {venv}", f"python3 -m pip --python {venv}/bin/python {install}"]
    if no_pip:
        expected += ["python -m ensurepip", f"python -m pip {install}"]
    assert calls.read_text().splitlines() == expected


def test_no_link_leads_out_of_the_repository() -> None:
    """A symbolic link to a path outside the repository is broken on every other machine."""
    for path in files.of_the_project():
        assert path.resolve().is_relative_to(ROOT.resolve()), path


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_no_address(lock: str) -> None:
    assert "://" not in lock_text(lock)
    assert " @ " not in lock_text(lock)


def test_the_lock_of_npm_holds_no_address() -> None:
    """The field `funding` is ignored: npm copies it and downloads nothing from it."""

    def addresses(part: Any) -> list[str]:
        if isinstance(part, dict):
            return [found for key, value in part.items() if key != "funding" for found in addresses(value)]
        if isinstance(part, list):
            return [found for value in part for found in addresses(value)]
        return [part] if isinstance(part, str) and "://" in part else []

    assert addresses({"planted": ["https://example.org"]}) == ["https://example.org"]
    assert addresses(json.loads((ROOT / "infra" / "client" / "package-lock.json").read_text())) == []


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_a_stage_can_be_built_and_deployed(stage: str) -> None:
    parameters = STAGES[stage]["global"]["parameters"]
    # Without it, SAM copies the whole tree, .venv included, for each function.
    assert parameters["build_in_source"] is True
    given = dict(override.split("=", 1) for override in parameters["parameter_overrides"])
    assert given["Stage"] == stage
    assert "*" not in given["CorsOrigins"]
    assert stage == "local" or parameters["stack_name"] == f"urgent-services-{stage}"


def test_a_deployment_needs_the_link_of_its_bot() -> None:
    """CloudFormation refuses a stage whose WebappLink nobody set, and the bot that the template once named."""
    parameter = api.template()["Parameters"]["WebappLink"]
    assert "Default" not in parameter
    for link in ("https://t.me/your_bot", "https://t.me/your_bot/app", "https://t.me/urgent_services_bot2"):
        assert re.fullmatch(parameter["AllowedPattern"], link), link
    links = {stage: dict(_overrides(stage))["WebappLink"] for stage in ("local", "dev", "prod")}
    assert re.fullmatch(parameter["AllowedPattern"], links.pop("local"))
    refused = ["https://t.me/urgent_services_bot", "https://t.me/urgent_services_bot/app", "https://t.me/"]
    # Buttons append ?startapp=…, which a slash or a query would break.
    refused += ["https://t.me/your_bot/", "https://t.me/your_bot?startapp", "http://t.me/your_bot", ""]
    for link in (*links.values(), *refused):
        assert not re.fullmatch(parameter["AllowedPattern"], link), link


def _overrides(stage: str) -> list[tuple[str, str]]:
    given = STAGES[stage]["global"]["parameters"]["parameter_overrides"]
    return [(name, value) for name, _, value in (override.partition("=") for override in given)]


def test_every_function_has_an_event_for_its_start_check() -> None:
    """`make build` invokes each package once: a function without an event would break it only after minutes."""
    settings = LocalSettings.read({})
    for name, properties in start.functions().items():
        assert start.event_of(name, properties, settings) is not None, name


def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
