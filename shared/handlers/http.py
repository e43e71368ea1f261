"""Lambda handlers of routes, for API Gateway's HTTP API, payload version 2.0: one log line per request.

A route of a GET has the method ANY in template.yaml, so that it answers HEAD with no resource more. Its function
therefore also gets the methods that the path has no route for, and OPTIONS.
"""

import gc
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.http.headers import SECURITY
from shared.observability import logger, metrics

if TYPE_CHECKING:
    from fastapi import APIRouter

# In bytes. The longest valid request is an order of about 8 kB.
MAX_BODY = 64 * 1024

Event = dict[str, Any]
LambdaHandler = Callable[[Event, Any], dict[str, Any]]


def http_handler(router: "APIRouter") -> LambdaHandler:
    """Return the Lambda handler of a router."""
    from shared.http.app import serve  # noqa: PLC0415 - a function without a router need not import FastAPI

    return logged(serve(router))


def fast_path_handler(fast_path: Callable[[Event], Any], make_router: "Callable[[], APIRouter]") -> LambdaHandler:
    """Return the Lambda handler of a route whose plain requests `fast_path` can serve without FastAPI.

    `fast_path` returns the JSON of a 200, or None for any other request. Then FastAPI is imported, which is most of the
    cost of a cold start, and the router serves the request or rejects it.
    """
    slow: list[LambdaHandler] = []

    def serve_event(event: Event, context: Any) -> dict[str, Any]:
        found = fast_path(event)
        if found is not None:
            # The same bytes as Starlette's JSONResponse.
            text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
            headers = {"content-type": "application/json", "content-length": str(len(text.encode()))}
            return {"statusCode": 200, "headers": headers, "body": text, "isBase64Encoded": False}
        if not slow:
            from shared.http.app import serve  # noqa: PLC0415

            slow.append(serve(make_router()))
        return slow[0](event, context)

    return logged(serve_event)


def logged(serve_event: LambdaHandler) -> LambdaHandler:
    """Return `serve_event` as a Lambda handler: other methods answered, security headers added, one line logged."""

    def handler(event: Event, context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        logger.clear_state()
        http = event["requestContext"]["http"]
        response = _serve_method(http["method"], event, context, serve_event)
        response["headers"] = {"cache-control": "no-store", **SECURITY, **response["headers"]}
        logger.info(
            "request",
            extra={
                "request_id": context.aws_request_id,
                "method": http["method"],
                # The route, not the path: the caller chooses the path (I18).
                "route": event["routeKey"],
                "status": response["statusCode"],
                "ms": round((time.perf_counter() - started) * 1000, 1),
            },
        )
        if metrics.metric_set:
            metrics.flush_metrics()
        return response

    gc.freeze()  # imported objects stay: no collection has to visit them again
    return handler


def _serve_method(method: str, event: Event, context: Any, serve_event: LambdaHandler) -> dict[str, Any]:
    if method == "OPTIONS":
        # A preflight request of CORS carries no credentials. API Gateway adds the CORS headers.
        return {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": False}
    if method == "HEAD":
        # The GET without its content. `content-length` stays that of the GET (RFC 9110, 8.6 and 9.3.2).
        http = {**event["requestContext"]["http"], "method": "GET"}
        as_get = {**event, "requestContext": {**event["requestContext"], "http": http}}
        return {**_serve_method("GET", as_get, context, serve_event), "body": "", "isBase64Encoded": False}
    if method != "GET" and event["routeKey"].startswith("ANY "):
        from shared.http.routes import allowed_methods  # noqa: PLC0415 - no plain request needs it

        return refusal(405, allow=allowed_methods(event["routeKey"].removeprefix("ANY ")))
    if len(event.get("body") or "") > MAX_BODY:
        return refusal(413)
    return serve_event(event, context)


def refusal(status: int, **headers: str) -> dict[str, Any]:
    """Return the error response of a status that no rule of the domain gives."""
    from shared.error_responses import HTTP_ERROR_RESPONSES  # noqa: PLC0415
    from shared.http import errors  # noqa: PLC0415

    logger.append_keys(code=HTTP_ERROR_RESPONSES[status].code)
    response = errors.json_response(HTTP_ERROR_RESPONSES[status])
    return {
        "statusCode": response.status_code,
        "headers": {"content-type": "application/json", **headers},
        "body": bytes(response.body).decode(),
        "isBase64Encoded": False,
    }
