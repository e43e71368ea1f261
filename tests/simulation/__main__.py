"""Run seeds: `python -m tests.simulation --seed 7` shows one, `--seeds 20000 --processes 2` runs many."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import tests.conftest  # noqa: F401 - the functions' environment, before anything of ours is imported
from tests.simulation.faults import call_sites
from tests.simulation.simulation import Result, Simulation, run_seeds
from tests.simulation.world import Violation

# Seeds that a process takes at once.
_SHARE = 250


def main() -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one and print what happened")
    parser.add_argument("--seeds", type=int, default=200, help="how many to run, from --first on")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    if given.seed is not None:
        return show(given.seed)
    return run_many(given.first, given.seeds, given.processes)


def show(seed: int) -> int:
    """Run one seed and print its trace; the exit code."""
    simulation = Simulation(seed)
    violation = None
    try:
        simulation.run()
    except Violation as found:
        violation = found
    for line in simulation.world.lines():
        print(line)
    print(f"\nseed {seed}: trace {simulation.world.trace_hash()}, {violation or 'every invariant held'}")
    return 1 if violation else 0


def run_many(first: int, seeds: int, processes: int) -> int:
    """Run seeds in processes and print what was found, and how often each fault met each call site; the exit code."""
    started = time.monotonic()
    total = Result()
    shares = [range(start, min(start + _SHARE, first + seeds)) for start in range(first, first + seeds, _SHARE)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for result in pool.map(run_seeds, shares):
            total.add(result)
            for seed, violation in result.violations.items():
                print(f"seed {seed}: {violation}", flush=True)
    seconds = time.monotonic() - started
    for fault, sites in call_sites(total.hits).items():
        print(f"{fault}: {sites.total()}")
        for site, count in sorted(sites.items()):
            if site:
                print(f"    {site}: {count}")
    print(
        f"{total.seeds} seeds in {seconds:.0f} s ({total.seeds / seconds:.0f} a second), {total.steps} steps, "
        f"{total.commits} changes, {total.hits.total()} faults at {len(total.hits)} places; "
        f"{len(total.violations)} violations"
    )
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main())
