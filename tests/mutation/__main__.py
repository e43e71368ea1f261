"""Change the deployed code in every small way, run the tests that reach each change, report the mutants that survive.

Without arguments: every mutant of the modules that changed since they were measured, and a sample of all others. A
reviewed, harmless survivor stands in `survivors.txt` with the reason. Any other survivor in a measured module fails
the run, and so does an entry without its survivor, and a package that notices less than its share in `measured.json`.
"""

import argparse
import contextlib
import gc
import importlib
import json
import os
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from tests.mutation.engine import ROOT, TESTS, Collected, collect, forked, import_and_run, survivors
from tests.mutation.operators import Mutant, changed_functions, mutants

REVIEWED = Path(__file__).with_name("survivors.txt")
MEASURED = Path(__file__).with_name("measured.json")

# A package is judged by its share only if so many of its mutants ran.
ENOUGH = 40

_OURS = ("functions", "infra", "shared", "tests")


def modules() -> list[str]:
    """Return the paths of all deployed modules."""
    return sorted(str(path.relative_to(ROOT)) for top in ("functions", "shared") for path in (ROOT / top).rglob("*.py"))


def package(path: str) -> str:
    """Return the package of a module by which figures are given: `functions`, `shared/store`, `shared`."""
    return "functions" if path.startswith("functions/") else path.rpartition("/")[0]


# ---------------------------------------------------------------- what was measured before


class Record(TypedDict):
    """What was measured of a module when all its mutants ran: the digest of its source, and the numbers."""

    digest: int
    mutants: int
    survivors: int


class Measured(TypedDict):
    """The records by module, and the least share of mutants that each package's tests must notice."""

    modules: dict[str, Record]
    floors: dict[str, float]


def digest(path: str) -> int:
    """Return a digest of a module's source, a number: a scan for secrets takes long hexadecimal texts for keys."""
    return zlib.crc32((ROOT / path).read_bytes())


def measured() -> Measured:
    """Return what was measured before."""
    loaded: Measured = json.loads(MEASURED.read_text())
    return loaded


def reviewed() -> dict[str, str]:
    """Return the reviewed survivors, in printed form, with the reason why each is harmless."""
    entries = {}
    for block in REVIEWED.read_text().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        if lines:
            head, reason = "\n".join(lines[:3]), " ".join(lines[3:]).strip()
            if not reason:
                sys.exit(f"{REVIEWED.name}: no reason given for\n{head}")
            entries[head] = reason
    return entries


# ---------------------------------------------------------------- a run


class Choice:
    """Which mutants run: of each module one in a number, drawn by the seed; 1 is all of them."""

    def __init__(self, one_in: Mapping[str, int], seed: str) -> None:
        self._one_in = one_in
        self._seed = seed
        self.seen: set[str] = set()

    def has(self, shown: str) -> bool:
        """Whether a mutant runs, by its printed form."""
        self.seen.add(shown)
        return zlib.crc32(f"{self._seed} {shown}".encode()) % self._one_in[shown.partition(" ")[0]] == 0


def shares(before: Measured, sample: int, most: int) -> dict[str, int]:
    """Return for each module: one in how many mutants runs.

    A module that changed since it was measured runs whole, as far as that makes `most` mutants in all. A module that
    did not, or that was never measured, is a part of the `sample`.
    """
    modules_before = before["modules"]
    changed = {
        path for path in modules_before if (ROOT / path).exists() and modules_before[path]["digest"] != digest(path)
    }
    part = max(1, -(-sum(modules_before[path]["mutants"] for path in changed) // most))
    return {path: part if path in changed else sample for path in modules()}


def run(chosen: Sequence[Mutant], strict: set[str], tests: Sequence[str], jobs: int, folder: Path) -> list[Mutant]:
    """Return the survivors of the chosen mutants, by the tests of these folders and files.

    A survivor whose function was replaced is imported as well, as what the function returned may have been kept since
    the import. Few are noticed then, so that is done in the modules of `strict` alone, where a survivor needs review.
    """
    code = os.waitstatus_to_exitcode(
        os.waitpid(forked(lambda: _in_collected(chosen, tests, jobs, folder), folder / "log"), 0)[1]
    )
    if code:
        sys.exit(f"The run of the collected tests failed:\n{(folder / 'log').read_text()[-4000:]}")
    result = json.loads((folder / "result").read_text())
    unnoticed: dict[int, list[str]] = {int(place): tests for place, tests in result["unnoticed"].items()}
    for name in result["modules"]:
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)
    gc.freeze()
    places = {id(chosen[place]): place for place in unnoticed}

    def start(mutant: Mutant, failed: Path) -> Callable[[], int]:
        return lambda: import_and_run(mutant, unnoticed[places[id(mutant)]])

    again = {
        place
        for place, tests in unnoticed.items()
        if tests and (place not in result["replaced"] or chosen[place].path in strict)
    }
    alive = [chosen[place] for place in unnoticed.keys() - again]
    return alive + survivors((chosen[place] for place in sorted(again)), start, jobs=jobs, folder=folder)


def _in_collected(chosen: Sequence[Mutant], paths: Sequence[str], jobs: int, folder: Path) -> int:
    """Run the mutants that change one function; write those that survive, and all others, with their tests."""
    originals = {
        path: compile((ROOT / path).read_text(), path, "exec", dont_inherit=True)
        for path in {mutant.path for mutant in chosen}
    }
    changes = {id(mutant): changed_functions(originals[mutant.path], mutant.code) for mutant in chosen}

    def work(collected: Collected) -> None:
        reach = collected.reach(list(collected.items), folder, jobs)
        noticed_by: dict[tuple[str, str], list[str]] = defaultdict(list)

        def tests(mutant: Mutant) -> list[str]:
            function, module = noticed_by[mutant.path, mutant.where], noticed_by[mutant.path, ""]
            return reach.of(mutant, first=[*function[:5], *module[:10]])

        def noticed(mutant: Mutant, test: str) -> None:
            for names in (noticed_by[mutant.path, mutant.where], noticed_by[mutant.path, ""]) if test else ():
                if test in names:
                    names.remove(test)
                names.insert(0, test)

        def start(mutant: Mutant, failed: Path) -> Callable[[], int]:
            change, of_mutant = changes[id(mutant)], tests(mutant)
            assert change
            return lambda: collected.replace_and_run(change, of_mutant, failed)

        in_functions = [mutant for mutant in chosen if changes[id(mutant)] and reach.has(mutant)]
        alive = {id(mutant) for mutant in survivors(in_functions, start, jobs=jobs, folder=folder, noticed=noticed)}
        tried = {id(mutant) for mutant in in_functions}
        unnoticed = {
            place: tests(mutant)
            for place, mutant in enumerate(chosen)
            if id(mutant) in alive or id(mutant) not in tried
        }
        replaced = [place for place, mutant in enumerate(chosen) if id(mutant) in tried]
        third_party = [name for name in sys.modules if name.partition(".")[0] not in _OURS]
        (folder / "result").write_text(
            json.dumps({"unnoticed": unnoticed, "replaced": replaced, "modules": third_party})
        )

    return collect(work, paths)


def main() -> int:
    """Run the command line; return 1 if a survivor needs review or a package fell below its share."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("paths", nargs="*", help="modules or folders that run whole; nothing else runs then")
    parser.add_argument(
        "--sample", type=int, default=120, help="run one in so many mutants of what did not change (120)"
    )
    parser.add_argument("--most", type=int, default=1500, help="run so many mutants of changed modules at most (1500)")
    parser.add_argument("--seed", help="of the sample; by default a digest of the code, so that a run can be repeated")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="folders and files of the tests that may notice")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--record", action="store_true", help="write the figures of the modules that ran whole")
    given = parser.parse_args()
    started = time.monotonic()
    before = measured()
    if given.paths:
        one_in = {path: 1 for path in modules() if path.startswith(tuple(given.paths))}
    else:
        one_in = shares(before, given.sample, given.most)
    seed = given.seed or _digest_of_all()
    choice = Choice(one_in, seed)
    chosen = [mutant for path in one_in for mutant in mutants(path, (ROOT / path).read_text(), choice.has)]
    whole = [path for path, number in one_in.items() if number == 1]
    print(f"{len(chosen)} mutants, {len(whole)} of {len(one_in)} modules whole, seed {seed}", flush=True)
    strict = set(one_in if given.paths else before["modules"])
    with tempfile.TemporaryDirectory() as folder:
        alive = run(chosen, strict, given.tests, given.jobs, Path(folder))
    if given.record:
        _write_down(before, whole, chosen, alive)
    problems = [*_fallen(before, chosen, alive), *_to_review(choice, alive, strict=strict)]
    print("\n\n".join(["", *problems, f"{len(alive)} survivors, {time.monotonic() - started:.0f} s"]))
    return 1 if problems else 0


def _digest_of_all() -> str:
    return str(zlib.crc32(b"".join((ROOT / path).read_bytes() for path in modules())))


def _write_down(before: Measured, whole: Sequence[str], chosen: Sequence[Mutant], alive: Sequence[Mutant]) -> None:
    counts, lost = Counter(mutant.path for mutant in chosen), Counter(mutant.path for mutant in alive)
    before["modules"] |= {
        path: Record(digest=digest(path), mutants=counts[path], survivors=lost[path]) for path in whole
    }
    before["modules"] = {path: before["modules"][path] for path in modules() if path in before["modules"]}
    MEASURED.write_text(json.dumps(before, indent=1) + "\n")


def _fallen(before: Measured, chosen: Sequence[Mutant], alive: Sequence[Mutant]) -> Iterator[str]:
    """Print the share that each package notices; yield the packages that notice too little."""
    counts, lost = Counter(package(m.path) for m in chosen), Counter(package(m.path) for m in alive)
    for name, count in sorted(counts.items()):
        share = 1 - lost[name] / count
        print(f"{name}: {count} mutants, {count - lost[name]} noticed, {share:.1%}")
        if count >= ENOUGH and share < before["floors"].get(name, 1):
            yield f"{name} notices less than {before['floors'].get(name, 1):.1%}, its share in {MEASURED.name}"


def _to_review(choice: Choice, alive: Sequence[Mutant], *, strict: set[str]) -> Iterator[str]:
    """Yield the survivors without a reason, and the reasons without a survivor.

    Survivors in a module outside `strict`, which was never measured, are printed and count in a share alone.
    """
    known, found = reviewed(), set(map(str, alive))
    for mutant in alive:
        if str(mutant) not in known:
            if mutant.path in strict:
                yield f"Noticed by no test: {mutant}"
            else:
                print(f"\nNoticed by no test, in a module that was never measured: {mutant}")
    ran = {shown.partition(" ")[0] for shown in choice.seen}
    for entry in known:
        if entry.partition(" ")[0] in ran and (entry not in choice.seen or (choice.has(entry) and entry not in found)):
            yield f"Reviewed, but no survivor: {entry}"


if __name__ == "__main__":
    sys.exit(main())
