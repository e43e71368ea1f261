"""A route that operators also invoke directly: the event is the arguments, checked as the route checks them."""

import json
from io import StringIO
from typing import Annotated, Any

import pytest
from fastapi import APIRouter
from pydantic import Field

from shared.domain.errors import Banned, DomainError
from shared.error_responses import ERROR_RESPONSES
from shared.handlers.background import HandlerFailed
from shared.handlers.direct import http_or_direct_handler
from shared.service_errors import Unavailable
from tests import api

router = APIRouter()


@router.post("/x")
async def route() -> str:
    return "by the route"


@pytest.fixture
def acts() -> list[Any]:
    """The calls of the action; an error in it is raised by the next call."""
    return []


@pytest.fixture
def handler(acts: list[Any]) -> Any:
    def act(user_id: Annotated[int, Field(strict=True, ge=1)], reason: str = "") -> dict[str, Any]:
        if acts and isinstance(acts[0], Exception):
            raise acts.pop(0)
        acts.append((user_id, reason))
        return {"done": user_id}

    return http_or_direct_handler(router, act)


def test_direct_event_is_the_arguments_of_the_action(handler: Any, acts: list[Any], log: StringIO) -> None:
    assert handler({"user_id": 5, "reason": "обман"}, api.Context()) == {"done": 5}
    assert acts == [(5, "обман")]
    assert json.loads(log.getvalue())["message"] == "done"


@pytest.mark.parametrize("event", [{}, {"user_id": "5"}, {"user_id": 0}, {"user_id": 5, "other": 1}], ids=str)
def test_direct_event_that_the_route_would_refuse_fails(handler: Any, acts: list[Any], event: dict[str, Any]) -> None:
    with pytest.raises(HandlerFailed, match="ValidationError"):
        handler(event, api.Context())
    assert acts == []


@pytest.mark.parametrize("error", [Banned, *DomainError.__subclasses__()[:1]])
def test_refusal_of_a_direct_event_is_its_code(handler: Any, acts: list[Any], error: type[DomainError]) -> None:
    acts.append(error())
    assert handler({"user_id": 5}, api.Context()) == {"code": ERROR_RESPONSES[error].code}


def test_failure_of_a_direct_event_is_a_failed_invocation(handler: Any, acts: list[Any]) -> None:
    acts.append(Unavailable())
    with pytest.raises(HandlerFailed, match="Unavailable"):
        handler({"user_id": 5}, api.Context())


def test_http_event_reaches_the_route_alone(handler: Any, acts: list[Any]) -> None:
    """Also with keys that name arguments of the action: API Gateway adds requestContext, and a caller cannot."""
    event = api.event("POST", "/x", route="POST /x") | {"user_id": 5}
    answer = handler(event, api.Context())
    assert (answer["statusCode"], answer["body"], acts) == (200, '"by the route"', [])
