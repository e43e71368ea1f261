"""Check linearizability: whether a sequential order of calls explains a concurrent history (Wing and Gong, Lowe).

Each operation took effect at one moment between its call and its answer. The search tries every order that real time
allows and remembers which sets of operations led to which state, so that no dead end is entered twice.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)
Call = TypeVar("Call")


@dataclass(frozen=True)
class Operation(Generic[Call]):
    """A call and its response, with the times of both.

    `answered` is None if there was no response: the call may take effect at any later time, or never.
    """

    call: Call
    sent: int
    answered: int | None


def explanation(
    history: Sequence[Operation[Call]],
    initial: State,
    apply: Callable[[State, Call], Iterable[State]],
) -> tuple[bool, list[Call]]:
    """Whether the history is linearizable, with the order of calls that explains most of it.

    `apply` returns the possible states after a call with its response, or none if the response is wrong in that state.
    For a call without a response, it need not return the state in which the call never took effect.
    """
    operations = sorted(history, key=lambda operation: operation.sent)
    known = sum(1 << place for place, operation in enumerate(operations) if operation.answered is not None)
    stack: list[tuple[int, State, tuple[int, ...]]] = [(0, initial, ())]
    seen: set[tuple[int, State]] = {(0, initial)}
    best: tuple[int, ...] = ()
    while stack:
        done, state, path = stack.pop()
        if len(path) > len(best):
            best = path
        if done & known == known:
            return True, [operations[place].call for place in path]
        first_answer = min(
            operation.answered
            for place, operation in enumerate(operations)
            if operation.answered is not None and not done >> place & 1
        )
        for place, operation in enumerate(operations):
            if operation.sent > first_answer:
                break  # it was sent after the response to a call that is not yet placed
            if done >> place & 1:
                continue
            for after in apply(state, operation.call):
                step = done | 1 << place, after
                if step not in seen:
                    seen.add(step)
                    stack.append((*step, (*path, place)))
    return False, [operations[place].call for place in best]
