"""The reviewed survivors and the targets name code and tests that exist; `make mutants` says the rest, in minutes."""

import ast

from tests.mutation.__main__ import ROOT, TARGETS, reviewed
from tests.mutation.operators import _places


def test_every_reviewed_survivor_names_a_line_of_the_code() -> None:
    lines = {
        f"{path} {place.where}\n- {place.line()}"
        for path in TARGETS
        for place in _places(ast.parse((ROOT / path).read_text()), "(module)")
    }
    assert {entry.rpartition("\n+ ")[0] for entry in reviewed(list(TARGETS))} <= lines


def test_every_test_of_a_target_exists() -> None:
    for tests in TARGETS.values():
        for path in tests:
            assert (ROOT / path).exists(), path
