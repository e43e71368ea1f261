"""From a router to a Lambda handler: the app, its errors, one log line a request."""

import logging
import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from mangum import Mangum

from shared.http import errors
from shared.observability import logger, metrics

# Nothing that the API takes comes near; an order at its longest is some 8 kB.
MAX_BODY = 64 * 1024

# Mangum logs an exception with its message, which may repeat what was sent. `errors` logs it without.
logging.getLogger("mangum").disabled = True
logging.getLogger("mangum.http").disabled = True

Event = dict[str, Any]
Handler = Callable[[Event, Any], dict[str, Any]]


def http_handler(router: APIRouter) -> Handler:
    """The Lambda handler of a router, for API Gateway's HTTP API, payload version 2.0."""
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    errors.register(app)
    asgi = Mangum(app, lifespan="off")

    def handler(event: Event, context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        logger.clear_state()
        response = _too_large() if len(event.get("body") or "") > MAX_BODY else asgi(event, context)
        response["headers"]["cache-control"] = response["headers"].get("cache-control", "no-store")
        http = event["requestContext"]["http"]
        logger.info(
            "request",
            extra={
                "request_id": context.aws_request_id,
                "method": http["method"],
                # The route, not the path: a path is what a caller typed.
                "route": event["routeKey"],
                "status": response["statusCode"],
                "ms": round((time.perf_counter() - started) * 1000, 1),
            },
        )
        if metrics.metric_set:
            metrics.flush_metrics()
        return response

    return handler


def _too_large() -> dict[str, Any]:
    logger.append_keys(code=errors.HTTP_ANSWERS[413].code)
    response = errors.answer_json(errors.HTTP_ANSWERS[413])
    return {
        "statusCode": response.status_code,
        "headers": {"content-type": "application/json"},
        "body": bytes(response.body).decode(),
        "isBase64Encoded": False,
    }
