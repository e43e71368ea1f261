"""The reviewed survivors and the targets name code and tests that exist; `make mutants` says more, in minutes."""

from tests.mutation.__main__ import ROOT, TARGETS, reviewed
from tests.mutation.operators import mutants


def test_every_reviewed_survivor_is_a_mutant_of_the_code() -> None:
    existing = {str(mutant) for path in TARGETS for mutant in mutants(path, (ROOT / path).read_text())}
    assert set(reviewed(list(TARGETS))) <= existing


def test_every_test_of_a_target_exists() -> None:
    for tests in TARGETS.values():
        for path in tests:
            assert (ROOT / path).exists(), path
