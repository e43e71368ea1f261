"""The turns of one party of a seed: users, operators, probers, or repeaters."""

from collections.abc import Callable

from tests.simulation.world import World


class Turns:
    """At most `number` turns, one after another. `take` takes a turn and returns the ms until the next one."""

    def __init__(self, world: World, number: int, take: Callable[[], int]) -> None:
        self._world = world
        self._left = number
        self._take = take

    def begin(self, delay: int) -> None:
        """Plan the first turn in `delay` ms."""
        self._world.later(delay, self._next)

    def stop(self) -> None:
        """Take no more turns."""
        self._left = 0

    def _next(self) -> None:
        self._left -= 1
        if self._left >= 0:
            self._world.later(self._take(), self._next)
