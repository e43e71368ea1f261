"""Calls to API Gateway about open sockets: send a frame, close one. Each is signed, and retried while it fails."""

from urllib.parse import quote

from shared.aws import clients
from shared.outbound import http
from shared.outbound.http import Unreachable
from shared.service_errors import Unavailable
from shared.settings import live_api_url

_CLOSE_SECONDS = 3.0


class Gone(Exception):
    """The socket is closed, or its handshake has not ended."""


def post(connection_id: str, frame: bytes) -> None:
    """Send a frame, JSON, to a socket. At most three attempts within 8 s: a frame may arrive twice.

    Raises Gone, Unavailable.
    """
    url = _url(connection_id)
    headers = clients.signed_headers("POST", url, frame, service="execute-api")
    try:
        reply = http.request_with_retries("POST", url, body=frame, headers=headers, needs_body=False)
    except Unreachable:
        raise Unavailable from None
    if reply.status == 410:
        raise Gone
    if reply.status != 200:
        raise Unavailable


def close(connection_id: str) -> None:
    """Close a socket, if it is open. One attempt of at most 5 s. Raises Unavailable."""
    url = _url(connection_id)
    headers = clients.signed_headers("DELETE", url, b"", service="execute-api")
    try:
        reply = http.request("DELETE", url, headers=headers, read_timeout=_CLOSE_SECONDS, needs_body=False)
    except Unreachable:
        raise Unavailable from None
    if reply.status not in (200, 204, 410):
        raise Unavailable


def _url(connection_id: str) -> str:
    # Ids of API Gateway end in "=".
    return f"{live_api_url()}/@connections/{quote(connection_id, safe='')}"
