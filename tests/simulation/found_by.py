"""The seed that found each planted defect at the last record, in `found_by.json`.

It runs first, because a defect may need a hundred seeds before it. If the code has changed since, so that this seed no
longer finds the defect, all seeds run in their order. A new record: python -m tests.simulation.found_by
"""

import importlib
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import tests.conftest  # noqa: F401 - the functions' environment, before anything of ours is imported
from tests.simulation.simulation import Result, run_seeds

RECORD = Path(__file__).with_name("found_by.json")
_MODULES = [f"tests.simulation.test_planted_{part}" for part in ("defects", "sockets", "threads")]


def search(name: str, seeds: Sequence[int]) -> Result:
    """Run seeds until one finds the defect `name`, which is planted: first the recorded one, then each of `seeds`."""
    recorded = json.loads(RECORD.read_text()).get(name)
    return run_seeds([*[seed for seed in seeds if seed == recorded], *seeds], until_violation=True)


def first_that_finds(module: str, name: str) -> int | None:
    """Plant a defect of a module; return the first seed that finds it."""
    planted = importlib.import_module(module)
    with pytest.MonkeyPatch.context() as patch:
        planted.DEFECTS[name](patch)
        return next(iter(run_seeds(planted.seeds_for(name), until_violation=True).violations), None)


def main() -> None:
    """Record the seeds anew, in order of the defects' names."""
    defects = [(module, name) for module in _MODULES for name in importlib.import_module(module).DEFECTS]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        seeds = list(pool.map(first_that_finds, *zip(*defects, strict=True)))
    found = {name: seed for (_, name), seed in zip(defects, seeds, strict=True)}
    RECORD.write_text(f"{json.dumps(found, indent=1, sort_keys=True)}\n")


if __name__ == "__main__":
    main()
