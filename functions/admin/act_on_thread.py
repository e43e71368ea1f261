"""POST /api/admin/threads/{id}: answer a support thread, take it over, or close it."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from shared.commands import threads as commands
from shared.domain.errors import InvalidInitData, NotAnOperator, OwnCase, ThreadChanged, ThreadNotFound
from shared.domain.support import MAX_ANSWER
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import TEXT, UserIdInPath, printable
from shared.http.thread_views import ThreadView, thread_view
from shared.store import users

router = APIRouter(tags=["admin"])

Seen = Annotated[
    int, Field(strict=True, ge=0, lt=2**53, description="Id of the newest message that the operator has seen")
]


class AnswerThread(BaseModel):
    """Answer the person. The bot sends the text; `outcome` of the message then says what became of it.

    `key`: a new random value for each answer. A repeated request with the same key sends nothing twice.
    """

    action: Literal["answer"]
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ANSWER),
        TEXT,
        AfterValidator(printable),
    ]
    key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{8,64}$")]
    seen: Seen


class TakeThread(BaseModel):
    """Take the thread over, also from another operator."""

    action: Literal["take"]


class CloseThread(BaseModel):
    """Close the thread. The person's next message reopens it."""

    action: Literal["close"]
    seen: Seen


@router.post(
    "/api/admin/threads/{id}",
    operation_id="act_on_thread",
    summary="Answer, take over or close a support thread",
    response_model=ThreadView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase, ThreadNotFound, ThreadChanged),
)
async def act_on_thread(
    user_id: UserIdInPath,
    act: Annotated[AnswerThread | TakeThread | CloseThread, Field(discriminator="action")],
    operator: Operator,
) -> dict[str, object]:
    """Each action is recorded in the audit log with its effect, and is idempotent.

    An answer takes the thread over, and reopens a closed one. If the person wrote after `seen`, the answer is sent and
    the thread goes on waiting; a request to close it gets a 409 `thread_changed`.
    """
    match act:
        case AnswerThread():
            thread = commands.answer(user_id, operator.id, text=act.text, key=act.key, seen=act.seen)
        case TakeThread():
            thread = commands.take_over(user_id, operator.id)
        case CloseThread():
            thread = commands.close(user_id, operator.id, seen=act.seen)
    return thread_view(thread, users.get(user_id))


handler = http_handler(router)
