"""Simulate clients with open sockets, the queues of frames, and a WebSocket API that loses connections (I31, L10).

Queues deliver in batches, again, and late. A call about a socket may fail, land without an answer, or kill the sender.
Frames arrive late, twice and out of order. Connections die between a query and a send, with `$disconnect` or without,
and their clients notice later. Random numbers have a generator of their own. Most seeds have no sockets.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from shared.domain import live
from shared.outbound.http import Reply, Unreachable
from tests.conftest import SECRETS
from tests.fakes.dynamodb import Change
from tests.simulation.actors import Actors
from tests.simulation.aws import Aws
from tests.simulation.invariants import Checker
from tests.simulation.records import CANARY, Plain, plain, shown_status
from tests.simulation.world import Task, World

_MINUTE = 60_000
# In the other seeds there are no sockets, and this module has no effect. No other number of seeds divides by it, so
# that sockets meet every other part of the simulation, and also none of them.
ONE_SEED_IN = 11
# From the template.
_TIMEOUT = 25_000
_VISIBILITY = 155_000
_MAX_RECEIVES = 5
_WINDOWS = {"personal-frames": 0, "list-frames": 2_000, "all-cities-frames": 5_000}
SENDERS = {"personal-frames": "live.send_personal_frames"}
_LISTS = "live.send_list_frames"
_TROUBLE = ("500", "500, done", "silence", "silence, done", "crash", "crash, done")
_QUIET = 12 * _MINUTE
# Longer than frames of a change take when nothing fails.
_LATELY = _MINUTE


class OneByOne:
    """An executor in the place of threads, which the simulation does not have."""

    def __init__(self, threads: int) -> None:
        pass

    def __enter__(self) -> "OneByOne":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, call: Callable[[Any], Any], each: Sequence[Any]) -> Iterator[Any]:
        return map(call, each)


@dataclass
class Client:
    """A user's client, which keeps a list by the contract's rules. `view`: what it shows, by order."""

    user: int
    city: str | None
    category: str | None
    connection: str = ""
    failures: int = 0  # in a row, of its attempts to connect
    is_ready: bool = False
    waiting: list[Any] = field(default_factory=list)
    view: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def has(self, order: Plain) -> bool:
        """Whether an order is of the list."""
        return self.city in (None, order["city"]) and self.category in (None, order["category"])

    def apply(self, frame: Any) -> None:
        """Apply a frame of an order: only a newer version counts."""
        order_id = frame["order"]["id"]
        if frame["version"] <= self.versions.get(order_id, 0):
            return
        self.versions[order_id] = frame["version"]
        if frame["event"] == "left":
            self.view.pop(order_id, None)
        else:
            self.view[order_id] = frame["version"]


class Sockets:
    """The sockets of one seed."""

    def __init__(self, world: World, aws: Aws, checker: Checker, actors: Actors) -> None:
        self.take_part = world.seed % ONE_SEED_IN == 0
        self._dice = random.Random(f"sockets {world.seed}")
        self._world, self._aws, self._checker, self._actors = world, aws, checker, actors
        self._clients: list[Client] = []
        self._open: dict[str, Client] = {}
        self._connections = 0
        self._is_calm = False
        # A record or a message for a queue may be lost. Otherwise each change reaches the queues.
        self._may_lose = bool(aws.faults.rate) or "stream record lost" in aws.faults.chosen
        self._shown: dict[tuple[str, int], Plain] = {}
        self._changed_at: dict[str, int] = {}
        self._landed: dict[tuple[str, bool], set[int]] = {}
        self._batches: dict[str, list[str]] = {}
        aws.frames_are_read = self.take_part
        if self.take_part:
            queued, committed = aws.on_queued, aws.database.on_commit

            def on_queued(url: str, entries: list[Mapping[str, Any]]) -> None:
                queued(url, entries)
                self._queued(url.rpartition("/")[2], entries)

            def on_commit(changes: Sequence[Change]) -> None:
                committed(changes)
                self._committed(changes)

            aws.on_queued, aws.database.on_commit = on_queued, on_commit

    def begin(self) -> None:
        """Let some clients connect, some of them strangers to every order."""
        if not self.take_part:
            return
        for _ in range(self._dice.randint(2, 5)):
            user = self._dice.choice([*self._actors.users, 777])
            city = self._dice.choice((None, "Москва", "Казань"))
            client = Client(user, city, self._dice.choice((None, None, "Сантехника", "Электрика")))
            self._clients.append(client)
            self._world.later(self._dice.choice((0, 50, _MINUTE)), lambda client=client: self._connect(client))  # type: ignore[misc]
            self._die_some_day(client)

    # ------------------------------------------------------------ the table

    def _committed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.key[1] == "ORDER" and change.new is not None:
                order = plain(change.new)
                order_id = change.key[0].partition("#")[2]
                self._shown[order_id, order["version"]] = order
                self._changed_at[order_id] = self._world.now

    def _listed(self, client: Client) -> dict[str, int]:
        """What a GET of the client's list shows now, by the rules of the marketplace: order to version."""
        return {
            key[0].partition("#")[2]: item["version"]
            for key, item in self._checker.items.items()
            if key[1] == "ORDER"
            and shown_status(item, self._world.now) == "active"
            and "removed_at" not in item
            and client.has(item)
        }

    # ------------------------------------------------------------ queues

    def _queued(self, queue: str, entries: list[Mapping[str, Any]]) -> None:
        if queue not in _WINDOWS:
            return
        for entry in entries:
            message = json.loads(entry["MessageBody"])
            if "version" in message:
                self._landed.setdefault((message["order_id"], message["of_city"]), set()).add(message["version"])
            for _ in range(1 if self._is_calm or self._dice.random() < 0.9 else 2):
                delay = entry["DelaySeconds"] * 1000 + self._dice.choice((0, 10, 500, 3_000))
                self._world.later(delay, lambda body=entry["MessageBody"]: self._collect(queue, body))  # type: ignore[misc]

    def _collect(self, queue: str, body: str) -> None:
        """Let Lambda collect messages until its window ends."""
        batch = self._batches.setdefault(queue, [])
        batch.append(body)
        if len(batch) == 1:
            self._world.later(_WINDOWS[queue], lambda: self._deliver(queue, self._batches.pop(queue), 1))

    def _deliver(self, queue: str, bodies: list[str], receives: int) -> None:
        def on_end(task: Task) -> None:
            if not task.ended_well and receives < _MAX_RECEIVES:
                self._world.later(_VISIBILITY, lambda: self._deliver(queue, bodies, receives + 1))
            elif not task.ended_well:
                self._given_up(bodies)

        records = [{"body": body} for body in bodies]
        sender = SENDERS.get(queue, _LISTS)
        self._aws.invoke(sender, {"Records": records}, on_end, timeout=_TIMEOUT, before=self._may_time_out)

    def _given_up(self, bodies: list[str]) -> None:
        for message in map(json.loads, bodies):
            if "version" in message:
                self._landed[message["order_id"], message["of_city"]].discard(message["version"])

    def _may_time_out(self) -> None:
        assert self._world.task is not None
        self._world.task.may_time_out = True  # where each call waits; its messages then come again

    # ------------------------------------------------------------ sockets

    def _connect(self, client: Client) -> None:
        self._connections += 1
        connection = f"{self._connections}="
        ticket = live.ticket(client.user, key=SECRETS["live-ticket-key"].encode(), now=self._world.now)

        def on_end(task: Task) -> None:
            status = task.result["statusCode"] if task.ended_well else 500
            if status == 200:
                client.failures = 0
                client.connection = connection
                self._open[connection] = client
                self._watch(client, connection)
                self._world.later(live.MOST_AGE_MS, lambda: self._die(client, connection))
            elif status >= 500 or status == 429:
                # Like live.ts, but in the end more patient: an outage of hours would cost more than all the rest.
                wait = self._dice.choice((1_000, 5_000, _MINUTE)) << min(client.failures, 8)
                client.failures += 1
                self._world.later(min(wait, 4 * _MINUTE), lambda: self._connect(client))

        self._invoke("CONNECT", connection, on_end, queryStringParameters={"ticket": ticket}, headers={})

    def _watch(self, client: Client, connection: str) -> None:
        """Ask for the list until it is watched: a message may meet a function that dies."""
        if client.connection != connection or client.is_ready or connection not in self._open:
            return
        message = {"action": "watch", "city": client.city, "category": client.category}
        self._invoke("MESSAGE", connection, lambda task: None, body=json.dumps(message))
        self._world.later(30_000, lambda: self._watch(client, connection))

    def _invoke(self, kind: str, connection: str, on_end: Callable[[Task], None], **more: Any) -> None:
        context = {
            "routeKey": f"${kind.lower()}",
            "eventType": kind,
            "connectionId": connection,
            "requestTimeEpoch": self._world.now,
        }
        event = {"requestContext": context, **more}
        self._aws.invoke("live.socket", event, on_end, timeout=_TIMEOUT, before=self._may_time_out)

    def _die_some_day(self, client: Client) -> None:
        if self._is_calm:
            return
        self._world.later(self._dice.choice((5_000, 10 * _MINUTE, 40 * _MINUTE)), lambda: self._die_some_day(client))
        if self._dice.random() < 0.5:
            self._die(client, client.connection)

    def _die(self, client: Client, connection: str) -> None:
        """Let the gateway end a connection. Its client notices later, and connects again."""
        if self._open.pop(connection, None) is None:
            return
        if self._dice.random() < 0.5:
            self._world.later(
                self._dice.choice((0, 100, _MINUTE)),
                lambda: self._invoke("DISCONNECT", connection, lambda task: None),
            )
        self._world.later(self._dice.choice((0, 1_000, 30_000)), lambda: self._notice(client, connection))

    def _notice(self, client: Client, connection: str) -> None:
        if client.connection == connection:
            client.connection, client.is_ready = "", False
            client.waiting, client.versions = [], {}
            self._connect(client)

    def request(self, method: str, url: str, body: bytes | None) -> Reply:
        """Handle a call about a socket."""
        world = self._world
        connection = unquote(url.rpartition("/")[2])
        world.pause(self._dice.choice((1, 5, 50)))
        trouble = "" if self._is_calm or not self._aws.faults.rate or self._dice.random() < 0.9 else self._trouble()
        what, _, done = trouble.partition(",")
        world.note(method, connection, trouble)
        status = 410
        if connection in self._open:
            status = 200 if method == "POST" else 204
            if not what or done:
                self._carry_out(method, connection, body)
        match what:
            case "silence":
                world.pause(3_000)
                raise Unreachable(maybe_done=True)
            case "crash":
                world.crash()
            case "500":
                return Reply(500, None)
        return Reply(status, None)

    def _trouble(self) -> str:
        return self._dice.choice(_TROUBLE)

    def _carry_out(self, method: str, connection: str, body: bytes | None) -> None:
        client = self._open[connection]
        if method == "DELETE":
            del self._open[connection]
            self._world.later(10, lambda: self._notice(client, connection))
            return
        frame = json.loads(body or b"")
        for _ in range(1 if self._dice.random() < 0.95 else 2):
            delay = self._dice.choice((0, 0, 20, 2_000))
            self._world.later(delay, lambda: self._arrive(client, connection, frame))

    # ------------------------------------------------------------ frames

    def _arrive(self, client: Client, connection: str, frame: Any) -> None:
        if client.connection != connection or connection not in self._open:
            return  # lost with its connection
        self._check(client, frame)
        match frame["type"]:
            case "watching":
                client.view = self._listed(client)
                client.versions.update(client.view)  # orders that left keep their versions
                client.is_ready = True
                for waiting in client.waiting:
                    client.apply(waiting)
                client.waiting = []
            case "poll":
                client.is_ready = False  # it polls, until it watches again
                delay = self._dice.randint(5 * _MINUTE, 10 * _MINUTE)
                self._world.later(delay, lambda: self._watch(client, connection))
            case "order" if client.is_ready:
                client.apply(frame)
            case "order":
                client.waiting.append(frame)

    def _check(self, client: Client, frame: Any) -> None:
        """I31: a frame shows what a list shows at its version; a personal one goes to a participant."""
        world = self._world
        if CANARY in json.dumps(frame):
            world.broken("I31", f"a contact is in a frame for {client.user}")
        if frame["type"] == "mine":
            if not self._is_own(client.user, frame):
                world.broken("I31", f"{frame} is told to {client.user}")
            return
        if frame["type"] != "order":
            return
        shown = frame["order"]
        if frame["event"] == "left":
            if shown.keys() != {"id"}:
                world.broken("I31", f"a frame shows more of {shown['id']} than that it left")
            return
        order = self._shown.get((shown["id"], frame["version"]))
        if order is None or order["status"] != "active" or "removed_at" in order:
            world.broken("I31", f"a frame shows {shown['id']}, which no list has at version {frame['version']}")
            return
        expected = {
            "category": order["category"],
            "city": order["city"],
            "description": order["masked_description"] or order["description"],
            "contact": None,
            "version": order["version"],
        }
        takes = {take["executor_id"] for take in shown["taken_by"]}
        if {name: shown[name] for name in expected} != expected or takes != {int(user) for user in order["takes"]}:
            world.broken("I31", f"a frame shows {shown}, and a list shows {expected}")

    def _is_own(self, user: int, frame: Any) -> bool:
        if frame["event"] == "paid":
            payment = self._checker.items.get((f"PAYMENT#{frame['payment_id']}", "PAYMENT"))
            return payment is not None and payment["user_id"] == user and payment["status"] in ("paid", "refunded")
        order = self._checker.items.get((f"ORDER#{frame['order_id']}", "ORDER"))
        return order is None or user == order["client_id"] or str(user) in order["takes"]

    # ------------------------------------------------------------ at rest

    def at_rest(self) -> None:
        """L10: after quiet, each client shows what a GET shows; after a reconnect also what no queue took."""
        self._is_calm = True
        if not self.take_part:
            return
        self._aws.sweep()
        self._world.run(until=self._world.now + _QUIET)
        for client in self._clients:
            if client.is_ready and client.connection in self._open:
                self._compare(client, after_reconnect=False)
            self._die(client, client.connection)
        self._world.run(until=self._world.now + 3 * _MINUTE)
        for client in self._clients:
            if client.is_ready and client.connection in self._open:
                self._compare(client, after_reconnect=True)

    def _compare(self, client: Client, *, after_reconnect: bool) -> None:
        expected = self._listed(client)
        for order_id in expected.keys() | client.view.keys():
            order = self._checker.items.get((f"ORDER#{order_id}", "ORDER"))
            # Clients drop an order by their clock; a deadline of the last minutes may not be told yet.
            if order is None or order["expires_at"] <= self._world.now or self._ended_lately(order):
                continue
            if self._world.now - self._changed_at.get(order_id, 0) < _LATELY:
                continue  # its frames are on their way
            landed = self._landed.get((order_id, client.city is not None), set())
            # Each change since: only that of the category tells the lists which no longer have the order.
            since = range(client.view.get(order_id, 0) + 1, order["version"] + 1)
            lost = self._may_lose and not landed.issuperset(since)
            if expected.get(order_id) != client.view.get(order_id) and (after_reconnect or not lost):
                self._world.broken(
                    "L10",
                    f"{client.user} shows version {client.view.get(order_id)} of {order_id},"
                    f" a GET shows {expected.get(order_id)}",
                )

    def _ended_lately(self, order: Plain) -> bool:
        due: int = order.get("answer_due_at", 0)
        return self._world.now - _QUIET <= due <= self._world.now
