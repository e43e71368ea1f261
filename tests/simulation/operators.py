"""Operators who remove, refund, ban and read, and users who ask for erasure.

They act at bad moments, twice and concurrently with the affected users. Their random numbers have a generator of their
own, so that the trace of a seed without operators does not change.
"""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.commands import logins
from tests.simulation.actors import Actors
from tests.simulation.audit_log import OPERATORS
from tests.simulation.aws import Aws
from tests.simulation.invariants import Checker
from tests.simulation.records import Request
from tests.simulation.turns import Turns
from tests.simulation.world import Task, World

# The first seed of so many has operators. The share leaves seeds that also have payments, or run the complete stack.
ONE_SEED_IN, FIRST_SEED = 5, 1
_MINUTE = 60_000
_ERASE_TIMEOUT = 900_000
_EXPORT_TIMEOUT = 60_000
_LOOK = "GET /api/admin/orders/{id}"
_REMOVE = "POST /api/admin/orders/{id}/remove"
_REFUND = "POST /api/admin/orders/{id}/refund"
_HANDLE = "POST /api/admin/complaints/handle"
_HIDE = "POST /api/admin/reviews/hide"
_RESTORE = "POST /api/admin/reviews/restore"
_BAN = "POST /api/admin/users/{id}/ban"
_UNBAN = "POST /api/admin/users/{id}/unban"
_PAY_BACK = "POST /api/admin/payments/{id}/refund"
_APPROVE = "POST /api/admin/refunds/{id}/approve"
_WITHDRAW = "POST /api/admin/refunds/{id}/withdraw"
_SESSION = "POST /api/admin/session"
_NOTE = "POST /api/admin/users/{id}/notes"
_PERSON = "GET /api/admin/users/{id}"
_LEDGER = "GET /api/admin/users/{id}/ledger"


class Operators:
    """The operators of a seed, and its users who ask for erasure. Some seeds have none."""

    def __init__(self, world: World, aws: Aws, checker: Checker, actors: Actors) -> None:
        self.dice = random.Random(f"operators {world.seed}")
        self.take_part = world.seed % ONE_SEED_IN == FIRST_SEED
        self._world = world
        self._aws = aws
        self._checker = checker
        self._actors = actors
        self.turns = Turns(world, self.dice.randint(4, 14), self._turn)
        if self.take_part and self.dice.random() < 0.3:
            # All users have small buckets, so that some run empty.
            for bucket in checker.audit_log.per_hour:
                checker.audit_log.per_hour[bucket] = self.dice.choice((1, 2, 4))
        checker.audit_log.refunds_per_day = self.dice.choice((0, 300, 5_000)) if self.take_part else 5_000
        self._reasons = 0

    # ------------------------------------------------------------ turns

    def begin(self) -> None:
        """Plan the first turn."""
        if self.take_part:
            self.turns.begin(self.dice.choice((300, 2_000, _MINUTE, 10 * _MINUTE)))

    def _turn(self) -> int:
        """Let one or two operators act while the affected users continue; return the ms until the next turn."""
        for request in (*self._burst(), *self._complaints()):
            again = (0, self.dice.choice((1, 30, 5_000, _MINUTE))) if self.dice.random() < 0.2 else (0,)
            for delay in again:
                self._send(request, delay + self.dice.choice((0, 0, 1, 3, 10, 30)))
        return self._gap()

    def _send(self, request: Request, delay: int) -> None:
        self._world.later(delay, lambda: self._actors.send(request))

    def _gap(self) -> int:
        dice, now = self.dice, self._world.now
        due = self._checker.deadlines_after(now)
        if due and dice.random() < 0.3:
            return max(0, min(due) - now + dice.choice((-2_500, -10, -1, 0, 1, 10, 2_500)))
        return dice.choice((0, 10, 500, 3_000, 10_000, _MINUTE, 5 * _MINUTE, 13 * _MINUTE))

    # ------------------------------------------------------------ actions

    def _burst(self) -> list[Request]:
        dice = self.dice
        order = self._order()
        if order is None:
            return [self._ban(dice.choice(self._actors.users))]
        deeds = (self._removals, self._refunds, self._bans, self._farewells, self._looks, self._moderates)
        [deed] = dice.choices(deeds, weights=(4, 3, 4, 3, 2, 4))
        self._pay_back()
        if dice.random() < 0.3:
            self._log_in()
        rivals = [self._actors.about(order) for _ in range(dice.choice((0, 1, 1, 2, 3)))]
        return [*deed(order), *rivals]

    def _order(self) -> str | None:
        """Choose an order: mostly an active one, and of these one that was taken."""
        dice, items = self.dice, self._checker.items
        there = {id: items[f"ORDER#{id}", "ORDER"] for id in self._checker.orders if (f"ORDER#{id}", "ORDER") in items}
        running = [id for id, order in there.items() if order["status"] == "active"]
        taken = [id for id in running if there[id]["takes"]]
        for found, share in ((taken, 0.6), (running, 0.8)):
            if found and dice.random() < share:
                return dice.choice(found)
        return dice.choice(list(there)) if there else None

    def _removals(self, order: str) -> list[Request]:
        """Of an order in any state: half of those that ended have a review if there is one."""
        if self.dice.random() < 0.5:
            order = self._ended() or order
        for delay in (0, 10, 5_000, _MINUTE):
            for request in self._strangers(order):
                self._send(request, delay + self.dice.choice((0, 1, 30)))
        return [self._asks(_REMOVE, order) for _ in range(self.dice.choice((1, 1, 2)))]

    def _ended(self) -> str | None:
        """An order that ended; one with a review rather than another."""
        items = self._checker.items
        there = [(id, items.get((f"ORDER#{id}", "ORDER"), {})) for id in self._checker.orders]
        ended = [id for id, order in there if order.get("status", "active") != "active"]
        reviewed = [id for id, order in there if "rating" in order]
        found = reviewed if reviewed and self.dice.random() < 0.6 else ended
        return self.dice.choice(found) if found else None

    def _strangers(self, order: str) -> list[Request]:
        """Somebody who has the link, and readers of the public lists."""
        dice, actors = self.dice, self._actors
        user = dice.choice(actors.users)
        verbs = ("take", "respond", "close", "complete")
        asked = [
            actors.request("GET /api/orders/{id}", dice.choice((None, user)), order),
            actors.request(f"POST /api/orders/{{id}}/{dice.choice(verbs)}", user, order),
            actors.request("DELETE /api/orders/{id}", user, order),
            actors.request("GET /api/orders", None, query={"status": dice.choice(("expired", "completed"))}),
            actors.request("GET /api/reviews", None),
            actors.request(_LOOK, OPERATORS[0], order),
        ]
        return dice.sample(asked, dice.choice((1, 2)))

    def _refunds(self, order: str) -> list[Request]:
        """Refund some executors of an order: mostly one with a response, while it continues."""
        dice, items = self.dice, self._checker.items
        taken = [(id, items.get((f"ORDER#{id}", "ORDER"), {})) for id in self._checker.orders]
        taken = [(id, order) for id, order in taken if order.get("takes")]
        answered = [(id, order) for id, order in taken if "responded_at" in order]
        found = answered if answered and dice.random() < 0.8 else taken
        if not found:
            return self._removals(order)
        id, item = dice.choice(found)
        executors = [int(user) for user in item["takes"]]
        asked = [
            self._asks(_REFUND, id, executor_id=executor)
            for executor in dice.sample(executors, dice.randint(1, len(executors)))
        ]
        return (
            asked
            + [self._actors.about(id) for _ in range(dice.choice((0, 1, 2)))]
            + self._removals(id)[: dice.choice((0, 1))]
        )

    def _log_in(self) -> None:
        """Let the bot give an operator a link, which is used twice, or too late."""
        dice, operator = self.dice, self.dice.choice(OPERATORS)
        delays = (0, dice.choice((0, 1, 1_000)), dice.choice((30, 5 * _MINUTE - 10, 5 * _MINUTE, 10 * _MINUTE)))

        def on_end(task: Task) -> None:
            if task.ended_well:
                for delay in dice.sample(delays, 2):
                    self._send(self._actors.request(_SESSION, None, body={"code": task.result}), delay)

        self._world.start(
            "telegram.webhook", lambda: logins.issue(operator), on_end, timeout=29_000, skew=self._aws.skew()
        )

    def _pay_back(self) -> None:
        """Refund a payment if there is one, often twice, and let operators decide what waits at the same time."""
        dice, items = self.dice, self._checker.items
        paid = [key[0].partition("#")[2] for key, item in items.items() if key[1] == "PAYMENT" and item["charge_id"]]
        if not paid or dice.random() < 0.4:
            return
        payment = dice.choice(paid)
        others = (_PAY_BACK, _APPROVE, _APPROVE, _WITHDRAW)
        for route in [_PAY_BACK, *(dice.choice(others) for _ in range(dice.randint(0, 3)))]:
            self._send(self._asks(route, payment), dice.choice((0, 0, 1, 30, 1_000, _MINUTE)))
        self._send(self._actors.request("GET /api/admin/refunds", OPERATORS[0]), 1)

    def _moderates(self, order: str) -> list[Request]:
        """Hide a review or restore it, often twice, while its order is removed or its author writes another."""
        dice = self.dice
        found = [item for key, item in self._checker.items.items() if key[1].startswith("REVIEW#")]
        if not found:
            return self._removals(order)
        review = dice.choice(found)
        named = {"order_id": review["order_id"], "author_id": review["client_id"]}
        what, back = (_HIDE, _RESTORE) if ("hidden_at" in review) is (dice.random() < 0.2) else (_RESTORE, _HIDE)
        if dice.random() < 0.7:
            self._send(self._asks(back, None, **named), dice.choice((0, 1, 30, 1_000, _MINUTE)))
        beside = [
            self._asks(_REMOVE, review["order_id"]),
            self._actors.request("GET /api/reviews", None),
            self._actors.request(
                "POST /api/reviews/client", review["client_id"], body={"order_id": review["order_id"], "rating": 1}
            ),
        ]
        return [
            *(self._asks(what, None, **named) for _ in range(dice.choice((1, 1, 2)))),
            *dice.sample(beside, dice.choice((0, 0, 1, 2))),
        ]

    def _bans(self, order: str) -> list[Request]:
        """Ban a user who is active."""
        dice, whom = self.dice, self._whom(order)
        own = [self._actors.take(order, whom), *(self._actors.create() for _ in range(2))]
        if dice.random() < 0.2:
            return [self._unban(whom), self._ban(whom), *own]
        return [self._ban(whom) for _ in range(dice.choice((1, 1, 2)))] + own

    def _farewells(self, order: str) -> list[Request]:
        """Let a user ask for erasure, in the app or by letter to an operator."""
        whom = self._whom(order)
        self._checker.audit_log.forgotten.add(whom)
        if self.dice.random() < 0.7:
            return [self._actors.request("DELETE /api/users/me", whom)]
        self._operator_erases(self._letter(whom))
        return []

    def _looks(self, order: str) -> list[Request]:
        user = self._whom(order)
        if self.dice.random() < 0.2:
            self._aws.invoke("admin.export_user", self._letter(user), lambda task: None, timeout=_EXPORT_TIMEOUT)
        looks = [
            self._asks(_LEDGER, f"{user}"),
            self._asks(_PERSON, f"{user}"),
            self._note(user),
            self._actors.request("GET /api/admin/actions", OPERATORS[0]),
            self._actors.request(
                "GET /api/admin/complaints", OPERATORS[0], query={"handled": self.dice.random() < 0.5}
            ),
            self._actors.request("GET /api/users/me/export", user),
        ]
        return self.dice.sample(looks, 2)

    def _complaints(self) -> list[Request]:
        """Handle open complaints, and sometimes one that is not open."""
        found = [
            key
            for key, item in self._checker.items.items()
            if key[1].startswith("COMPLAINT#") and (self.dice.random() < 0.1 or "handled_at" not in item)
        ]
        return [
            self._asks(_HANDLE, None, order_id=key[0].partition("#")[2], executor_id=int(key[1].partition("#")[2]))
            for key in self.dice.sample(found, min(len(found), 2))
        ]

    def _whom(self, order: str) -> int:
        item = self._checker.items[f"ORDER#{order}", "ORDER"]
        executors = [int(user) for user in item["takes"]]
        client: int = item["client_id"]
        return self.dice.choice((client, self.dice.choice(executors or self._actors.users)))

    def _letter(self, user: int) -> dict[str, Any]:
        self._reasons += 1
        return {"user_id": user, "operator_id": OPERATORS[0], "reason": f"письмо {self._reasons}"}

    def _asks(self, route: str, id: str | None, **body: Any) -> Request:
        """Make an operator's request with a unique reason, by which the audit log is matched."""
        self._reasons += 1
        given: Mapping[str, Any] = {"reason": f"причина {self._reasons}", **body}
        query, sent = (given, None) if route.startswith("GET") else (None, given)
        return self._actors.request(route, self.dice.choice(OPERATORS), id, body=sent, query=query)

    def _ban(self, user: int) -> Request:
        """Make a ban request; most bans are lifted later, and some end by themselves."""
        if self.dice.random() < 0.7:
            self._send(self._unban(user), self.dice.choice((1, 1_000, _MINUTE, 10 * _MINUTE)))
        if self.dice.random() < 0.4:
            end = self._world.now + self.dice.choice((10_000, _MINUTE, 10 * _MINUTE))
            return self._asks(_BAN, f"{user}", until=datetime.fromtimestamp(end / 1000, UTC).isoformat())
        return self._asks(_BAN, f"{user}")

    def _note(self, user: int) -> Request:
        self._reasons += 1
        operator = self.dice.choice(OPERATORS)
        return self._actors.request(_NOTE, operator, f"{user}", body={"text": f"заметка {self._reasons}"})

    def _unban(self, user: int) -> Request:
        return self._asks(_UNBAN, f"{user}")

    def _operator_erases(self, event: Mapping[str, Any]) -> None:
        """Invoke the erasure until it succeeds."""

        def on_end(task: Task) -> None:
            if task.ended_well:
                self._checker.audit_log.on_erased(event["user_id"], task)
            else:
                self._world.later(_MINUTE, lambda: self._operator_erases(event))

        self._aws.invoke("admin.erase_user", event, on_end, timeout=_ERASE_TIMEOUT)

    # ------------------------------------------------------------ the end

    def forget_once_more(self) -> None:
        """Repeat each erasure at rest, for data that the user has written since.

        An operator erases users whose settings bucket may be empty: the operator's erasure has no rate limit.
        """
        for user in sorted(self._checker.audit_log.forgotten):
            item = self._checker.items.get((f"USER#{user}", "USER"), {})
            if item.get("bucket_settings", 0) > self._world.now:
                self._operator_erases(self._letter(user))
            else:
                self._actors.send(self._actors.request("DELETE /api/users/me", user))
