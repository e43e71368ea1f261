"""The choice of mutants and of their tests."""

from types import ModuleType

import pytest

from tests.mutation import __main__ as mutation
from tests.mutation.engine import PATIENCE, Reach, changed_constants
from tests.mutation.operators import Mutant

MUTANT = Mutant("shared/store/table.py", "get", "a", "b", (3, 5), compile("", "a", "exec"))


def reach(lines: dict[int, list[str]], seconds: dict[str, float]) -> Reach:
    made = Reach()
    made.add(seconds, {MUTANT.path: lines})
    return made


def test_mutant_gets_the_tests_of_its_lines_quickest_first() -> None:
    lines = {2: ["f.py::other"], 3: ["f.py::slow"], 5: ["f.py::quick"], 6: ["f.py::another"]}
    made = reach(lines, {"f.py::other": 0, "f.py::slow": 2, "f.py::quick": 1, "f.py::another": 0})
    assert made.of(MUTANT) == ["f.py::quick", "f.py::slow"]
    assert made.has(MUTANT)


def test_tests_named_as_the_module_come_before_others() -> None:
    made = reach({3: ["a.py::quick", "store/test_table.py::slow"]}, {"a.py::quick": 0, "store/test_table.py::slow": 1})
    assert made.of(MUTANT) == ["store/test_table.py::slow", "a.py::quick"]
    assert made.of(MUTANT, first=["a.py::quick"]) == ["a.py::quick", "store/test_table.py::slow"]


def test_each_file_has_its_turn_until_patience_ends() -> None:
    names = ["a.py::1", "a.py::2", "b.py::1", "b.py::2"]
    made = reach({4: names}, dict.fromkeys(names, PATIENCE / 3))
    assert made.of(MUTANT) == ["a.py::1", "b.py::1", "a.py::2"]


def test_line_that_runs_at_import_has_the_tests_of_its_module() -> None:
    made = reach({9: ["f.py::test"]}, {"f.py::test": 0, "store/test_table.py::constants": 0, "g.py::test": 0})
    assert made.of(MUTANT) == ["store/test_table.py::constants", "f.py::test"]
    assert not made.has(MUTANT)


def test_lines_of_other_tests_are_left_out() -> None:
    made = reach({3: ["f.py::one"], 4: ["f.py::one", "f.py::two"], 9: ["f.py::two"]}, {"f.py::one": 1, "f.py::two": 2})
    only = made.only({"f.py::one"})
    assert only.seconds == {"f.py::one": 1}
    assert only.tests[MUTANT.path] == {3: {"f.py::one"}, 4: {"f.py::one"}}


def test_changed_constants_are_neither_equal_nor_functions() -> None:
    module = ModuleType("a")
    source = "import re\nA = 1\nB = re.compile('b')\nclass C: pass\ndef d(): return A"
    exec(source, vars(module))
    changed = source.replace("1", "2").replace("return A", "return 3")
    assert changed_constants(module, compile(changed, "a", "exec")) == {"A": 2}
    assert changed_constants(module, compile(source, "a", "exec")) == {}


def test_changed_module_runs_whole_and_others_are_sampled() -> None:
    one, other, *rest = mutation.modules()
    measured = mutation.Measured(
        modules={
            one: mutation.Record(digest=0, mutants=100, survivors=0),
            other: mutation.Record(digest=mutation.digest(other), mutants=100, survivors=0),
        },
        floors={},
    )
    assert mutation.shares(measured, sample=20, most=100) == {one: 1, other: 20} | dict.fromkeys(rest, 20)
    assert mutation.shares(measured, sample=20, most=99)[one] == 2


def test_sample_depends_on_the_seed_and_keeps_its_share() -> None:
    names = [f"a.py f\n- {number}\n+ b" for number in range(2000)]
    samples = [{name for name in names if mutation.Choice({"a.py": 20}, seed).has(name)} for seed in ("1", "1", "2")]
    assert samples[0] == samples[1] != samples[2]
    assert all(50 < len(sample) < 150 for sample in samples)
    assert all(mutation.Choice({"a.py": 1}, "1").has(name) for name in names)


@pytest.mark.parametrize(("floor", "problems"), [(0.5, 0), (0.8, 1)])
def test_package_below_its_share_is_a_problem(floor: float, problems: int) -> None:
    chosen = [MUTANT] * mutation.ENOUGH
    before = mutation.Measured(modules={}, floors={"shared/store": floor})
    assert len([*mutation._fallen(before, chosen, chosen[: len(chosen) // 4])]) == problems


def test_survivors_and_reasons_must_match(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = mutation.Choice({MUTANT.path: 1}, "1")
    assert choice.has(str(MUTANT))
    for known, alive, problems in [
        ({}, [MUTANT], 1),
        ({str(MUTANT): "why"}, [MUTANT], 0),
        ({str(MUTANT): "why"}, [], 1),
    ]:
        monkeypatch.setattr(mutation, "reviewed", lambda known=known: known)
        found = [*mutation._to_review(choice, alive, strict={MUTANT.path})]
        assert len(found) == problems
    monkeypatch.setattr(mutation, "reviewed", dict)
    assert not [*mutation._to_review(choice, [MUTANT], strict=set())]
