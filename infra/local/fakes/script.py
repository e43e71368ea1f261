"""Fault injection for the fakes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Fault:
    """A fault of the next `times` calls of `method` ("*": any method); `times=None`: of every call until `clear`.

    `match`: only calls whose parameters have these values. `status`: the status of the error response; `more`: its
    details (`retry_after`, `description`, or `text`, the whole body). `hang`: seconds to wait first. `applied`: the
    call takes effect before it fails, as when only the response is lost.
    """

    method: str
    status: int | None = None
    times: int | None = 1
    match: Mapping[str, Any] | None = None
    hang: float = 0.0
    applied: bool = False
    more: Mapping[str, Any] | None = None


class Script:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault; earlier faults that match the same call come first."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Remove every fault."""
        self._faults.clear()

    def next(self, method: str, parameters: Mapping[str, Any]) -> Fault | None:
        """Return the first fault that matches this call, if any, and count it down."""
        for fault in self._faults:
            matches = all(parameters.get(name) == value for name, value in (fault.match or {}).items())
            if fault.method in (method, "*") and matches:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None
