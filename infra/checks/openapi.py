"""Write the OpenAPI of all functions' routers into functions/meta/openapi.json: `python -m infra.checks.openapi`."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

import functions
from shared.error_responses import HTTP_ERROR_RESPONSES
from shared.http.auth import InitData
from shared.http.schemas import InvalidRequestView

TARGET = Path(functions.__path__[0]) / "meta" / "openapi.json"
DESCRIPTION = """\
Заказ живёт 60 минут, его контакт видят до трёх исполнителей, каждый за 2 ₽.

Errors are `{"detail": <a sentence to show, or a list of fields>, "code": <stable>}`. Times are ISO 8601 in UTC,
money is whole roubles. Credentials are the Mini App's raw initData.
"""


def routers() -> Iterator[tuple[str, APIRouter]]:
    """Every function's module name and router."""
    for module in pkgutil.walk_packages(functions.__path__, "functions."):
        if not module.ispkg:
            found = importlib.import_module(module.name)
            if hasattr(found, "router"):
                yield module.name, found.router
            elif hasattr(found, "make_router"):
                yield module.name, found.make_router()


def schema() -> dict[str, Any]:
    """The OpenAPI document."""
    app = FastAPI(title="Срочные услуги", version="1", description=DESCRIPTION)
    for _, router in routers():
        app.include_router(router)
    document = app.openapi()
    document["paths"] = dict(sorted(document["paths"].items()))
    for path, method in _anybody_may_call():
        document["paths"][path][method]["security"].insert(0, {})
    for methods in document["paths"].values():
        for operation in methods.values():
            _say_what_any_input_may_get(operation)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    invalid = InvalidRequestView.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= invalid.pop("$defs") | {"InvalidRequestView": invalid}
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _anybody_may_call() -> Iterator[tuple[str, str]]:
    """The paths and methods at which credentials may be left out, and change what is answered."""
    for _, router in routers():
        for route in router.routes:
            if isinstance(route, APIRoute):
                checks = [dependency.call for dependency in route.dependant.dependencies]
                if any(isinstance(check, InitData) and not check.required for check in checks):
                    yield from ((route.path, method.lower()) for method in route.methods or ())


def _say_what_any_input_may_get(operation: dict[str, Any]) -> None:
    responses = operation["responses"]

    def add(status: int, model: str) -> None:
        answer = HTTP_ERROR_RESPONSES[status]
        said = responses.get(str(status), {}).get("description")
        ours = f"`{answer.code}`: {answer.detail}"
        responses[str(status)] = {
            "description": f"{said}; {ours}" if said and status != 422 else ours,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}},
        }

    if "HTTPValidationError" in json.dumps(responses.get("422")):
        # Any text is an order's id, so a path alone is never invalid.
        if "requestBody" in operation or any(parameter["in"] != "path" for parameter in operation["parameters"]):
            add(422, "InvalidRequestView")
        else:
            del responses["422"]
    if "requestBody" in operation:
        add(400, "ErrorView")
        add(413, "ErrorView")
    operation["responses"] = dict(sorted(responses.items()))


if __name__ == "__main__":
    TARGET.write_text(json.dumps(schema(), ensure_ascii=False, indent=2) + "\n")
    print(f"wrote {TARGET.relative_to(Path.cwd())}")
