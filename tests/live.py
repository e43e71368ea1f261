"""Clients of the WebSocket API in process, and the frames that follow from a change of an order."""

import json
from typing import Any

from functions.live import socket
from shared import clock
from shared.aws.queues import Queue
from tests import api
from tests.fakes.sockets import FakeSockets
from tests.in_process import Api

TICKET = "POST /api/live/ticket"
WEBAPP = "https://app.example.org"


class Sockets:
    """Clients of the WebSocket API: their events reach the function, and its frames reach the fake."""

    def __init__(self, service: Api, fake: FakeSockets) -> None:
        self.service, self.fake = service, fake

    def event(self, connection_id: str, kind: str, arrived_at: int | None = None, **more: Any) -> Any:
        context = {
            "routeKey": f"${kind.lower()}",
            "eventType": kind,
            "connectionId": connection_id,
            "requestTimeEpoch": clock.now_ms() if arrived_at is None else arrived_at,
        }
        return socket.handler({"requestContext": context, **more}, api.Context())

    def connect(self, connection_id: str, ticket: str, origin: str | None = WEBAPP) -> int:
        headers = {"Host": "live.example.org", **({"Origin": origin} if origin is not None else {})}
        answer = self.event(connection_id, "CONNECT", headers=headers, queryStringParameters={"ticket": ticket})
        status: int = answer["statusCode"]
        if status == 200:
            self.fake.opened(connection_id)
        return status

    def open(self, connection_id: str, user: int) -> int:
        return self.connect(connection_id, self.service.call(TICKET, user=user).json["ticket"])

    def say(self, connection_id: str, message: object, arrived_at: int | None = None) -> Any:
        """Send a message and return the reply, None without one."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.event(connection_id, "MESSAGE", arrived_at, body=text)
        frames = self.fake.taken(connection_id) if connection_id in self.fake.frames else []
        return frames[0] if frames else None

    def watch(self, connection_id: str, city: str | None = None, category: str | None = None) -> Any:
        return self.say(connection_id, {"action": "watch", "city": city, "category": category})


def changed(service: Api, order_id: str, before: Any = None) -> dict[Queue, list[dict[str, Any]]]:
    """Deliver the change of an order; return the messages for its frames."""
    service.order_changed(service.image(order_id), before)
    return {
        queue: service.queued(queue) for queue in (Queue.PERSONAL_FRAMES, Queue.LIST_FRAMES, Queue.ALL_CITIES_FRAMES)
    }


def tell(service: Api, messages: dict[Queue, list[dict[str, Any]]]) -> None:
    """Send the frames of these messages."""
    for queue, of_queue in messages.items():
        if of_queue:
            assert service.handle(queue, *of_queue) == []
