"""Import FastAPI without its models of an OpenAPI document, in Lambda only.

A function serves a committed document and never builds one, and building pydantic models for it is a third of the cost
of importing FastAPI. This module must be imported before FastAPI: `functions/__init__.py` does so. Elsewhere, in tests
and in `make openapi`, FastAPI is left as it is.
"""

import os
import sys
from types import ModuleType
from typing import Any

MODELS = "fastapi.openapi.models"


class _NotBuilt(ModuleType):
    """A module with any class that is asked for; the annotations that name the models need no more."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)

        def takes_anything(self: object, **_: Any) -> None:
            """Keep nothing: FastAPI's security schemes make an instance, and nothing reads it."""

        return type(name, (), {"__init__": takes_anything})


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    sys.modules[MODELS] = _NotBuilt(MODELS)
