"""The deterministic scheduler of one seed: its clock, its tasks and its trace.

Each handler runs as a task in its own greenlet. It yields only in `pause`, which is called around every AWS call. The
earliest planned action runs next; the seed decides between actions of the same moment.
"""

import asyncio
import hashlib
import heapq
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import greenlet

START = 1_790_000_000_000
HOUR = 60 * 60 * 1000

# The clock of a Lambda environment may differ this much from the true time, ms (F15).
MAX_SKEW = 2_000
# An index or an eventually consistent read lags at most this far behind the table, ms (F16).
MAX_LAG = 2_000


class Crashed(BaseException):
    """The process of a handler has died. A BaseException, so that no `except Exception` of a handler catches it."""


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True)
class Task:
    """One invocation of a function, in an environment whose clock is `skew` ms ahead.

    `clock_low` and `clock_high` are the earliest and the latest time that its clock showed, epoch ms.
    """

    number: int
    function: str
    started: int
    deadline: int
    skew: int
    on_end: Callable[["Task"], None]
    result: Any = None
    error: Exception | None = None
    dead: bool = False
    may_time_out: bool = False
    throttled: int = 0
    clock_low: int = 0
    clock_high: int = 0
    greenlet: Any = None

    @property
    def ended_well(self) -> bool:
        """Whether the invocation has returned: it neither died nor raised."""
        return not self.dead and self.error is None

    def __str__(self) -> str:
        return f"{self.function} ({self.number})"


class World:
    """The time, the planned actions and the running task."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.now = START
        self.task: Task | None = None
        self.running: dict[int, Task] = {}
        self.violation: Violation | None = None
        self.trace: list[tuple[Any, ...]] = []
        self.steps = 0
        self._planned: list[tuple[int, float, int, Callable[[], None] | Task]] = []
        self._numbers = 0
        self._until: float = math.inf
        self._may_go_on = False
        self._hub = greenlet.getcurrent()

    # ------------------------------------------------------------ time

    def clock(self) -> int:
        """Return the clock of the running task, epoch ms."""
        return self.now + (self.task.skew if self.task else 0)

    def later(self, delay: int, action: Callable[[], None]) -> None:
        """Plan an action in the given number of ms."""
        self._plan(delay, action)

    def _plan(self, delay: int, action: Callable[[], None] | Task) -> None:
        """Plan an action, or that a task goes on."""
        self._numbers += 1
        heapq.heappush(self._planned, (self.now + max(delay, 0), self.random.random(), self._numbers, action))

    def run(self, until: int | None = None) -> None:
        """Run the planned actions, up to a time or until none is left. Raises Violation."""
        planned = self._planned
        self._until = math.inf if until is None else until
        while planned and planned[0][0] <= self._until:
            at, _, _, action = heapq.heappop(planned)
            self.now = max(self.now, at)
            self.steps += 1
            if isinstance(action, Task):
                self._resume(action, may_go_on=True)
            else:
                action()
            if self.violation:
                raise self.violation
        if until is not None:
            self.now = max(self.now, until)

    def jump(self, ms: int) -> None:
        """Move the clock without running anything: planned actions become late, running tasks may time out."""
        for task in self.running.values():
            task.may_time_out = True
        self.now += ms

    # ------------------------------------------------------------ tasks

    def start(
        self,
        function: str,
        work: Callable[[], Any],
        on_end: Callable[[Task], None],
        *,
        timeout: int,
        skew: int = 0,
    ) -> None:
        """Run `work` as an invocation of a function, from now on, for at most `timeout` ms."""
        self._numbers += 1
        task = Task(self._numbers, function, self.now, self.now + timeout, skew, on_end)
        task.greenlet = greenlet.greenlet(lambda: self._run(task, work))
        self.running[task.number] = task
        self._resume(task)

    def end(self) -> None:
        """Unwind the tasks that are still running. What they replaced for a while must not outlive the seed."""
        for task in list(self.running.values()):
            self.task, task.dead, task.on_end = task, True, lambda task: None
            task.greenlet.throw()
        self.task = None

    def _run(self, task: Task, work: Callable[[], Any]) -> None:
        task.clock_low = task.clock_high = self.clock()
        try:
            task.result = work()
        except Crashed:
            pass
        except Exception as error:
            task.error = error
        task.clock_low = min(task.clock_low, self.clock())
        task.clock_high = max(task.clock_high, self.clock())
        del self.running[task.number]
        self.task = None
        task.on_end(task)

    def _resume(self, task: Task, *, may_go_on: bool = False) -> None:
        """Run a task until it pauses or ends; `may_go_on`: nothing else is left of the action that resumes it."""
        self.task = task
        self._may_go_on = may_go_on
        task.greenlet.switch()
        self.task = None

    def pause(self, ms: int) -> None:
        """Let `ms` pass for the running task while others run. Raises Crashed after its timeout."""
        task = self.task
        assert task is not None
        self.check_alive()
        if self.now + ms >= task.deadline:
            ms, task.dead = task.deadline - self.now, True
            if not task.may_time_out:
                self.broken("P4", f"{task} was still at it when its time ran out")
        if not self._goes_on_alone(max(ms, 0)):
            self._plan(ms, task)
            loop = asyncio._get_running_loop()
            if loop is None:
                self._hub.switch()
            else:
                self._switch_out_of(loop)
        self.check_alive()

    def _goes_on_alone(self, ms: int) -> bool:
        """Let `ms` pass if nothing else happens meanwhile, so that switching to the hub and back would change nothing.

        Return whether it did. It counts and draws what the switch would.
        """
        at = self.now + ms
        if not self._may_go_on or self.violation or at > self._until or (self._planned and self._planned[0][0] <= at):
            return False
        self._numbers += 1
        self.random.random()
        self.now = at
        self.steps += 1
        return True

    def _switch_out_of(self, loop: asyncio.AbstractEventLoop) -> None:
        # asyncio allows one running loop per thread. Here each greenlet has its own.
        waiting = asyncio.current_task(loop)
        assert waiting is not None
        asyncio.tasks._leave_task(loop, waiting)
        asyncio._set_running_loop(None)
        self._hub.switch()
        asyncio._set_running_loop(loop)
        asyncio.tasks._enter_task(loop, waiting)

    def crash(self) -> None:
        """End the process of the running task. Raises Crashed."""
        assert self.task is not None
        self.task.dead = True
        raise Crashed

    def check_alive(self) -> None:
        """Raise Crashed in a task whose process has died, so that it does nothing more, even after catching Crashed."""
        if self.task is not None and self.task.dead:
            raise Crashed

    def step_clock(self) -> None:
        """Set the running task's clock to a new skew, as a time service does."""
        task = self.task
        assert task is not None
        task.clock_high = max(task.clock_high, self.clock())
        task.skew = max(task.skew - MAX_SKEW, -MAX_SKEW) if task.skew > 0 else task.skew + MAX_SKEW
        task.clock_low = min(task.clock_low, self.clock())

    # ------------------------------------------------------------ what happened

    def note(self, *what: Any) -> None:
        """Add a line to the trace."""
        self.trace.append((self.now, self.task.number if self.task else 0, *what))

    def broken(self, invariant: str, message: str) -> None:
        """Record a violated invariant. The first one ends the run after the step."""
        if self.violation is None:
            self.violation = Violation(f"{invariant}: {message}")
            self.note("VIOLATION", invariant, message)

    def lines(self) -> Iterator[str]:
        """Yield the readable trace: seconds since the start, task, event."""
        for at, task, *what in self.trace:
            yield f"{(at - START) / 1000:12.3f} {f'[{task}]' if task else '':>7} {' '.join(str(part) for part in what)}"

    def trace_hash(self) -> str:
        """Hash the trace to 16 characters. The same seed gives the same hash."""
        return hashlib.sha256("\n".join(self.lines()).encode()).hexdigest()[:16]
