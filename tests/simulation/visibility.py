"""Check who sees an order that was deleted or removed (I25), after every commit and every answer.

As in `invariants.py`, the rules are those of the marketplace: from its deletion or removal on, an order is there for
its client and its executors only. A removed order's review is in no list that strangers read.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.dynamodb import Key
from tests.simulation.records import Answer, Plain, Request
from tests.simulation.world import MAX_LAG, Task, World

# Query parameters of a list of the caller's own.
_OWN = {"mine", "taken_by_me", "written"}


class Visibility:
    """What is gone, and since when. `items` is the checker's copy of the table."""

    def __init__(self, world: World, items: Mapping[Key, Plain]) -> None:
        self._world = world
        self._items = items
        self._gone: dict[str, int] = {}
        self._hidden: dict[str, int] = {}
        self.removed: set[str] = set()

    def on_order(self, key: Key, new: Plain) -> None:
        """Check a changed order: a removed one, and its review, are in no list that strangers read."""
        order_id = key[0].partition("#")[2]
        if new["status"] == "deleted" or "removed_at" in new:
            self._gone.setdefault(order_id, self._world.now)
        if "removed_at" not in new:
            return
        self.removed.add(order_id)
        review = self._items.get((key[0], f"REVIEW#{new['client_id']}"), {})
        lists = [name for name in new if name.startswith("list") and name.endswith("_pk")]
        public = [name for name in ("list1_pk", "list2_pk") if review.get(name, "REVIEWS_HIDDEN") != "REVIEWS_HIDDEN"]
        lists += [f"{name} of its review" for name in public]
        if lists:
            self._world.broken("I25", f"order {order_id} is removed and stands in {lists}")

    def on_review(self, key: Key, old: Plain, new: Plain) -> None:
        """Note since when a review is hidden, and check that a hidden one is in its author's list only."""
        order_id = key[0].partition("#")[2]
        if "hidden_at" not in new:
            self._hidden.pop(order_id, None)
            return
        if "hidden_at" not in old:
            self._hidden[order_id] = self._world.now
        lists = {name: place for name, place in new.items() if name.endswith("_pk")}
        if lists != {"list1_pk": "REVIEWS_HIDDEN", "list4_pk": f"REVIEWS_BY#{new['client_id']}"}:
            self._world.broken("I21", f"{key} is hidden and stands in {lists}")

    def on_answer(self, request: Request, content: Any, task: Task) -> None:
        """Check a successful answer: to a stranger, it is about no order that was gone before the request.

        Details and commands read the table, lists an index that lags.
        """
        order_id = request.id or (request.body or {}).get("order_id")
        if "/admin/" in request.route:
            return
        if order_id is not None:
            if not self._takes_part(order_id, request.user):
                self._check(request, task, [order_id], lag=0)
        elif request.route == "GET /api/orders" and not _OWN & request.query.keys():
            self._check(request, task, [order["id"] for order in content["orders"]], lag=MAX_LAG)
        elif request.route == "GET /api/reviews" and not _OWN & request.query.keys():
            shown = [review["order_id"] for review in content]
            self._check(request, task, shown, lag=MAX_LAG)
            for order_id in shown:
                if task.started > self._hidden.get(order_id, task.started) + MAX_LAG:
                    self._world.broken("I21", f"{request.name} shows the review of {order_id}, which is hidden")

    def on_refusal(self, request: Request, answer: Answer, task: Task) -> None:
        """Check a refusal: to a stranger, a gone order is not there. A ban is refused before the order is read."""
        order_id = request.id or (request.body or {}).get("order_id")
        if order_id is None or "/admin/" in request.route or self._takes_part(order_id, request.user):
            return
        if answer.status != 404 and answer.json["code"] != "banned":
            self._check(request, task, [order_id], lag=0)

    def _check(self, request: Request, task: Task, order_ids: list[str], *, lag: int) -> None:
        for order_id in order_ids:
            if order_id in self._gone and task.started > self._gone[order_id] + lag:
                self._world.broken("I25", f"{request.name} shows {order_id}, gone since {self._gone[order_id]}")

    def _takes_part(self, order_id: str, user: int | None) -> bool:
        order = self._items.get((f"ORDER#{order_id}", "ORDER"), {"client_id": None, "takes": {}})
        return user is not None and (user == order["client_id"] or str(user) in order["takes"])
