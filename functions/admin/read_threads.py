"""GET /api/admin/threads, …/threads/{id} and …/threads/{id}/photos/{message_id}: show operators the support threads."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from shared import clock
from shared.commands.audit_log import record
from shared.domain.errors import InvalidInitData, NotAnOperator, PhotoNotFound, ThreadNotFound
from shared.domain.support import MAX_PHOTO_BYTES, REASON, Message, State, message_id_of, received_key
from shared.handlers.http import http_handler
from shared.http.auth import Operator
from shared.http.errors import error_responses
from shared.http.schemas import (
    ComplaintView,
    Cursor,
    Limit,
    MessageView,
    OperatorOrderView,
    SortKeyCursor,
    TransactionView,
    UserIdInPath,
    View,
    complaint_view,
    id_at,
    message_view,
    next_cursor,
    operator_order_view,
    sort_key_at,
    sort_key_cursor,
    transaction_view,
)
from shared.http.thread_views import ThreadView, thread_view
from shared.outbound import bot_api
from shared.outbound.bot_api import BotApiError, BotApiUnreachable
from shared.service_errors import Unavailable
from shared.store import audit_log, keys, people, threads

router = APIRouter(tags=["admin"])

# How many orders, takes and ledger entries are shown beside a thread.
_RECENT = 10
# Telegram makes every photo a JPEG: https://core.telegram.org/api/files#image-thumbnail-types
_JPEG = b"\xff\xd8\xff"


class ThreadsPage(View):
    """A page of support threads.

    `next_cursor`: pass it as `cursor` to get the next threads; null on the last page.
    """

    threads: list[ThreadView]
    next_cursor: str | None


@router.get(
    "/api/admin/threads",
    operation_id="list_threads",
    summary="List support threads",
    response_model=ThreadsPage,
    responses=error_responses(InvalidInitData, NotAnOperator),
)
async def list_threads(
    operator: Operator, state: State = "waiting", limit: Limit = 50, cursor: SortKeyCursor = None
) -> dict[str, object]:
    """Waiting threads come longest wait first, answered and closed ones newest first.

    No texts are shown, so the request is not recorded in the audit log.
    """
    found = threads.page(state, limit=limit + 1, beyond=sort_key_at(cursor))
    shown = found[:limit]
    return {
        "threads": [thread_view(thread, person) for thread, person in shown],
        "next_cursor": sort_key_cursor(keys.thread_sk(shown[-1][0])) if len(found) > limit else None,
    }


class OperatorMessageView(MessageView):
    """A message of a support thread, as operators see it.

    - `operator_id`: who answered; null for a message of the person.
    - `photo`: path of the photo; null without one. Request it with credentials.
    - `outcome`: what became of an answer, `queued` until that is known; null for a message of the person.
      `unreachable`: the person blocked the bot. `in_doubt`: Telegram may or may not have it.
    """

    operator_id: int | None
    photo: str | None
    outcome: str | None


class PersonView(View):
    """What the person did lately, newest first: ten orders, ten takes with the complaints about them, ten entries.

    `taken_orders` are ids. `transactions` have the payments that were credited.
    """

    orders: list[OperatorOrderView]
    taken_orders: list[str]
    complaints: list[ComplaintView]
    transactions: list[TransactionView]


class ThreadPage(View):
    """A support thread with a page of its messages, newest first.

    - `person`: null on the pages after the first.
    - `next_cursor`: pass it as `cursor` to get the older messages; null on the last page.
    """

    thread: ThreadView
    messages: list[OperatorMessageView]
    person: PersonView | None
    next_cursor: str | None


@router.get(
    "/api/admin/threads/{id}",
    operation_id="get_thread",
    summary="Get a support thread with its messages",
    response_model=ThreadPage,
    responses=error_responses(InvalidInitData, NotAnOperator, ThreadNotFound),
)
async def get_thread(
    user_id: UserIdInPath, operator: Operator, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, object]:
    """Every request is recorded in the audit log; if it cannot be recorded, the response is a 503."""
    person, thread, _ = threads.read(user_id)
    if thread is None:
        raise ThreadNotFound
    record(audit_log.new(operator.id, "thread_read", REASON, user_id=user_id))
    found = threads.messages(user_id, limit=limit + 1, before=id_at(cursor))
    return {
        "thread": thread_view(thread, person),
        "messages": [_message_view(message) for message in found[:limit]],
        "person": _person_view(user_id) if cursor is None else None,
        "next_cursor": next_cursor(found, limit),
    }


def _message_view(message: Message) -> dict[str, Any]:
    photo = None
    if message.content.photo is not None:
        photo = f"/api/admin/threads/{message.user_id}/photos/{message_id_of(message.key)}"
    outcome = None if message.delivery is None else message.outcome or "queued"
    return {**message_view(message), "operator_id": message.operator_id, "photo": photo, "outcome": outcome}


def _person_view(user_id: int) -> dict[str, Any]:
    person, now = people.recent(user_id, limit=_RECENT), clock.now_ms()
    return {
        "orders": [operator_order_view(order, now=now) for order in person.orders],
        "taken_orders": person.taken_orders,
        "complaints": [complaint_view(complaint) for complaint in person.complaints],
        "transactions": [transaction_view(entry) for entry in person.entries],
    }


class Photo(Response):
    """A photo that Telegram keeps. The bot's token is in Telegram's URL of it, which therefore stays here."""

    media_type = "image/jpeg"


@router.get(
    "/api/admin/threads/{id}/photos/{message_id}",
    operation_id="get_thread_photo",
    summary="Get a photo of a support thread",
    response_class=Photo,
    responses=error_responses(InvalidInitData, NotAnOperator, PhotoNotFound),
)
async def get_photo(
    user_id: UserIdInPath,
    message_id: Annotated[int, Path(ge=1, le=2**53 - 1, description="Id of the message in the person's chat")],
    operator: Operator,
) -> Photo:
    """The photo is fetched from Telegram and not stored. Recorded in the audit log as `thread_read`."""
    _, _, message = threads.read(user_id, received_key(message_id))
    if message is None or message.content.photo is None:
        raise PhotoNotFound
    record(audit_log.new(operator.id, "thread_read", REASON, user_id=user_id))
    try:
        content = bot_api.download(message.content.photo, most_bytes=MAX_PHOTO_BYTES)
    except BotApiUnreachable as error:
        raise Unavailable from error
    except BotApiError as error:
        if error.error_code == 429 or error.error_code >= 500:
            raise Unavailable from error
        raise PhotoNotFound from error
    if not content.startswith(_JPEG):
        raise PhotoNotFound
    return Photo(content)


handler = http_handler(router)
