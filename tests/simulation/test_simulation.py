"""G2: the real functions under crashes and other faults (F1-F20), from seeds.

Every invariant of money and orders is checked after every commit and every response.
"""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.faults import missed
from tests.simulation.simulation import WHOLE_WAY_EVERY, Result, run_many, run_seeds

ROOT = Path(__file__).parents[2]

QUICK = 200
PROOF = 20_000
TRACED = [7, WHOLE_WAY_EVERY, 9 * WHOLE_WAY_EVERY]


@pytest.mark.parametrize("part", range(4))
def test_every_invariant_holds(part: int) -> None:
    """Run a few hundred seeds; some go through handlers, HTTP events and botocore's retries and parser."""
    result = run_seeds(range(1 + part, QUICK + 1, 4))
    assert not result.violations


@cache
def traces(hash_seed: str) -> dict[int, str]:
    """Run the seeds of TRACED in another process; return the hash of each trace."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", *map(str, TRACED)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.findall(r"^seed (\d+): trace ([0-9a-f]{16}), every invariant held$", run.stdout, re.MULTILINE)
    return {int(seed): trace for seed, trace in found}


@pytest.mark.parametrize("seed", TRACED)
def test_same_seed_gives_same_trace(seed: int) -> None:
    """Traces are equal in other processes with other hash seeds. The last seed has payments and operators."""
    assert traces("1")[seed] == traces("2")[seed]


@pytest.mark.proof
def test_every_invariant_holds_in_many_seeds() -> None:
    """20 000 seeds on two processes; each fault met each call site that it can meet."""
    result = Result()
    for part in run_many(range(1, PROOF + 1), processes=2):
        result.add(part)
    assert not result.violations
    assert result.seeds == PROOF
    assert not missed(result.calls, result.hits)
