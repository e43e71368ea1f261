"""Check that news is queued, and that no record comes again after its messages were queued (L9).

The rules are those of the marketplace: a new order is announced, and each delivery of a record queues messages that its
recipients pay for with a turn of the bot. So a record may come again only if a message of it was not queued.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulation.world import Task, World

READER = "streams.order_changed"
"""The function that queues news."""


class News:
    """The orders to announce, the announced ones, and the calls to queues that succeeded, by invocation."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._to_announce: set[str] = set()
        self._announced: set[str] = set()
        self._queued: dict[int, Counter[tuple[str, str]]] = {}

    def on_record(self, record: Mapping[str, Any]) -> None:
        """A record of an order is in the stream."""
        if record["eventName"] == "INSERT" and record["dynamodb"]["Keys"]["sk"]["S"] == "ORDER":
            self._to_announce.add(_order_of(record))

    def on_given_up(self, record: Mapping[str, Any]) -> None:
        """A record failed for an hour."""
        self._to_announce.discard(_order_of(record))

    def on_landed(self, request: Mapping[str, Any]) -> None:
        """A queue has the messages, whatever the caller knows of it."""
        if "new-orders" in request["QueueUrl"]:
            self._announced |= {json.loads(entry["MessageBody"])["order_id"] for entry in request["Entries"]}

    def on_answered(self, task: Task, request: Mapping[str, Any]) -> None:
        """The caller knows that a queue has the messages, which are of one record."""
        if "frames" in request["QueueUrl"] or request["QueueUrl"].endswith("answers"):
            return  # frames have no recipients who pay, and their failure fails no record; answers are of no record
        order_id = json.loads(request["Entries"][0]["MessageBody"])["order_id"]
        self._queued.setdefault(task.number, Counter())[request["QueueUrl"], order_id] += 1

    def on_end(self, task: Task, batch: Sequence[Mapping[str, Any]], failed: Mapping[str, Any] | None) -> None:
        """Check the record that an invocation reported as failed: one of its messages was not queued."""
        queued = self._queued.pop(task.number, Counter())
        if failed is None or not task.ended_well:
            return
        order_id = _order_of(failed)
        before = sum(_order_of(record) == order_id for record in batch[: batch.index(failed)])
        if any(calls > before for (_, queued_id), calls in queued.items() if queued_id == order_id):
            self._world.broken("L9", f"a record of order {order_id} comes again, although its messages are queued")

    def at_end(self) -> None:
        """Check that each order whose record was delivered is announced."""
        if missing := self._to_announce - self._announced:
            self._world.broken("L9", f"orders {sorted(missing)} are not announced")


def _order_of(record: Mapping[str, Any]) -> str:
    key: str = record["dynamodb"]["Keys"]["pk"]["S"]
    return key.partition("#")[2]
