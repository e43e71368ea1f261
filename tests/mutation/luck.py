"""Measure luck: which mutants do the property tests notice only with some seeds?

A mutant that a test without random input notices needs no luck, and neither does a reviewed survivor. For each other
mutant, the property tests that reach it run with RUNS seeds, or until one run notices it and another does not. Such a
mutant depends on the draw: its test needs an explicit example, more examples, or a strategy that makes the case likely.
"""

import argparse
import functools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import hypothesis.core

from tests.mutation.__main__ import Choice, reviewed
from tests.mutation.engine import ROOT, Collected, Reach, changed_constants, collect, module_name, survivors
from tests.mutation.operators import Mutant, changed_functions, mutants

RUNS = 20


class Luck:
    """The tests of a run, by example and by property, and how much each kind notices."""

    def __init__(self, collected: Collected, jobs: int, folder: Path) -> None:
        self._collected = collected
        self._jobs = jobs
        self._folder = folder
        reach = collected.reach(list(collected.items), folder, jobs)
        is_property = {
            name
            for name, item in collected.items.items()
            if getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        }
        self._by_example = reach.only(set(reach.seconds) - is_property)
        self._by_property = reach.only(is_property)

    def measure(self, path: str, choice: Choice) -> None:
        """Print how the property tests notice the mutants of a module, and each that some runs alone notice."""
        source, known = (ROOT / path).read_text(), reviewed()
        original = compile(source, path, "exec", dont_inherit=True)
        changes = {
            mutant: changed_functions(original, mutant.code)
            for mutant in mutants(path, source, choice.has)
            if str(mutant) not in known
        }
        # What neither changes a function nor a constant is left out: it changes a class, or nothing can be imported.
        changes = {
            mutant: change
            for mutant, change in changes.items()
            if (
                self._by_property.has(mutant) if change else self._by_property.tests[path] and _changes_constant(mutant)
            )
        }

        def start(chosen: Reach, mutant: Mutant, failed: Path, seed: int = 0) -> Callable[[], int]:
            change, tests = changes[mutant], chosen.of(mutant)

            def work() -> int:
                hypothesis.core.global_force_seed = seed  # type: ignore[assignment]
                if change:
                    return self._collected.replace_and_run(change, tests, failed)
                return self._collected.rebind_and_run(mutant, tests, failed)

            return work

        def alive(waiting: Sequence[Mutant], begin: Callable[[Mutant, Path], Callable[[], int]]) -> list[Mutant]:
            return survivors(waiting, begin, jobs=self._jobs, folder=self._folder)

        exampled = [mutant for mutant in changes if self._by_example.has(mutant) or not changes[mutant]]
        by_example = set(exampled) - set(alive(exampled, functools.partial(start, self._by_example)))
        chanced = [mutant for mutant in changes if mutant not in by_example]
        noticed, runs, waiting = Counter[Mutant](), Counter[Mutant](), chanced
        for seed in range(1, RUNS + 1):
            left = set(alive(waiting, functools.partial(start, self._by_property, seed=seed)))
            runs.update(waiting)
            noticed.update(mutant for mutant in waiting if mutant not in left)
            waiting = [mutant for mutant in waiting if noticed[mutant] in (0, seed)]
        kinds = Counter("some" if noticed[m] % RUNS else "every" if noticed[m] else "no" for m in chanced)
        print(
            f"{path}: a property test reaches {len(changes)} mutants; {len(chanced)} need one:"
            f" {kinds['every']} are noticed in every run, {kinds['some']} in some, {kinds['no']} in no run",
            flush=True,
        )
        for mutant in chanced:
            if noticed[mutant] % RUNS:
                print(f"\nin {noticed[mutant]} of {runs[mutant]} runs: {mutant}", flush=True)
            elif not noticed[mutant]:
                print(f"\nin no run: {mutant}", flush=True)


def _changes_constant(mutant: Mutant) -> bool:
    try:
        return bool(changed_constants(sys.modules[module_name(mutant.path)], mutant.code))
    except Exception:
        return False


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.luck", description=__doc__)
    parser.add_argument("paths", nargs="*", default=["shared/domain"], help="modules or folders (shared/domain)")
    parser.add_argument("--tests", nargs="+", default=["tests/domain"], help="folders and files (tests/domain)")
    parser.add_argument("--sample", type=int, default=1, help="run one in so many mutants (all)")
    parser.add_argument("--seed", default="1", help="of the sample (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    paths = [str(path.relative_to(ROOT)) for each in given.paths for path in sorted((ROOT / each).rglob("*.py"))]
    paths += [path for path in given.paths if path.endswith(".py")]

    def work(collected: Collected) -> None:
        luck = Luck(collected, given.jobs, Path(folder))
        choice = Choice(dict.fromkeys(paths, given.sample), given.seed)
        for path in paths:
            luck.measure(path, choice)

    with tempfile.TemporaryDirectory() as folder:
        return collect(work, given.tests, profile="luck")


if __name__ == "__main__":
    sys.exit(main())
