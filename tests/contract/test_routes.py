"""Routes: the template, the code and the contract have the same ones."""

import importlib
import pkgutil
from typing import Any

import pytest
from fastapi.routing import APIRoute

import functions
from infra.checks import openapi
from tests import api
from tests.contract.endpoints import ENDPOINTS, PAGES

UNKNOWN = "functions.meta.unknown_route"


def routes_in_code() -> dict[str, str]:
    """Route key to module, of every router."""
    found: dict[str, str] = {}
    for module, router in openapi.routers():
        for route in router.routes:
            assert isinstance(route, APIRoute)
            found |= {f"{method} {route.path}": module for method in route.methods or () if module != UNKNOWN}
    return found


def template_functions() -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in api.template()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_template_routes_equal_the_contract() -> None:
    assert set(api.routes()) == {*ENDPOINTS, *PAGES, "$default"}


def test_template_routes_each_path_to_its_function() -> None:
    assert {key: module for key, module in api.routes().items() if key != "$default"} == routes_in_code()
    assert api.routes()["$default"] == UNKNOWN


@pytest.mark.parametrize("module", [module for module, _ in openapi.routers() if module != UNKNOWN])
def test_a_function_answers_one_route(module: str) -> None:
    [route] = dict(openapi.routers())[module].routes
    assert isinstance(route, APIRoute)
    assert len(route.methods or ()) == 1


@pytest.mark.parametrize("name", template_functions())
def test_a_function_has_a_handler_and_at_most_one_route(name: str) -> None:
    properties = template_functions()[name]
    module, _, handler = properties["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), handler))
    http = [event for event in properties.get("Events", {}).values() if event["Type"] == "HttpApi"]
    assert len(http) == (module in dict(openapi.routers()))


def test_every_function_is_deployed_once() -> None:
    in_code = [
        module.name
        for module in pkgutil.walk_packages(functions.__path__, "functions.")
        if not module.ispkg and hasattr(importlib.import_module(module.name), "handler")
    ]
    in_template = [properties["Handler"].removesuffix(".handler") for properties in template_functions().values()]
    assert sorted(in_template) == sorted(in_code)
