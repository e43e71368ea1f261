"""Break each module of TARGETS in every small way, run its tests each time, and report the mutants that survive.

Every mutant is a fork of a process that has imported everything except our own code. The fork imports the changed
module from memory; no file is written. A reviewed, harmless survivor stands in `survivors.txt` with the reason. Any
other survivor fails the run, and so does an entry without its survivor.
"""

import argparse
import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest

from tests.mutation.operators import Mutant, mutants

ROOT = Path(__file__).parents[2]
REVIEWED = Path(__file__).with_name("survivors.txt")

# The tests of each module, the fastest first.
TARGETS: dict[str, list[str]] = {
    "shared/domain/cities.py": ["tests/domain/test_cities.py"],
    "shared/domain/contact.py": ["tests/domain/test_contact.py"],
    "shared/domain/delivery.py": ["tests/domain/test_delivery.py"],
    "shared/domain/flood.py": ["tests/domain/test_flood.py"],
    "shared/domain/business_metrics.py": ["tests/domain/test_business_metrics.py"],
    "shared/domain/inbox.py": ["tests/domain/test_inbox.py", "tests/functions/test_offers.py"],
    "shared/domain/init_data.py": ["tests/domain/test_init_data.py"],
    "shared/domain/limits.py": ["tests/domain/test_limits.py"],
    "shared/domain/masking.py": ["tests/domain/test_masking.py"],
    "shared/domain/money.py": ["tests/domain/test_money.py"],
    "shared/domain/notice.py": ["tests/domain/test_notice.py"],
    "shared/domain/order.py": ["tests/domain/test_operators.py", "tests/domain/test_order.py"],
    "shared/domain/payment.py": ["tests/domain/test_payment.py"],
    "shared/domain/reachability.py": ["tests/domain/test_reachability.py"],
    "shared/domain/receipt.py": ["tests/domain/test_receipt.py"],
    "shared/domain/review.py": ["tests/domain/test_review.py"],
    "shared/domain/text.py": ["tests/domain/test_text.py"],
    "shared/domain/user.py": ["tests/domain/test_user.py"],
    "shared/domain/visibility.py": ["tests/domain/test_visibility.py"],
    "shared/http/auth.py": ["tests/http/test_auth.py", "tests/aws/test_secrets.py", "tests/contract/test_openapi.py"],
}

_OURS = ("functions", "infra", "shared", "tests")


# ---------------------------------------------------------------- one run of the tests, in a fork


class _Changed(importlib.abc.MetaPathFinder):
    """Import a module from the given code."""

    def __init__(self, path: str, code: CodeType) -> None:
        self._name = path.removesuffix(".py").replace("/", ".")
        self._path = str(ROOT / path)
        self._code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = importlib.machinery.SourceFileLoader(fullname, self._path)
        loader.get_code = lambda fullname: self._code  # type: ignore[method-assign]
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


def _run_tests(tests: list[str]) -> int:
    """Run pytest and return its exit code. Hypothesis is deterministic and does not shrink."""
    hypothesis.settings.register_profile(
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutation"]
    return int(pytest.main([*options, *tests]))


def _forked(work: Callable[[], int], log: Path, cpu_seconds: int = resource.RLIM_INFINITY) -> int:
    """Start `work` in a fork with its output in a file and a limit of CPU time; return the process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = work()
    finally:
        os._exit(code)


def _ended(pid: int, started: float, timeout: float) -> int | None:
    """Return the exit code of an ended process, None while it runs; kill it after `timeout` s, as a failed test."""
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        return os.waitstatus_to_exitcode(status)
    if time.monotonic() - started > timeout:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return pytest.ExitCode.TESTS_FAILED
    return None


# ---------------------------------------------------------------- all of them


def baseline(tests: list[str], folder: Path) -> float:
    """Run the unchanged tests and return their CPU time, s. Import the third-party modules that they imported.

    Every later fork starts with these modules.
    """
    modules = folder / "modules"

    def run() -> int:
        code = _run_tests(tests)
        modules.write_text("\n".join(name for name in sys.modules if name.partition(".")[0] not in _OURS))
        return code

    _, status, usage = os.wait4(_forked(run, folder / "log"), 0)
    if status:
        sys.exit(f"The tests fail before anything is changed:\n{(folder / 'log').read_text()[-4000:]}")
    for name in modules.read_text().split("\n"):
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)
    gc.freeze()  # no fork collects these objects again
    return usage.ru_utime + usage.ru_stime


def survivors(path: str, jobs: int, folder: Path) -> tuple[int, list[Mutant]]:
    """Return the number of a module's mutants, and the survivors."""
    tests = TARGETS[path]
    # An endless loop counts as killed. CPU time tells it from a slow machine.
    cpu_seconds = 10 + 5 * int(baseline(tests, folder))
    waiting = mutants(path, (ROOT / path).read_text())
    count = len(waiting)
    running: dict[int, tuple[Mutant, float]] = {}
    alive = []
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop(0)

            def run(mutant: Mutant = mutant) -> int:
                sys.meta_path.insert(0, _Changed(path, mutant.code))
                return _run_tests(tests)

            running[_forked(run, folder / f"log{len(running)}", cpu_seconds)] = mutant, time.monotonic()
        time.sleep(0.01)
        for pid, (mutant, started) in list(running.items()):
            code = _ended(pid, started, timeout=30 * cpu_seconds)
            if code is not None:
                del running[pid]
                if code == 0:
                    alive.append(mutant)
    return count, alive


def reviewed(paths: Sequence[str]) -> dict[str, str]:
    """Return the reviewed survivors, in printed form, with the reason why each is harmless."""
    entries = {}
    for block in REVIEWED.read_text().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        if lines:
            head, reason = "\n".join(lines[:3]), " ".join(lines[3:]).strip()
            if not reason:
                sys.exit(f"{REVIEWED.name}: no reason given for\n{head}")
            if head.partition(" ")[0] in paths:
                entries[head] = reason
    return entries


def main() -> int:
    """Run the command line; return 1 if a survivor needs review."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("paths", nargs="*", default=list(TARGETS), help="of TARGETS; all of them by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    known = reviewed(given.paths)
    found: list[str] = []
    for path in given.paths:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            count, alive = survivors(path, given.jobs, Path(folder))
        print(f"{path}: {count} mutants, {count - len(alive)} noticed, {time.monotonic() - started:.0f} s", flush=True)
        found += map(str, alive)
    unreviewed = [mutant for mutant in found if mutant not in known]
    in_vain = [entry for entry in known if entry not in found]
    for title, entries in (("Noticed by no test", unreviewed), ("Reviewed, but no survivor", in_vain)):
        for entry in entries:
            print(f"\n{title}: {entry}")
    print(f"\n{len(found)} survivors, {len(found) - len(unreviewed)} of them reviewed")
    return 1 if unreviewed or in_vain else 0


if __name__ == "__main__":
    sys.exit(main())
