"""(i) What live updates cost: each invocation of a socket and of the senders of frames, counted and measured.

A frame to a socket is one POST. `measure` compares the processor time of a sender with boto3 alone, in turns.
"""

import importlib
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from shared import clock
from shared.aws import secrets
from shared.aws.queues import Queue
from shared.domain import live
from shared.domain.live import Connection, Watch
from shared.domain.messages import ListChange, PersonalEvent
from shared.store import connections
from tests import api
from tests.bench.cases import CLIENT, READ_ORDER, STRANGER, Recorded, Service, message_event, record, service
from tests.bench.measure import run
from tests.live import TICKET, WEBAPP

Event = dict[str, Any]

WATCHERS = 100
SOCKET, PERSONAL, LISTS = "live.socket", "live.send_personal_frames", "live.send_list_frames"
MOSCOW = Watch("Москва", None)


class Step(NamedTuple):
    """One kind of invocation. `prepare` fills the table and returns the event. `frames`: how many it sends."""

    function: str
    prepare: Callable[[Service], Event]
    frames: int = 0


def _opened(made: Service, number: int = 0, watch: Watch | None = None) -> str:
    """Let a user's socket be open, and watch a list; return its id, as long as one of API Gateway."""
    connection = Connection(f"{number:015d}=", STRANGER + number, made.now)
    connections.add(connection)
    if watch is not None:
        connections.set_watch(connection, watch)
    made.sockets.opened(connection.id)
    return connection.id


def _event(connection_id: str, kind: str, **more: Any) -> Event:
    context = {
        "routeKey": f"${kind}",
        "eventType": kind,
        "connectionId": connection_id,
        "requestTimeEpoch": clock.now_ms(),
    }
    return {"requestContext": context, **more}


def _ticket(made: Service) -> Event:
    assert made.call("GET /api/users/me", user=CLIENT).status == 200
    return made.event_of(TICKET, user=CLIENT)


def _handshake(made: Service) -> Event:
    ticket = live.ticket(STRANGER, key=secrets.live_ticket_key(), now=clock.now_ms())
    return _event("new=", "CONNECT", headers={"Origin": WEBAPP}, queryStringParameters={"ticket": ticket})


def _message(text: str) -> Callable[[Service], Event]:
    return lambda made: _event(_opened(made), "MESSAGE", body=text)


def _end(made: Service) -> Event:
    return _event(_opened(made, watch=MOSCOW), "DISCONNECT")


def _taken(made: Service) -> Event:
    """Let the client have a socket, and their order be taken."""
    _opened(made, CLIENT - STRANGER)
    told = PersonalEvent(CLIENT, "taken", made.new_order(), due_at=made.now)
    return message_event(made, Queue.PERSONAL_FRAMES, **asdict(told))


def _changed(watchers: int) -> Callable[[Service], Event]:
    """Let so many sockets watch the city of an order that changed."""

    def prepare(made: Service) -> Event:
        for number in range(watchers):
            _opened(made, number, MOSCOW)
        order_id = made.new_order()
        change = ListChange(order_id, "Москва", "Сантехника", "Сантехника", 1, True, made.now)
        return message_event(made, Queue.LIST_FRAMES, **asdict(change))

    return prepare


STEPS = {
    "socket: ticket": Step("live.create_ticket", _ticket),
    "socket: handshake": Step(SOCKET, _handshake),
    "socket: watch": Step(SOCKET, _message('{"action": "watch", "city": "Москва"}'), 1),
    "socket: ping": Step(SOCKET, _message('{"action": "ping"}'), 1),
    "socket: end": Step(SOCKET, _end),
    "frame of one's own": Step(PERSONAL, _taken, 1),
    "frames of a list, nobody watches": Step(LISTS, _changed(0)),
    f"frames of a list, {WATCHERS} watchers": Step(LISTS, _changed(WATCHERS), WATCHERS),
}
"""Each invocation, by its name."""

NOBODY, MANY = list(STEPS)[-2:]


def recorded(step: Step, now: int) -> Recorded:
    """Run the step once. Its `replies` are those to the calls of sockets."""
    with service(now) as made:
        assert made.sockets.calls == []
        event = step.prepare(made)
        made.table.calls.clear()
        made.replies.clear()
        done = importlib.import_module(f"functions.{step.function}").handler(event, api.Context())
        assert (done or {}).get("statusCode", 200) == 200
        assert not (done or {}).get("batchItemFailures"), done
        return Recorded(event, made.table.calls, made.table.calls, made.replies)


def measure(rounds: int, requests: int) -> dict[str, dict[str, float]]:
    """Return medians by step: CPU ms `warm` of an invocation, and its `ratio` to boto3 alone reading an order.

    A handshake is not measured: its ticket is good for a minute.
    """
    found = {}
    for name, step in STEPS.items():
        if name == "socket: handshake":
            continue
        now = time.time_ns() // 1_000_000
        bare = record(READ_ORDER, now)
        given = recorded(step, now)
        seen = [run(f"functions.{step.function}", given, bare=bare, requests=requests) for _ in range(rounds)]
        found[name] = {
            "warm": statistics.median(each["warm"] for each in seen),
            "bare": statistics.median(each["bare"] for each in seen),
            "ratio": statistics.median(each["warm"] / each["bare"] for each in seen),
        }
    return found


def of_a_frame(found: dict[str, dict[str, float]], kind: str) -> float:
    """Return what one more watcher adds to an invocation: its `warm` ms, or its `ratio`."""
    return (found[MANY][kind] - found[NOBODY][kind]) / WATCHERS
