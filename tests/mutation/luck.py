"""Measure luck: which mutants do the property tests notice only with some seeds?

A mutant that a test without random input notices needs no luck. For each other mutant, the property tests that reach it
run with RUNS seeds. One that is noticed in some of these runs alone depends on the draw: its test needs an explicit
example, more examples, or a strategy that makes the case likely.
"""

import argparse
import functools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis.core

from tests.mutation.engine import ROOT, Collected, Reach, collect, survivors
from tests.mutation.operators import Mutant, changed_functions, mutants

RUNS = 20


def _measure(collected: Collected, paths: list[str], jobs: int, folder: Path) -> None:
    """Print the mutants that the property tests notice in some of RUNS runs only."""
    reach = collected.reach(list(collected.items), folder, jobs)
    is_property = {
        name
        for name, item in collected.items.items()
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    }
    by_example, by_property = Reach(), Reach()
    for path, lines in reach.tests.items():
        for line, tests in lines.items():
            by_example.tests[path][line] = tests - is_property
            by_property.tests[path][line] = tests & is_property
    by_example.seconds = by_property.seconds = reach.seconds
    originals = {path: compile((ROOT / path).read_text(), path, "exec", dont_inherit=True) for path in paths}

    def start(chosen: Reach, mutant: Mutant, failed: Path, seed: int = 0) -> Callable[[], int]:
        change = changed_functions(originals[mutant.path], mutant.code)
        tests = chosen.of(mutant)
        assert change

        def work() -> int:
            hypothesis.core.global_force_seed = seed  # type: ignore[assignment]
            return collected.replace_and_run(change, tests, failed)

        return work

    every = [mutant for path in paths for mutant in mutants(path, (ROOT / path).read_text())]
    in_functions = [m for m in every if changed_functions(originals[m.path], m.code) and by_property.has(m)]
    exampled = [mutant for mutant in in_functions if by_example.has(mutant)]
    unnoticed = [mutant for mutant in in_functions if not by_example.has(mutant)]
    unnoticed += survivors(exampled, functools.partial(start, by_example), jobs=jobs, folder=folder)
    times: Counter[str] = Counter()
    for seed in range(1, RUNS + 1):
        begin = functools.partial(start, by_property, seed=seed)
        alive = survivors(unnoticed, begin, jobs=jobs, folder=folder)
        times.update({str(mutant) for mutant in unnoticed} - set(map(str, alive)))
    always = sum(count == RUNS for count in times.values())
    print(
        f"\n{len(in_functions)} mutants that a property test reaches; {len(unnoticed)} need one; {always} of these are"
        f" noticed in each of {RUNS} runs, {len(unnoticed) - len(times)} in none, and in some:"
    )
    for name, count in sorted(times.items(), key=lambda pair: pair[1]):
        if count < RUNS:
            print(f"\n{count} of {RUNS}: {name}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.luck", description=__doc__)
    parser.add_argument("paths", nargs="*", default=["shared/domain"], help="modules or folders (shared/domain)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    paths = [str(path.relative_to(ROOT)) for each in given.paths for path in sorted((ROOT / each).rglob("*.py"))]
    paths += [path for path in given.paths if path.endswith(".py")]
    with tempfile.TemporaryDirectory() as folder:
        return collect(lambda collected: _measure(collected, paths, given.jobs, Path(folder)), profile="luck")


if __name__ == "__main__":
    sys.exit(main())
