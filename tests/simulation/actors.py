"""Clients and executors: they post, take, answer, close, complain and read, often concurrently and near deadlines."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.order import CATEGORIES
from shared.domain.review import COMPLAINTS
from tests.simulation.audit_log import words_of
from tests.simulation.aws import Aws
from tests.simulation.entry import function_of
from tests.simulation.invariants import Checker
from tests.simulation.records import CANARY, Answer, Plain, Request
from tests.simulation.turns import Turns
from tests.simulation.world import Task, World

_MINUTE = 60_000
_TIMEOUT = 25_000
# Functions that call a payment provider or take many steps have longer timeouts.
_TIMEOUTS = {
    "POST /api/balance/create-invoice": 28_000,
    "DELETE /api/users/me": 29_000,
    "POST /api/admin/users/{id}/ban": 29_000,
    "POST /api/admin/payments/{id}/refund": 29_000,
    "POST /api/admin/refunds/{id}/approve": 29_000,
}
# Not idempotent: repeated, it credits twice. It exists only on a developer's machine and has no idempotency key.
_RECHARGE = "POST /api/balance/recharge"
_CITIES = ("Москва", "Казань")
_DESCRIPTION = "Прорвало трубу на кухне, вода на полу, нужен мастер"

Enter = Callable[[Request], Answer]


class Actors:
    """The senders of requests. `enter` invokes a function."""

    def __init__(self, world: World, aws: Aws, checker: Checker, enter: Enter) -> None:
        self._world = world
        self._aws = aws
        self._checker = checker
        self._enter = enter
        self._dice = world.random
        self.users = [100 + number for number in range(self._dice.randint(3, 7))]
        self.contacts = [f"@{CANARY}{number:02d}" for number in range(self._dice.randint(1, 5))]
        self._requests = 0
        self._recharges = 1
        self.turns = Turns(world, self._dice.randint(8, 30), self._turn)
        self.unanswered: list[Request] = []

    # ------------------------------------------------------------ requests

    def send(self, request: Request) -> None:
        """Send a request now. Some actors repeat a request that has no response, or a late one."""
        self._checker.audit_log.sent[request.number] += 1
        self._world.start(
            function_of(request.route),
            lambda: self._enter(request),
            lambda task: self._answered(request, task),
            timeout=_TIMEOUTS.get(request.route, _TIMEOUT),
            skew=self._aws.skew(),
        )

    def _answered(self, request: Request, task: Task) -> None:
        world = self._world
        if task.error is not None:
            world.broken("500", f"{request.name} raised {task.error!r}")
            return
        answer: Answer | None = None if task.dead else task.result
        world.note(request, "->", "no answer" if answer is None else _short(answer))
        if answer is not None:
            self._checker.on_answer(request, answer, task)
        if answer is None or answer.status >= 500:
            if request not in self.unanswered and request.route != _RECHARGE:
                self.unanswered.append(request)
        elif request in self.unanswered:
            self.unanswered.remove(request)
        later = self._aws.faults.happens("F11 request again later", 0.5 if answer is None else 0.1, task.function)
        if later and request.route != "POST /api/balance/recharge":
            world.later(
                self._dice.choice((0, 50, 2_000, _MINUTE, 12 * _MINUTE, 70 * _MINUTE)), lambda: self.send(request)
            )

    def request(
        self,
        route: str,
        user: int | None,
        id: str | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Request:
        """Make a request with a unique number."""
        self._requests += 1
        return Request(self._requests, route, user, id, body, query or {})

    def look_at_everything(self) -> None:
        """Read every list at rest."""
        for route, user, query, expected in self._checker.everything():
            request = self.request(route, user, query={"limit": 100, **query})

            def on_end(task: Task, request: Request = request, expected: list[Any] = expected) -> None:
                if task.error is not None:
                    self._world.broken("500", f"{request.name} raised {task.error!r}")
                else:
                    self._checker.on_answer(request, task.result, task)
                    self._checker.on_list(request.name, task.result, expected)

            def ask(request: Request = request) -> Answer:
                return self._enter(request)

            self._world.start(function_of(route), ask, on_end, timeout=_TIMEOUT)

    # ------------------------------------------------------------ turns of the actors

    def begin(self) -> None:
        """Give some users money and post a first order."""
        for user in self.users:
            if self._dice.random() < 0.8:
                self.send(self.recharge(user))
        if self._dice.random() < 0.3:
            self._begin_busy()
            return
        self.send(self.create())
        self.turns.begin(self._dice.choice((0, 100, 1_000)))

    def _begin_busy(self) -> None:
        """Post several orders, most taken by the same few executors and then completed. Then begin the turns."""
        dice, world = self._dice, self._world
        for _ in self.contacts:
            self.send(self.create())
        eager = dice.sample(self.users, 2)

        def take() -> None:
            for order in self._checker.orders:
                for user in eager:
                    self.send(self.take(order, user))

        def complete() -> None:
            for order in self._checker.orders:
                client = self._checker.items[f"ORDER#{order}", "ORDER"]["client_id"]
                if dice.random() < 0.8:
                    self.send(self.request("POST /api/orders/{id}/complete", client, order))

        world.later(10_000, take)
        world.later(20_000, complete)
        self.turns.begin(30_000)

    def _turn(self) -> int:
        """Send a few concurrent requests; return the ms until the next turn."""
        for request in self._burst():
            self.send(request)
            if request.route != _RECHARGE and self._aws.faults.happens(
                "F11 request again at once", 0.1, function_of(request.route)
            ):
                self.send(request)
        if self._aws.faults.happens("F15 clock jumps", 0.05):
            self._world.jump(self._dice.choice((1_000, 61_000, 300_000)))
        return self._gap()

    def _gap(self) -> int:
        """Return the ms until the next turn: moments, minutes, or close to the next deadline."""
        dice, now = self._dice, self._world.now
        due = self._checker.deadlines_after(now)
        kind = dice.random()
        if due and kind < 0.3:
            return max(0, min(due) - now + dice.choice((-2_500, -100, -10, -1, 0, 1, 10, 100, 2_500)))
        if kind < 0.75:
            return dice.choice((0, 1, 5, 20, 100, 1_000))
        return dice.choice((5_000, _MINUTE, 5 * _MINUTE, 14 * _MINUTE, 20 * _MINUTE))

    def _burst(self) -> list[Request]:
        dice = self._dice
        if not self._checker.orders or dice.random() < 0.2:
            return [self.create() for _ in range(dice.choice((1, 1, 2, 3)))]
        order = self._order()
        kind = dice.random()
        if kind < 0.3:
            # F21: all users take one order.
            return [self.take(order, user) for user in dice.sample(self.users, dice.randint(1, len(self.users)))]
        if kind < 0.7:
            # F22: two or more concurrent requests.
            return [self.about(order) for _ in range(dice.randint(2, 4))]
        if kind < 0.8:
            return self._judge() or [self._look()]
        if kind < 0.85:
            user = dice.choice(self.users)
            return [self._set(user) for _ in range(dice.randint(1, 3))]
        return [self.about(order) if kind < 0.95 else self._look()]

    def _judge(self) -> list[Request]:
        """Let several clients review at once, mostly the same executor."""
        dice, items = self._dice, self._checker.items
        over = [(id, items[f"ORDER#{id}", "ORDER"]) for id in self._checker.orders]
        over = [(id, order) for id, order in over if order["status"] in ("completed", "expired") and order["takes"]]
        reviewed = dice.choice(self.users)
        requests = []
        for id, order in dice.sample(over, min(len(over), 3)):
            executors = [int(user) for user in order["takes"]]
            executor = reviewed if reviewed in executors else dice.choice(executors)
            body = {"order_id": id, "rating": dice.randint(1, 5), "executor_id": executor}
            requests.append(self.request("POST /api/reviews/client", order["client_id"], body=body))
        return requests

    def _order(self) -> str:
        recent = self._checker.orders[-2:] if self._dice.random() < 0.8 else self._checker.orders
        return self._dice.choice(recent)

    def about(self, order: str) -> Request:
        """Make a request that fits the state of an order."""
        dice = self._dice
        item = self._checker.items.get((f"ORDER#{order}", "ORDER"), {})
        client = item.get("client_id", 0) if dice.random() < 0.9 else dice.choice(self.users)
        executors = [int(user) for user in item.get("takes", {})]
        executor = dice.choice(executors) if executors and dice.random() < 0.9 else dice.choice(self.users)
        state = _state(item)
        deed = dice.choice(_DEEDS[state if dice.random() < 0.8 else dice.choice(tuple(_DEEDS))])
        body: dict[str, Any] | None = None
        query: dict[str, Any] = {}
        match deed:
            case "POST /api/orders/{id}/take":
                return self.take(order, dice.choice(self.users))
            case "PUT /api/orders/{id}":
                user, body = client, self._changes(client)
            case "POST /api/reviews/client":
                comment = f"Спасибо, я @{CANARY}in_text {words_of(client)}"
                user, body = client, {"order_id": order, "rating": dice.randint(1, 5), "comment": comment}
                if executors and dice.random() < 0.7:
                    body["executor_id"] = executor
            case "POST /api/reviews/executor":
                comment = f"Я @{CANARY}in_text {words_of(executor)}"
                user, body = executor, {"order_id": order, "complaint": dice.choice(COMPLAINTS), "comment": comment}
            case "GET /api/orders/{id}":
                user = dice.choice((client, executor, None, *self.users))
            case "GET /api/reviews/check":
                user, query = executor, {"order_id": order}
            case _:
                user = client
        return self.request(deed, user, order if "{id}" in deed else None, body=body, query=query)

    def _set(self, user: int) -> Request:
        dice = self._dice
        if dice.random() < 0.5:
            body: dict[str, Any] = {"enabled": dice.random() < 0.7}
            return self.request("PUT /api/users/me/notification-settings", user, body=body)
        body = {
            "categories": dice.sample(CATEGORIES, dice.randint(0, 3)),
            "cities": dice.sample(_CITIES, dice.randint(0, 2)),
        }
        return self.request("PUT /api/users/me/preferences", user, body=body)

    def take(self, order: str, user: int) -> Request:
        """Make a take request."""
        return self.request("POST /api/orders/{id}/take", user, order)

    def create(self, user: int | None = None, contact: str | None = None) -> Request:
        """Make a request for a new order, by any user and with any contact where none is given."""
        dice = self._dice
        contact = contact or dice.choice(self.contacts)
        body = {
            "category": dice.choice(CATEGORIES[:2]),
            "city": dice.choice(_CITIES),
            # The same contact in another spelling.
            "contact": contact if dice.random() < 0.7 else f"https://t.me/{contact[1:]}",
        }
        user = user or dice.choice(self.users)
        return self.request("POST /api/orders", user, body={**body, "description": self._description(user)})

    def _description(self, user: int) -> str:
        """Return a text of the user; every second one has a contact, which only those who paid may read (I23)."""
        contact = f", пишите @{CANARY}in_text" if self._requests % 2 else ""
        return f"{_DESCRIPTION}, срочно {self._requests}{contact} {words_of(user)}"

    def _changes(self, user: int) -> dict[str, str]:
        dice = self._dice
        changes = {}
        if dice.random() < 0.6:
            changes["contact"] = dice.choice(self.contacts)
        if dice.random() < 0.5:
            changes["description"] = self._description(user)
        if dice.random() < 0.3:
            changes["category"] = dice.choice(CATEGORIES[:2])
        return changes

    def recharge(self, user: int) -> Request:
        # Each amount is used once, so that the books can match a credit with its request.
        self._recharges += 1
        return self.request(_RECHARGE, user, body={"amount": self._recharges})

    def _look(self) -> Request:
        dice = self._dice
        user = dice.choice(self.users)
        route, query = dice.choice(
            (
                ("GET /api/orders", {"status": dice.choice(("active", "expired", "completed"))}),
                ("GET /api/orders", {dice.choice(("mine", "taken_by_me")): True}),
                ("GET /api/reviews", {dice.choice(("mine", "written")): True}),
                ("GET /api/balance/transactions", {}),
                ("GET /api/balance", {}),
                ("GET /api/users/me", {}),
                ("GET /api/users/me/preferences", {}),
                ("GET /api/users/me/notification-settings", {}),
                (_RECHARGE, {}),
            )
        )
        return self.recharge(user) if route == _RECHARGE else self.request(route, user, query=query)


# Requests by state of the order. Sometimes a request for another state is sent.
_DEEDS = {
    "untaken": (
        "POST /api/orders/{id}/take",
        "POST /api/orders/{id}/take",
        "POST /api/orders/{id}/take",
        "PUT /api/orders/{id}",
        "PUT /api/orders/{id}",
        "DELETE /api/orders/{id}",
        "GET /api/orders/{id}",
    ),
    "taken": (
        "POST /api/orders/{id}/take",
        "POST /api/orders/{id}/take",
        "POST /api/orders/{id}/respond",
        "POST /api/orders/{id}/respond",
        "POST /api/orders/{id}/complete",
        "POST /api/orders/{id}/close",
        "GET /api/orders/{id}",
    ),
    "over": (
        "POST /api/orders/{id}/take",
        "DELETE /api/orders/{id}",
        "POST /api/orders/{id}/respond",
        "POST /api/reviews/client",
        "POST /api/reviews/client",
        "POST /api/reviews/executor",
        "GET /api/orders/{id}",
        "GET /api/reviews/check",
    ),
}


def _state(order: Plain) -> str:
    if order.get("status", "active") != "active":
        return "over"
    return "taken" if order.get("takes") else "untaken"


def _short(answer: Answer) -> str:
    told = answer.json
    if isinstance(told, dict):
        shown = ("code", "id", "status", "new_balance", "executor_count", "total", "review_id", "transaction_id")
        told = {name: str(told[name]) for name in shown if name in told}
    return f"{answer.status} {told or ''}"
