"""A FastAPI app of one router, which Mangum adapts to Lambda."""

import logging
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from mangum import Mangum

from shared.http import errors

# Mangum logs an exception with its message, which may repeat the request. `errors` logs it without the message (I18).
logging.getLogger("mangum").disabled = True
logging.getLogger("mangum.http").disabled = True


def serve(router: APIRouter) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return a handler of API Gateway's events that serves the router, with errors in the contract's form."""
    app = FastAPI(openapi_url=None, telemetry={"tracing": False, "metrics": False, "logs": False})
    app.include_router(router)
    errors.register(app)
    return Mangum(app, lifespan="off")
