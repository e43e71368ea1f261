"""The mutation operators (G8): which code they change, and which they leave."""

from tests.mutation.operators import changed_functions, mutants

SOURCE = '''
"""A docstring."""

import re
from dataclasses import dataclass

LIMIT = 10
PATTERN = re.compile("a{2}b?", re.ASCII)
TABLE = {"a": 1, "b": 2}


@dataclass(frozen=True)
class Error(Exception):
    """Another."""

    code: int = 4


def judge(value: int, *, strict: bool = True) -> int | None:
    """And another."""
    if value < LIMIT and not strict:
        raise Error(code=7)
    value += 2
    return max(value, LIMIT)
'''


def changes(source: str) -> set[tuple[str, str, str]]:
    return {(mutant.where, mutant.before, mutant.after) for mutant in mutants("a.py", source)}


def test_every_kind_of_change_is_made() -> None:
    made = changes(SOURCE)
    pattern = "PATTERN = re.compile('a{2}b?', re.ASCII)"
    table = "TABLE = {'a': 1, 'b': 2}"
    condition = "if value < LIMIT and (not strict):"
    definition = "def judge(value: int, *, strict: bool=True):"
    assert made >= {
        ("(module)", "LIMIT = 10", "LIMIT = 9"),
        ("(module)", "LIMIT = 10", "LIMIT = 11"),
        ("(module)", pattern, "PATTERN = re.compile('a{1}b?', re.ASCII)"),
        ("(module)", pattern, "PATTERN = re.compile('a{3}b?', re.ASCII)"),
        ("(module)", pattern, "PATTERN = re.compile('a{2}b', re.ASCII)"),
        ("(module)", pattern, "PATTERN = re.compile('a{2}?', re.ASCII)"),
        ("(module)", pattern, "PATTERN = re.compile('a{2}b?')"),
        ("(module)", table, "TABLE = {'a': 1}"),
        ("(module)", table, "TABLE = {'': 1, 'b': 2}"),
        ("Error", "code: int = 4", "code: int = 5"),
        ("judge", definition, "def judge(value: int, *, strict: bool=False):"),
        ("judge", condition, "if value <= LIMIT and (not strict):"),
        ("judge", condition, "if value >= LIMIT and (not strict):"),
        ("judge", condition, "if value < LIMIT or not strict:"),
        ("judge", condition, "if value < LIMIT and strict:"),
        ("judge", condition, "if value < LIMIT:"),
        ("judge", condition, "if not strict:"),
        ("judge", condition, "if True:"),
        ("judge", condition, "if False:"),
        ("judge", "raise Error(code=7)", "pass"),
        ("judge", "raise Error(code=7)", "raise Error()"),
        ("judge", "value += 2", "value -= 2"),
        ("judge", "value += 2", "pass"),
        ("judge", "return max(value, LIMIT)", "return min(value, LIMIT)"),
        ("judge", "return max(value, LIMIT)", "return max(value)"),
        ("judge", "return max(value, LIMIT)", "return None"),
    }
    assert len(made) == len(mutants("a.py", SOURCE))


def test_code_without_runtime_effect_is_not_mutated() -> None:
    for _, before, after in changes(SOURCE):
        assert "docstring" not in before
        assert "dataclass" not in before + after
        assert "->" not in before
    assert changes('Ends = Mapping[str, int]\nStep = Literal["wait", "send"]\n') == set()
    assert changes('import re\n\n\ndef nothing() -> None:\n    """Nothing."""\n') == set()


def test_mutant_is_the_module_with_one_change() -> None:
    [smaller] = [mutant for mutant in mutants("a.py", SOURCE) if mutant.after == "LIMIT = 9"]
    module: dict[str, object] = {"__name__": "a"}
    exec(smaller.code, module)
    assert module["LIMIT"] == 9
    assert str(smaller) == "a.py (module)\n- LIMIT = 10\n+ LIMIT = 9"
    # The shared tree is restored: other mutants have this line unchanged.
    assert {mutant.before for mutant in mutants("a.py", SOURCE) if mutant.where == "Error"} == {"code: int = 4"}


def test_what_is_logged_is_left() -> None:
    assert changes("def f():\n logger.info('done', extra={'a': 1})\n g(1)") == changes("def f():\n g(1)")


# ---------------------------------------------------------------- which function a mutant changes


def changed(before: str, after: str) -> list[str]:
    """The names of the functions whose code can be replaced."""
    one, other = (compile(source, "a.py", "exec", dont_inherit=True) for source in (before, after))
    return [function.co_qualname for function, mutant in changed_functions(one, other)]


def test_change_in_a_function_is_the_functions() -> None:
    assert changed("def f(): return 1\ndef g(): return 1", "def f(): return 1\ndef g(): return 2") == ["g"]
    assert changed("class A:\n def f(self): return 1", "class A:\n def f(self): return 2") == ["A.f"]


def test_change_in_a_nested_function_is_both_functions() -> None:
    """What the outer function returned before the change is the inner one."""
    nested = "def f():\n def g(): return 1\n return g"
    assert changed(nested, nested.replace("1", "2")) == ["f", "f.<locals>.g"]
    assert changed(nested, nested.replace("return g", "return 1")) == ["f"]


def test_change_at_import_is_no_functions() -> None:
    assert changed("A = 1", "A = 2") == []
    assert changed("class A:\n b = 1", "class A:\n b = 2") == []
    assert changed("def f(a=1): return a", "def f(a=2): return a") == []
