"""Lambda handlers of routes that operators also invoke directly, past the gateway and its throttles."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import validate_call

from shared.domain.errors import DomainError
from shared.error_responses import ERROR_RESPONSES
from shared.handlers.background import background_handler
from shared.handlers.http import http_handler

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shared.handlers.http import Event


def http_or_direct_handler(router: "APIRouter", act: Callable[..., Any]) -> "Callable[[Event, Any], Any]":
    """Return the Lambda handler of a router that also accepts the arguments of `act` as its whole event.

    A direct invocation returns what `act` returns, or `{"code"}` if `act` raises a DomainError. It fails on any other
    error, and the log line `failed` names it. The arguments keep the rules of the route: they are the types of `act`,
    checked before it is called. IAM guards it (lambda:InvokeFunction), so `operator_id` is not verified.
    """
    serve, checked = http_handler(router), validate_call(act)

    @background_handler
    def act_on(event: "Event", context: Any) -> Any:
        try:
            return checked(**event)
        except DomainError as refused:
            return {"code": ERROR_RESPONSES[type(refused)].code}

    def handler(event: "Event", context: Any) -> Any:
        # API Gateway adds requestContext to every event. A caller chooses the values of its path, query, headers and
        # body, and none of its keys. So no request over HTTP gets past the check of credentials.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
        return serve(event, context) if "requestContext" in event else act_on(event, context)

    return handler
