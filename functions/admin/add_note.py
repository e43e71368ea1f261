"""POST /api/admin/users/{id}/notes: note something about a user, for operators."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, StringConstraints

from shared.commands import users
from shared.domain.errors import InvalidInitData, NotAnOperator, OwnCase, TooManyNotes, UserNotFound
from shared.domain.operators import MAX_NOTE
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.operator_schemas import NoteView, note_view
from shared.http.schemas import TEXT, UserIdInPath, View, printable
from shared.store import audit_log

router = APIRouter(tags=["admin"])


class NewNote(BaseModel):
    """The note, at most 1000 characters."""

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NOTE),
        TEXT,
        AfterValidator(printable),
    ]


class NotesView(View):
    """The operators' notes about the user, the newest first."""

    notes: list[NoteView]


@router.post(
    "/api/admin/users/{id}/notes",
    operation_id="add_note",
    summary="Note something about a user",
    response_model=NotesView,
    responses=error_responses(InvalidInitData, NotAnOperator, OwnCase, UserNotFound, TooManyNotes),
)
async def add_note(user_id: UserIdInPath, note: NewNote, operator: Operator) -> dict[str, object]:
    """Operators see the notes with the user. They are in the user's export, and an erasure removes them.

    The audit log records that there is a note, without its text. The request is idempotent: the newest note is not
    added again.
    """
    action = audit_log.new(operator.id, "note_added", "заметка", user_id=user_id)
    return {"notes": [note_view(each) for each in users.add_note(user_id, note.text, action)]}


handler = http_handler(router)
