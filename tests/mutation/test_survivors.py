"""Every reviewed survivor names a line of the code; a run of the mutants says the rest."""

import ast

from tests.mutation.__main__ import measured, modules, reviewed
from tests.mutation.engine import ROOT
from tests.mutation.operators import _places


def test_every_reviewed_survivor_names_a_line_of_the_code() -> None:
    entries = reviewed()
    lines = {
        f"{path} {place.where}\n- {place.line()}"
        for path in {entry.partition(" ")[0] for entry in entries}
        for place in _places(ast.parse((ROOT / path).read_text()), "(module)")
    }
    assert {entry.rpartition("\n+ ")[0] for entry in entries} <= lines


def test_measured_modules_exist() -> None:
    assert set(measured()["modules"]) <= set(modules())
