"""Run tests against mutants: which tests reach which line, and a fork for each mutant.

Most mutants change one function. A fork of a process that has collected every test replaces that function's code and
runs the tests that reach the changed line (`Collected`). A mutant that changes what a module does at import needs a
fork of a process that has imported none of our modules (`import_and_run`), and so does a survivor of the first kind:
what the changed function returned may have been kept since the import.
"""

import contextlib
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import coverage
import hypothesis
import pytest

from tests.mutation.operators import Mutant

ROOT = Path(__file__).parents[2]

Changes = Sequence[tuple[CodeType, CodeType]]
"""Functions and their mutants."""

# The tests of a mutant. Tests of many things at once are left out: they notice by luck, and late.
TESTS = [
    *("tests/aws", "tests/bot", "tests/commands", "tests/domain", "tests/functions", "tests/handlers", "tests/http"),
    *("tests/outbound", "tests/payments", "tests/store"),
    *("tests/contract/test_errors.py", "tests/contract/test_openapi.py", "tests/contract/test_text.py"),
]
# CPU seconds of tests, at most, for one mutant: half of what a survivor costs.
PATIENCE = 5.0

_OPTIONS = ["-q", "-s", "-p", "no:cacheprovider", "-m", "not integration and not proof"]

# `mutation` takes the same examples in every run, `luck` those of the seed. Nothing is shrunk.
for _profile, _derandomize in (("mutation", True), ("luck", False)):
    hypothesis.settings.register_profile(
        _profile,
        derandomize=_derandomize,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


# ---------------------------------------------------------------- forks


def forked(work: Callable[[], int], log: Path, cpu_seconds: int = resource.RLIM_INFINITY) -> int:
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


def ended(pid: int, started: float, timeout: float) -> int | None:
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


def survivors(
    waiting: Iterable[Mutant],
    start: Callable[[Mutant, Path], Callable[[], int]],
    *,
    jobs: int,
    folder: Path,
    noticed: Callable[[Mutant, str], None] = lambda mutant, test: None,
) -> list[Mutant]:
    """Return the mutants whose work ends with 0. `start` gets a mutant and the file for the name of the failed test.

    An endless loop counts as noticed. CPU time tells it from a slow machine.
    """
    cpu_seconds = 5 + 2 * int(PATIENCE)
    mutants = iter(waiting)
    slots = list(range(jobs))
    running: dict[int, tuple[Mutant, int, float]] = {}
    alive: list[Mutant] = []
    while True:
        while slots and (mutant := next(mutants, None)):
            slot = slots.pop()
            (folder / f"failed{slot}").write_text("")
            pid = forked(start(mutant, folder / f"failed{slot}"), folder / f"log{slot}", cpu_seconds)
            running[pid] = mutant, slot, time.monotonic()
        if not running:
            return alive
        time.sleep(0.002)
        for pid, (mutant, slot, started) in list(running.items()):
            code = ended(pid, started, timeout=30 * cpu_seconds)
            if code is not None:
                del running[pid]
                slots.append(slot)
                noticed(mutant, (folder / f"failed{slot}").read_text())
                if code == 0:
                    alive.append(mutant)


# ---------------------------------------------------------------- what the tests reach


class Reach:
    """Which test reaches which line of our modules, and the tests' CPU times in s."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.tests: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))

    def add(self, seconds: Mapping[str, float], lines: Mapping[str, Mapping[int, Sequence[str]]]) -> None:
        """Add the CPU times of tests, and the tests that reach each line of each path."""
        self.seconds |= seconds
        for path, numbers in lines.items():
            for number, tests in numbers.items():
                self.tests[path][number].update(filter(None, tests))

    def only(self, tests: set[str]) -> "Reach":
        """Return what these tests reach."""
        only = Reach()
        only.seconds = {test: seconds for test, seconds in self.seconds.items() if test in tests}
        for path, lines in self.tests.items():
            for line, reaching in lines.items():
                if here := reaching & tests:
                    only.tests[path][line] = here
        return only

    def _reaching(self, mutant: Mutant) -> set[str]:
        lines = self.tests[mutant.path]
        return set().union(*(lines[line] for line in range(mutant.lines[0], mutant.lines[1] + 1) if line in lines))

    def has(self, mutant: Mutant) -> bool:
        """Whether a test reaches the changed line itself."""
        return bool(self._reaching(mutant))

    def of(self, mutant: Mutant, first: Sequence[str] = ()) -> list[str]:
        """Return the tests of a mutant: those in the file named as its module, and others for PATIENCE s.

        The others are `first`, those in the files of `first`, and then one of each file in turn. A line that runs at
        import only, such as a constant, has the tests that reach any line of its module, and those named as it.
        """
        stem = mutant.path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
        reaching = self._reaching(mutant)
        if not reaching:
            reaching = {test for test in self.seconds if f"/test_{stem}" in test.partition("::")[0]}
            reaching = reaching.union(*self.tests[mutant.path].values())
        files: dict[str, list[str]] = defaultdict(list)
        for test in sorted(reaching, key=lambda test: (self.seconds[test], test)):
            files[test.partition("::")[0]].append(test)
        known = [test for test in first if test in reaching]
        named = [test for file in files if f"/test_{stem}" in file for test in files[file]]
        beside = [test for file in dict.fromkeys(test.partition("::")[0] for test in known) for test in files[file]]
        in_turn = [test for turn in zip_longest(*files.values()) for test in turn if test]
        chosen = list(dict.fromkeys([*known, *named]))
        seconds = 0.0
        for test in dict.fromkeys([*beside, *in_turn]):
            seconds += self.seconds[test]
            if chosen and seconds > PATIENCE:
                break
            if test not in chosen:
                chosen.append(test)
        return chosen


class Collected:
    """A pytest plugin: collects the tests once and hands them to `work` instead of running them."""

    def __init__(self, work: Callable[["Collected"], None]) -> None:
        self._work = work
        self.items: dict[str, pytest.Item] = {}
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Call `work` in place of pytest's loop."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected")
        self.items = {item.nodeid: item for item in session.items}
        gc.freeze()  # no fork collects these objects again
        self._work(self)
        return True

    def run(self, tests: Sequence[str]) -> Iterator[str]:
        """Run tests; yield each that passed or was skipped, up to the first that fails."""
        items = [self.items[test] for test in tests]
        for at, item in enumerate(items):
            following = items[at + 1] if at + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if item.session.testsfailed:
                return
            yield item.nodeid

    def reach(self, tests: Sequence[str], folder: Path, jobs: int) -> Reach:
        """Run the unchanged tests and return what they reach. Exit if one fails."""
        files: dict[str, list[str]] = defaultdict(list)
        for test in tests:
            files[test.partition("::")[0]].append(test)
        # Many small shares end at about the same time.
        shares: list[list[str]] = [[] for _ in range(8 * jobs)]
        for of_file in sorted(files.values(), key=len, reverse=True):
            min(shares, key=len).extend(of_file)
        waiting = [(number, share) for number, share in enumerate(shares) if share]
        running: dict[int, int] = {}
        reach = Reach()
        while waiting or running:
            while waiting and len(running) < jobs:
                number, share = waiting.pop(0)
                work = functools.partial(self._trace, share, folder / f"reach{number}")
                running[forked(work, folder / f"log{number}")] = number
            pid, status = os.wait()
            number = running.pop(pid)
            if status:
                sys.exit(f"The tests fail before anything is changed:\n{(folder / f'log{number}').read_text()[-4000:]}")
            reach.add(*pickle.loads((folder / f"reach{number}").read_bytes()))
        self._warm_up(reach)
        return reach

    def _warm_up(self, reach: Reach) -> None:
        """Run the quickest test of each file, so that forks start with what is loaded on demand; find our functions."""
        quickest: dict[str, str] = {}
        for test in sorted(reach.seconds, key=reach.seconds.__getitem__, reverse=True):
            quickest[test.partition("::")[0]] = test
        for _ in self.run(list(quickest.values())):
            pass
        for path in reach.tests:
            importlib.import_module(module_name(path))
        gc.unfreeze()  # the handlers freeze what they import
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__.co_filename.startswith(str(ROOT)):
                self._functions[_key(found.__code__)].append(found)
        gc.freeze()  # no fork collects these objects again

    def _trace(self, tests: Sequence[str], result: Path) -> int:
        traced = coverage.Coverage(data_file=None, source=[str(ROOT / "shared"), str(ROOT / "functions")])
        seconds = {}
        ran = self.run(tests)
        traced.start()
        for test in tests:
            traced.switch_context(test)
            started = time.process_time()
            if next(ran, None) != test:
                return 1
            seconds[test] = time.process_time() - started
        traced.stop()
        data = traced.get_data()
        lines = {str(Path(path).relative_to(ROOT)): data.contexts_by_lineno(path) for path in data.measured_files()}
        result.write_bytes(pickle.dumps((seconds, lines)))
        return 0

    def replace_and_run(self, changes: Changes, tests: Sequence[str], failed: Path) -> int:
        """Replace the code of functions, in this process for good; return 0 if the tests pass.

        The name of the failed test is written to `failed`.
        """
        for before, after in changes:
            for function in self._functions[_key(before)]:
                try:
                    function.__code__ = after
                except ValueError:  # another number of free variables
                    return 0  # a survivor, for now: it is imported then
        return self._run_all(tests, failed)

    def rebind_and_run(self, mutant: Mutant, tests: Sequence[str], failed: Path) -> int:
        """Give constants their changed values wherever they are, in this process for good; return 0 if the tests pass.

        A module that cannot be imported counts as noticed. The name of the failed test is written to `failed`.
        """
        module = sys.modules[module_name(mutant.path)]
        for name, value in changed_constants(module, mutant.code).items():
            old = vars(module)[name]
            for other in [*sys.modules.values()]:
                if vars(other).get(name) is old:
                    setattr(other, name, value)
        return self._run_all(tests, failed)

    def _run_all(self, tests: Sequence[str], failed: Path) -> int:
        passed = 0
        for _ in self.run(tests):
            passed += 1
        if passed == len(tests):
            return 0
        failed.write_text(tests[passed])
        return 1


def changed_constants(module: ModuleType, code: CodeType) -> dict[str, object]:
    """Return the constants of a module that have another value when it runs as `code`: no class and no function."""
    made: dict[str, object] = {name: value for name, value in vars(module).items() if name.startswith("__")}
    exec(code, made)
    return {
        name: value
        for name, value in made.items()
        if name in vars(module) and not name.startswith("__") and not callable(value) and value != vars(module)[name]
    }


def module_name(path: str) -> str:
    """Return the name by which the module of a path is imported."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _key(code: CodeType) -> tuple[str, str, int]:
    return (str(ROOT / code.co_filename), code.co_qualname, code.co_firstlineno)


def collect(work: Callable[[Collected], None], tests: Sequence[str], profile: str = "mutation") -> int:
    """Collect the tests of these folders and files and run `work`; return pytest's exit code."""
    paths = [str(ROOT / path) for path in tests]
    return int(pytest.main([*_OPTIONS, f"--hypothesis-profile={profile}", *paths], plugins=[Collected(work)]))


# ---------------------------------------------------------------- import


class _Changed(importlib.abc.MetaPathFinder):
    """Import a module from the given code."""

    def __init__(self, path: str, code: CodeType) -> None:
        self._name = module_name(path)
        self._path = str(ROOT / path)
        self._code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = importlib.machinery.SourceFileLoader(fullname, self._path)
        loader.get_code = lambda fullname: self._code  # type: ignore[method-assign]
        is_package = [str(Path(self._path).parent)] if self._path.endswith("/__init__.py") else None
        return importlib.util.spec_from_file_location(
            fullname, self._path, loader=loader, submodule_search_locations=is_package
        )


class _Chosen:
    """A pytest plugin: keeps the given tests only, in their order.

    The mutant may change the name of a case of a test. Then every case of that test is kept.
    """

    def __init__(self, tests: Sequence[str]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the chosen tests."""
        renamed = {test.partition("[")[0] for test in self._place.keys() - {item.nodeid for item in items}}
        chosen = [item for item in items if item.nodeid in self._place or item.nodeid.partition("[")[0] in renamed]
        items[:] = sorted(chosen, key=lambda item: self._place.get(item.nodeid, 0))


def import_and_run(mutant: Mutant, tests: Sequence[str]) -> int:
    """Import the mutant in the place of its module and return pytest's exit code, 0 if the tests pass."""
    sys.meta_path.insert(0, _Changed(mutant.path, mutant.code))
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    options = [*_OPTIONS, "-x", "--hypothesis-profile=mutation"]
    return int(pytest.main([*options, *(str(ROOT / file) for file in files)], plugins=[_Chosen(tests)]))
