"""The parts that are cut from a deployed function: botocore's data, packages, FastAPI's OpenAPI models."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import get_session

from infra.build import trim
from tests.api import ROOT
from tests.contract.test_policies import FUNCTIONS, granted, handler_of

IN_TRANSACTION = "TransactWriteItems"
# Calls whose IAM action has another name.
CALLED = {"SendMessage": "SendMessageBatch"}
PRINT_IMPORTED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({"modules": sorted(sys.modules), "models": repr(sys.modules["fastapi.openapi.models"])}))
"""


def test_botocores_remaining_data_is_that_of_the_granted_calls() -> None:
    """Grants equal calls (G9), so a deployed botocore has to know exactly the granted calls."""
    wanted: dict[str, set[str]] = {}
    # Calls about sockets go without a client of botocore.
    grants = {grant for function in FUNCTIONS for grant in granted(function) if grant.on != "sockets"}
    for grant in grants:
        service, _, action = grant.action.partition(":")
        wanted.setdefault(service, set()).add(IN_TRANSACTION if grant.in_transaction else CALLED.get(action, action))
    assert wanted == trim.OPERATIONS


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """The modules of a process that imports every function as in Lambda."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_IMPORTED, *(handler_of(function) for function in FUNCTIONS)],
        cwd=ROOT,
        env={**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "test"},
        capture_output=True,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_no_function_imports_a_cut_package(imported: dict[str, Any]) -> None:
    cut = tuple(name.removesuffix(".py").replace("/", ".") for name in trim.UNUSED if name != "pydantic/v1")
    # FastAPI tries to import pydantic 1 and works without it.
    assert [name for name in imported["modules"] if f"{name}.".startswith(tuple(f"{one}." for one in cut))] == []


def test_functions_in_lambda_need_no_openapi_models(imported: dict[str, Any]) -> None:
    """FastAPI is complete in this process; the integration tests run it as in Lambda."""
    assert imported["models"] == "<module 'fastapi.openapi.models'>"  # and not from a file


def test_a_trimmed_botocore_makes_the_same_requests(tmp_path: Path) -> None:
    data = Path(botocore.__file__).parent / "data"
    shutil.copytree(
        data,
        tmp_path / "botocore" / "data",
        ignore=lambda folder, names: [name for name in names if Path(folder) == data and _cut(Path(folder, name))],
    )
    for package in trim.UNUSED:
        (tmp_path / package).mkdir(parents=True)
    trim.trim(tmp_path)

    def described(loader_path: Path | None) -> object:
        session = get_session()
        if loader_path is not None:
            # A separate loader: the one that other tests share must keep finding everything.
            loader = Loader(extra_search_paths=[str(loader_path)], include_default_search_paths=False)
            session.register_component("data_loader", loader)
        found: dict[tuple[str, str], object] = {}
        for service, operations in trim.OPERATIONS.items():
            client = session.create_client(service, region_name="eu-central-1")
            for name in operations:
                model = client.meta.service_model.operation_model(name)
                members = sorted(model.input_shape.members) if model.input_shape else []
                answers = sorted(model.output_shape.members) if model.output_shape else []
                found[service, name] = (client.meta.endpoint_url, model.http, members, answers)
            found[service, ""] = sorted(client.meta.service_model.metadata.items(), key=str)
        return found

    assert described(tmp_path / "botocore" / "data") == described(None)


def _cut(path: Path) -> bool:
    """Whether a file is cut; such a file is not copied in the first place."""
    return path.is_dir() and path.name not in trim.OPERATIONS
