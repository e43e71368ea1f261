"""Clients who send the request for an order again: at once, after a lost response, around the minute, after an edit.

Other users send the same request. Their random numbers have a generator of their own, as those of `probers.py`.
"""

import random
from dataclasses import replace
from functools import partial

from tests.simulation.actors import Actors
from tests.simulation.invariants import Checker
from tests.simulation.records import Request
from tests.simulation.repeats import ROUTE
from tests.simulation.turns import Turns
from tests.simulation.world import World

_MINUTE = 60_000
# The first seed of so many has repeated requests.
ONE_SEED_IN, FIRST_SEED = 8, 1
# Clocks differ and calls take time, so that many moments around the minute are needed.
_DELAYS = (
    0,
    0,
    1,
    50,
    2_000,
    30_000,
    _MINUTE - 1_000,
    _MINUTE - 1,
    _MINUTE,
    _MINUTE + 1,
    _MINUTE + 3_000,
    20 * _MINUTE,
)


class Repeaters:
    """Repeated requests in some seeds. In some of these, all users have small buckets of orders."""

    def __init__(self, world: World, checker: Checker, actors: Actors) -> None:
        self.dice = random.Random(f"repeaters {world.seed}")
        self.take_part = world.seed % ONE_SEED_IN == FIRST_SEED
        self._world = world
        self._checker = checker
        self._actors = actors
        self.turns = Turns(world, self.dice.randint(1, 4), self._turn)
        if self.take_part:
            checker.audit_log.per_hour["orders"] = self.dice.choice((2, 100_000, 100_000))

    def begin(self) -> None:
        """Plan the first turn."""
        if self.take_part:
            self.turns.begin(self.dice.choice((0, 500, 5 * _MINUTE)))

    def _turn(self) -> int:
        dice, actors = self.dice, self._actors
        client, other = dice.sample(actors.users, 2)
        created = actors.create(client)
        # Without words of the client: another user sends the same text.
        body = {**(created.body or {}), "description": f"Прорвало трубу, вода на полу, заявка {created.number}"}
        first = replace(created, body=body)
        actors.send(first)
        for _ in range(dice.randint(2, 5)):
            # A request sent again is the same to the actor: one of them has to be answered in the end.
            again = first if dice.random() < 0.8 else actors.request(ROUTE, other, body=body)
            self._world.later(dice.choice(_DELAYS), partial(actors.send, again))
        if dice.random() < 0.4:
            self._world.later(dice.choice((100, 2_000, 20_000)), partial(self._edit, first))
        return dice.choice((1_000, 2 * _MINUTE, 25 * _MINUTE, 61 * _MINUTE))

    def _edit(self, first: Request) -> None:
        """Change the order's category and back."""
        actors, body = self._actors, first.body or {}
        for order_id in self._checker.orders:
            order = self._checker.items.get((f"ORDER#{order_id}", "ORDER"), {})
            if order.get("description") == body["description"] and order["client_id"] == first.user:
                for delay, category in ((0, "Другое"), (3_000, body["category"])):
                    edit = actors.request("PUT /api/orders/{id}", first.user, order_id, body={"category": category})
                    self._world.later(delay, partial(actors.send, edit))
