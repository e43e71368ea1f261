"""Routes: the template, the code and the contract have the same ones."""

import importlib
import pkgutil
import re
from contextlib import nullcontext
from typing import Any

import pytest
from fastapi.routing import APIRoute
from samtranslator.open_api import open_api

import functions
from infra.checks import openapi
from infra.local import translate
from infra.local.translate import cloudformation
from shared.http.routes import allowed_methods
from tests import api
from tests.contract.endpoints import ENDPOINTS, PAGES, SCHEMA, STATIC

UNKNOWN = "functions.meta.unknown_route"
LOCAL = (
    (api.ROOT / "template.yaml").read_text(),
    {"Bucket": "code", "Key": "code.zip"},
    {"Stage": "local", "CorsOrigins": "https://app.example.org"},
)
"""The template, the code and the parameters of a local translation."""


def routes_in_code() -> dict[str, str]:
    """Route key to module, of every router and every page."""
    found = {route: module for module, routes in {**STATIC, **SCHEMA}.items() for route in routes}
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


def test_a_get_route_takes_any_method_and_no_other_does() -> None:
    """ANY lets HEAD reach the function of a GET without a further resource."""
    keys = set(api.route_keys()) - {"$default", "OPTIONS /{proxy+}"}
    assert {key for key in keys if not key.startswith("ANY ")} == {
        key for key in routes_in_code() if not key.startswith("GET ")
    }
    assert {key.removeprefix("ANY ") for key in keys if key.startswith("ANY ")} == {
        key.removeprefix("GET ") for key in routes_in_code() if key.startswith("GET ")
    }


def test_preflight_requests_have_a_route_above_the_default_one() -> None:
    assert api.route_keys()["OPTIONS /{proxy+}"] == UNKNOWN


def test_the_local_translation_keeps_every_route() -> None:
    """A function may have several routes: none of them overwrites another."""
    resources = cloudformation(*LOCAL)["Resources"]
    deployed = {
        resource["Properties"]["RouteKey"]: resource["Properties"]["Target"]["Fn::Join"][1][1]["Ref"]
        for resource in resources.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Route" and resource["Properties"]["ApiId"] == {"Ref": "Api"}
    }
    functions = {name: properties["Handler"] for name, properties in template_functions().items()}
    assert {
        key: functions[integration.removeprefix("Api").removesuffix("Integration")].removesuffix(".handler")
        for key, integration in deployed.items()
    } == api.route_keys()


def test_a_path_allows_the_methods_of_its_routes() -> None:
    methods: dict[str, set[str]] = {}
    for key in set(api.routes()) - {"$default"}:
        method, path = key.split(" ")
        methods.setdefault(path, {"OPTIONS"}).update({method, "HEAD"} if method == "GET" else {method})
    for path, allowed in methods.items():
        assert allowed_methods(path) == ", ".join(sorted(allowed)) == allowed_methods(re.sub(r"{\w+}", "1", path))
    assert allowed_methods("/api/nowhere") == allowed_methods("/api/orders/1/2") == ""


@pytest.mark.parametrize("module", [module for module, _ in openapi.routers() if module != UNKNOWN])
def test_a_function_answers_one_route(module: str) -> None:
    """Only a function of the operators may answer several, about one subject: the stack has few resources left."""
    routes = dict(openapi.routers())[module].routes
    assert len(routes) == 1 or module.startswith("functions.admin.")
    for route in routes:
        assert isinstance(route, APIRoute)
        assert len(route.methods or ()) == 1


@pytest.mark.parametrize("name", template_functions())
def test_a_function_has_a_handler_and_the_routes_of_its_router(name: str) -> None:
    properties = template_functions()[name]
    module, _, handler = properties["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), handler))
    http = [event for event in properties.get("Events", {}).values() if event["Type"] == "HttpApi"]
    routers = dict(openapi.routers())
    if module in {UNKNOWN, *STATIC}:
        assert len(http) == 2
    else:
        assert len(http) == (len(routers[module].routes) if module in routers else int(module in SCHEMA))


def test_every_function_is_deployed_once() -> None:
    in_code = [
        module.name
        for module in pkgutil.walk_packages(functions.__path__, "functions.")
        if not module.ispkg and hasattr(importlib.import_module(module.name), "handler")
    ]
    in_template = [properties["Handler"].removesuffix(".handler") for properties in template_functions().values()]
    assert sorted(in_template) == sorted(in_code)


def test_a_translation_without_copies_is_that_of_sam(monkeypatch: pytest.MonkeyPatch) -> None:
    copying = open_api._deepcopy
    ours = cloudformation(*LOCAL)
    assert open_api._deepcopy is copying
    monkeypatch.setattr(translate, "_one_api_document", nullcontext)
    assert cloudformation(*LOCAL) == ours
