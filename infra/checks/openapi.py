"""Generate functions/meta/openapi.json from the routers of all functions: `python -m infra.checks.openapi`.

A test compares the committed file with the code.
"""

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

Errors are `{"detail": <a sentence to show to the user, or a list of invalid fields>, "code": <a stable string>}`.
Times are ISO 8601 in UTC. Amounts of money are whole roubles. Credentials are the raw initData of the Mini App.
"""


def routers() -> Iterator[tuple[str, APIRouter]]:
    """Yield the module name and the router of every function."""
    for module in pkgutil.walk_packages(functions.__path__, "functions."):
        if not module.ispkg:
            found = importlib.import_module(module.name)
            if hasattr(found, "router"):
                yield module.name, found.router
            elif hasattr(found, "make_router"):
                yield module.name, found.make_router()


def schema() -> dict[str, Any]:
    """Build the OpenAPI document."""
    app = FastAPI(title="Срочные услуги", version="1", description=DESCRIPTION)
    for _, router in routers():
        app.include_router(router)
    document = app.openapi()
    document["paths"] = dict(sorted(document["paths"].items()))
    for path, method in _optional_credentials():
        document["paths"][path][method]["security"].insert(0, {})
    for methods in document["paths"].values():
        for operation in methods.values():
            _make_errors_json(operation)
            _add_input_errors(operation)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    invalid = InvalidRequestView.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= invalid.pop("$defs") | {"InvalidRequestView": invalid}
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _optional_credentials() -> Iterator[tuple[str, str]]:
    """Yield the paths and methods whose credentials are optional and change the response."""
    for _, router in routers():
        for route in router.routes:
            if isinstance(route, APIRoute):
                checks = [dependency.call for dependency in route.dependant.dependencies]
                if any(isinstance(check, InitData) and not check.required for check in checks):
                    yield from ((route.path, method.lower()) for method in route.methods or ())


def _make_errors_json(operation: dict[str, Any]) -> None:
    """Document errors as JSON. FastAPI gives them the media type of the success, which may be a photo's."""
    for status, response in operation["responses"].items():
        if status >= "400":
            [content] = response["content"].values()
            response["content"] = {"application/json": content}


def _add_input_errors(operation: dict[str, Any]) -> None:
    """Document the error responses that any invalid input may get: 400, 413 and 422."""
    responses = operation["responses"]

    def add(status: int, model: str) -> None:
        error = HTTP_ERROR_RESPONSES[status]
        documented = responses.get(str(status), {}).get("description")
        general = f"`{error.code}`: {error.detail}"
        responses[str(status)] = {
            "description": f"{documented}; {general}" if documented and status != 422 else general,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}},
        }

    if "HTTPValidationError" in json.dumps(responses.get("422")):
        # Any text is accepted as an id of an order or a payment. A number with limits in the path may get a 422.
        if "requestBody" in operation or any(
            parameter["in"] != "path" or "maximum" in parameter["schema"] for parameter in operation["parameters"]
        ):
            add(422, "InvalidRequestView")
        else:
            del responses["422"]
    elif "422" in responses and "requestBody" in operation:  # the route has refusals of its own, with that status
        invalid = HTTP_ERROR_RESPONSES[422]
        responses["422"]["description"] += f"; `{invalid.code}`: {invalid.detail}"
        models = [{"$ref": f"#/components/schemas/{model}"} for model in ("ErrorView", "InvalidRequestView")]
        responses["422"]["content"]["application/json"]["schema"] = {"anyOf": models}
    if "requestBody" in operation:
        add(400, "ErrorView")
        add(413, "ErrorView")
    operation["responses"] = dict(sorted(responses.items()))


def text(document: Any, depth: int = 3) -> str:
    """Return the document as compact JSON, with lines down to `depth` only: one per path and per schema.

    The function that serves it sends the file as it is, so indentation would cost every reader. Lines keep diffs short.
    """
    if depth == 0 or not isinstance(document, dict):
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    parts = (f"{json.dumps(key)}:{text(value, depth - 1)}" for key, value in document.items())
    return "{\n" + ",\n".join(parts) + "\n}"


if __name__ == "__main__":
    TARGET.write_text(text(schema()) + "\n")
    print(f"Wrote {TARGET.relative_to(Path.cwd())}.")
