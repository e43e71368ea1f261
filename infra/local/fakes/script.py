"""How a fake is told to misbehave."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Fault:
    """What the next `times` calls of `method` get instead of an answer; None is every call until `clear`.

    Where `match` is given, only calls whose parameters hold the same values. `status` is the answer's, `more` what
    that provider says with it (`retry_after`, `description`). `hang` waits so many seconds first, then goes on. With
    `applied` the call is done before it fails, as where only the answer is lost.
    """

    method: str
    status: int | None = None
    times: int | None = 1
    match: Mapping[str, Any] | None = None
    hang: float = 0.0
    applied: bool = False
    more: Mapping[str, Any] | None = None


class Script:
    """The faults that are waiting for their call."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """One more, behind those that wait already."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Behave again."""
        self._faults.clear()

    def next(self, method: str, parameters: Mapping[str, Any]) -> Fault | None:
        """The fault of this call, and one time less of it."""
        for fault in self._faults:
            matches = all(parameters.get(name) == value for name, value in (fault.match or {}).items())
            if fault.method in (method, "*") and matches:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None
