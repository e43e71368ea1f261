"""What comes before any function: in Lambda, FastAPI is imported without its models of an OpenAPI document.

A function never writes that document (a committed one is served), and building pydantic models for it is a third of
what importing FastAPI costs. Elsewhere, tests and `make openapi` among it, FastAPI is as it is.
"""

import os
import sys
from types import ModuleType
from typing import Any

MODELS = "fastapi.openapi.models"


class _NotBuilt(ModuleType):
    """Has whatever name it is asked for, as a class that keeps nothing: enough for the annotations that name them."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)

        def takes_anything(self: object, **_: Any) -> None:
            """An instance is made by FastAPI's security schemes, and looked at by nobody."""

        return type(name, (), {"__init__": takes_anything})


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    sys.modules[MODELS] = _NotBuilt(MODELS)
