"""The form of the source tree: how long a file and the name of a test may be."""

import ast

from tests.contract import files

MOST_LINES = 700
LONGEST_NAME = 60


def test_no_python_file_is_over_700_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in files.of_the_project() if path.suffix == ".py"}
    assert len(lengths) > 200
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_test_name_is_over_60_characters() -> None:
    """A name has a subject, a condition and a result."""
    names = {
        node.name
        for path in files.of_the_project()
        if path.name.startswith("test_") and path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert len(names) > 500
    assert {name for name in names if len(name) > LONGEST_NAME} == set()
