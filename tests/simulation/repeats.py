"""Check repeated requests for an order (I29), after every commit and every response.

As in `invariants.py`, the rules are those of the marketplace: within a minute, the same request of the same client gets
the order that it posted, while that is active and unedited. Nothing is charged for it, and no limit refuses it.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.records import Answer, Commit, Plain, Request
from tests.simulation.world import Task, World

ROUTE = "POST /api/orders"
_MINUTE = 60_000
_TEXTS = ("category", "city", "description", "contact")


@dataclass
class _Posted:
    """A new order as it was written, by which invocation, and when it was first edited or ended."""

    client: int
    texts: Mapping[str, Any]
    created_at: int
    written: int
    by: int | None
    changed: int | None = None


class Repeats:
    """The orders as they were posted, and which invocations charged whom."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._posted: dict[str, _Posted] = {}
        self._charged: defaultdict[int, set[str]] = defaultdict(set)

    def _broken(self, message: str) -> None:
        self._world.broken("I29", message)

    def on_commit(self, commit: Commit) -> None:
        """Note new orders, their first change, and charges. A token of orders is charged with a new order only."""
        task = self._world.task
        by = None if task is None else task.number
        new_orders_of = set()
        for key, (old, new) in commit.items():
            if key[1] != "ORDER" or new is None:
                continue
            order_id = key[0].partition("#")[2]
            if old is None:
                new_orders_of.add(f"USER#{new['client_id']}")
                texts = {name: new[name] for name in _TEXTS}
                self._posted[order_id] = _Posted(new["client_id"], texts, new["created_at"], self._world.now, by)
            elif new["edits"] or new["status"] != "active":
                posted = self._posted[order_id]
                posted.changed = self._world.now if posted.changed is None else posted.changed
        for key, (old, new) in commit.items():
            if key[1] != "USER" or new is None:
                continue
            if _bucket("orders", old) != _bucket("orders", new) and key[0] not in new_orders_of:
                self._broken(f"{key[0]} was charged for an order, and none was posted")
            if by is not None and _bucket("contacts", old) != _bucket("contacts", new):
                self._charged[by].add(key[0])

    def on_answer(self, request: Request, content: Any, task: Task) -> None:
        """Check a 201: the order is what the request asked for, and was posted by it or by one that it repeats."""
        if request.route != ROUTE:
            return
        posted = self._posted.get(content["id"])
        if posted is None:
            self._world.broken("I15", f"{request.name} was answered an order that is not there")
        elif posted.client != request.user:
            self._broken(f"{request.name} was answered an order of {posted.client}")
        elif posted.texts != _texts(request):
            self._broken(f"{request.name} was answered {content['id']}, which is {posted.texts}")
        elif posted.by != task.number and posted.written < task.started:
            self._check_repeat(request, posted, task)

    def _check_repeat(self, request: Request, posted: _Posted, task: Task) -> None:
        if task.clock_low >= posted.created_at + _MINUTE:
            self._broken(f"{request.name} was answered the order of {posted.created_at}, at {task.clock_low}")
        if posted.changed is not None and posted.changed < task.started:
            self._broken(f"{request.name} was answered an order that was changed at {posted.changed}")
        if f"USER#{request.user}" in self._charged[task.number]:
            self._broken(f"{request.name} was charged, and repeats an order")

    def on_refusal(self, request: Request, answer: Answer, task: Task) -> None:
        """Check a refusal: the request repeats no order."""
        if request.route != ROUTE or answer.status == 422:
            return
        for order_id, posted in self._posted.items():
            same = posted.client == request.user and posted.texts == _texts(request)
            stood = posted.written < task.started and posted.changed is None
            if same and stood and task.clock_high < posted.created_at + _MINUTE:
                self._broken(f"{request.name} was answered {answer.json['code']}, and repeats {order_id}")


def _bucket(name: str, user: Plain | None) -> int:
    full_at: int = (user or {}).get(f"bucket_{name}", 0)
    return full_at


def _texts(request: Request) -> Plain:
    return {name: (request.body or {})[name] for name in _TEXTS}
