"""Users who want to know which contacts have an active order: they try many of them in edits and in new orders.

Their random numbers have a generator of their own, so that the trace of a seed without probers does not change.
"""

import random
from functools import partial

from tests.simulation.actors import Actors
from tests.simulation.invariants import Checker
from tests.simulation.records import CANARY, Request
from tests.simulation.turns import Turns
from tests.simulation.world import World

# The last seed of so many has a prober.
ONE_SEED_IN = 8
_MINUTE = 60_000


class Probers:
    """One prober in some seeds. All users of such a seed have small buckets of contacts."""

    def __init__(self, world: World, checker: Checker, actors: Actors) -> None:
        self.dice = random.Random(f"probers {world.seed}")
        self.take_part = world.seed % ONE_SEED_IN == 0
        self._world = world
        self._checker = checker
        self._actors = actors
        self.turns = Turns(world, self.dice.randint(1, 4), self._turn)
        if self.take_part:
            checker.audit_log.per_hour["contacts"] = self.dice.choice((1, 2, 5))

    def begin(self) -> None:
        """Plan the first turn."""
        if self.take_part:
            self.turns.begin(self.dice.choice((500, 10_000, 5 * _MINUTE)))

    def _turn(self) -> int:
        """Let the client of an untaken order ask many times, mostly at once; return the ms until the next turn."""
        for request in self._probes():
            self._world.later(self.dice.choice((0, 0, 1, 5, 2_000)), partial(self._actors.send, request))
        return self.dice.choice((1_000, _MINUTE, 15 * _MINUTE, 61 * _MINUTE))

    def _probes(self) -> list[Request]:
        dice, items = self.dice, self._checker.items
        found = [(id, items.get((f"ORDER#{id}", "ORDER"), {})) for id in self._checker.orders]
        own = [(id, order["client_id"]) for id, order in found if order.get("status") == "active"]
        if not own:
            return []
        order, prober = dice.choice(own)
        return [self._probe(order, prober) for _ in range(dice.randint(2, 8))]

    def _probe(self, order: str, prober: int) -> Request:
        dice = self.dice
        contact = dice.choice([*self._actors.contacts, f"@{CANARY}free{dice.randint(10, 99)}"])
        if dice.random() < 0.6:
            return self._actors.request("PUT /api/orders/{id}", prober, order, body={"contact": contact})
        return self._actors.create(prober, contact)
