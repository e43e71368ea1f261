"""POST /api/live/ticket: give the caller a ticket that opens a socket."""

from fastapi import APIRouter, Request

from shared import clock
from shared.aws import secrets
from shared.domain import live
from shared.domain.errors import Banned, InvalidInitData, TooOften
from shared.handlers.http import http_handler
from shared.http.auth import Reader
from shared.http.errors import error_responses
from shared.http.schemas import View
from shared.settings import live_url
from shared.store import users

router = APIRouter()


class TicketView(View):
    """A ticket. The socket is `url + "?ticket=" + ticket`, and must be opened within `expires_in` seconds."""

    url: str
    ticket: str
    expires_in: int


@router.post(
    "/api/live/ticket",
    operation_id="create_live_ticket",
    summary="Get a ticket for live updates",
    response_model=TicketView,
    responses=error_responses(InvalidInitData, Banned, TooOften),
)
async def create_ticket(caller: Reader, request: Request) -> TicketView:
    """A ticket opens a WebSocket for live updates, so that no credentials are part of an address.

    A user has five sockets at most: opening another one closes the oldest. docs/webapp.md has the messages and frames.
    """
    now = clock.now_ms()
    users.get(caller.id).check_not_banned(now)
    ticket = live.ticket(caller.id, key=secrets.live_ticket_key(), now=now)
    return TicketView(url=live_url() or _local_url(request), ticket=ticket, expires_in=live.TICKET_SECONDS)


def _local_url(request: Request) -> str:
    """Return the address of sockets at the front server of `make run`, as the caller named it."""
    headers = request.headers
    scheme = "wss" if headers.get("x-forwarded-proto") == "https" else "ws"
    return f"{scheme}://{headers.get('x-forwarded-host', headers['host'])}/live"


handler = http_handler(router)
