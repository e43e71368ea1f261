"""Run seeds: `python -m tests.simulation --seed 7` shows one or more, `--seeds 20000 --processes 2` runs many."""

import argparse
import sys
import time

import tests.conftest  # noqa: F401 - the functions' environment, before anything of ours is imported
from tests.simulation.faults import call_sites, missed
from tests.simulation.simulation import Result, Simulation, run_many
from tests.simulation.world import Violation


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", help="run these seeds and print their traces")
    parser.add_argument("--seeds", type=int, default=200, help="number of seeds, starting with --first")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    if given.seed is not None:
        return max([show(seed) for seed in given.seed])
    return report(given.first, given.seeds, given.processes)


def show(seed: int) -> int:
    """Run one seed and print its trace; return the exit code."""
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


def report(first: int, seeds: int, processes: int) -> int:
    """Run seeds; print violations and the hits of each fault by call site; return the exit code."""
    started = time.monotonic()
    total = Result()
    for result in run_many(range(first, first + seeds), processes=processes):
        total.add(result)
        for seed, violation in sorted(result.violations.items()):
            print(f"seed {seed}: {violation}", flush=True)
        print(f"{total.seeds} seeds, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    for fault, sites in call_sites(total.hits).items():
        print(f"{fault}: {sites.total()}")
        for site, count in sorted(sites.items()):
            if site:
                print(f"    {site}: {count}")
    for never in missed(total.calls, total.hits):
        print(f"never: {never}")
    print(
        f"{total.seeds} seeds in {seconds:.0f} s ({total.seeds / seconds:.0f} a second), {total.steps} steps, "
        f"{total.calls.total()} calls, {total.commits} changes, "
        f"{total.hits.total()} faults at {len(total.hits)} places; {len(total.violations)} violations"
    )
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main())
