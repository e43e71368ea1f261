"""The routes of a socket: $connect admits it, $default handles its messages, $disconnect forgets it."""

from typing import Any

from shared import clock
from shared.aws import secrets
from shared.commands import sockets as commands
from shared.commands.retry import retry
from shared.domain import live
from shared.domain.errors import Banned, ForeignOrigin
from shared.domain.live import Connection, Ping, Watch
from shared.error_responses import FRAME_CODES, HANDSHAKE_STATUS
from shared.handlers.background import background_handler
from shared.observability import logger
from shared.outbound import sockets
from shared.settings import live_origins
from shared.store import connections, users


def serve(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Serve one event of a socket. Only the status of a $connect counts: from 400 on, it refuses the handshake.

    The calls of `connect`, `handle` or `commands.forget`. Raises Busy, Unavailable.
    """
    at = event["requestContext"]
    logger.append_keys(route=at["routeKey"])
    status = 200
    match at["eventType"]:
        case "CONNECT":
            status = _status_of(event)
        case "DISCONNECT":
            commands.forget(at["connectionId"])
        case _:
            handle(at["connectionId"], event.get("body") or "", at["requestTimeEpoch"])
    logger.append_keys(status=status)
    return {"statusCode": status}


def _status_of(event: dict[str, Any]) -> int:
    try:
        connect(event)
    except tuple(HANDSHAKE_STATUS) as refused:
        logger.append_keys(refused=type(refused).__name__)
        return HANDSHAKE_STATUS[type(refused)]
    return 200


def connect(event: dict[str, Any]) -> None:
    """Admit a socket with a valid ticket, and close the oldest of its user's sockets above five.

    One UpdateItem, one TransactWriteItems, one GetItem, one Query. Raises InvalidTicket, ForeignOrigin, TooOften,
    Banned, Busy, Unavailable.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if not live.may_connect_from(headers.get("origin"), live_origins()):
        raise ForeignOrigin
    now = clock.now_ms()
    ticket = (event.get("queryStringParameters") or {}).get("ticket", "")
    user_id = live.user_of_ticket(ticket, key=secrets.live_ticket_key(), now=now)
    logger.append_keys(user_id=user_id)
    connections.count_message(user_id, now)
    connection = Connection(event["requestContext"]["connectionId"], user_id, now)
    retry(lambda: connections.add(connection))
    # Stored before the user is read: a ban either is seen here, or finds the socket and closes it.
    try:
        users.get(user_id).check_not_banned(now)
    except Banned:
        commands.forget(connection.id)
        raise
    commands.close_oldest(user_id)


def handle(connection_id: str, text: str, arrived_at: int) -> None:
    """Do what a message asks for, and send the reply. `arrived_at`: epoch ms by API Gateway.

    A socket that is not known is closed: its client reconnects. One GetItem and one UpdateItem; for a watch one more
    GetItem and one TransactWriteItems; one POST. Raises Busy, Unavailable.
    """
    connection = connections.get(connection_id)
    if connection is None:
        sockets.close(connection_id)
        return
    logger.append_keys(user_id=connection.user_id)
    try:
        connections.count_message(connection.user_id, clock.now_ms())
        reply = _reply_to(text, connection, arrived_at)
    except tuple(FRAME_CODES) as refused:
        code = FRAME_CODES[type(refused)]
        logger.append_keys(code=code)
        reply = {"type": "error", "code": code}
    if reply is not None:
        commands.send(connection, [commands.encode(reply)])


def _reply_to(text: str, connection: Connection, arrived_at: int) -> live.Frame | None:
    match live.parse(text):
        case Ping():
            return live.PONG
        case Watch() as watch:
            return live.watching_frame(watch) if _watch(connection.id, watch, arrived_at) else None
    _watch(connection.id, None, arrived_at)
    return None


def _watch(connection_id: str, watch: Watch | None, arrived_at: int) -> bool:
    """Watch what a message asks for; return False if a later message has asked already.

    API Gateway invokes the function for each message at once, so two messages of a client may overtake each other.
    """

    def watch_once() -> bool:
        connection = connections.get(connection_id)
        if connection is None:
            return True  # it was closed since, and the reply finds that out
        if connection.asked_at > arrived_at:
            return False
        connections.set_watch(connection, watch, asked_at=arrived_at)
        return True

    return retry(watch_once)


handler = background_handler(serve)
