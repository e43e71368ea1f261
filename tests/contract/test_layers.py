"""The domain imports only itself and the standard library, so that the rules stay pure."""

import ast
import sys

from tests.api import ROOT


def foreign_imports(source: str) -> set[str]:
    """The modules that a source imports from outside of `shared.domain` and the standard library."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level < 2:
            base = "shared.domain" if node.level else node.module
            # `from shared import domain` names the package after `import`.
            found |= {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return {
        name
        for name in found
        if name.partition(".")[0] not in sys.stdlib_module_names and not f"{name}.".startswith("shared.domain.")
    }


def test_domain_imports_only_itself_and_the_standard_library() -> None:
    modules = sorted((ROOT / "shared" / "domain").rglob("*.py"))
    assert len(modules) > 10
    assert {module.name: foreign_imports(module.read_text()) for module in modules} == {
        module.name: set() for module in modules
    }


def test_planted_foreign_imports_are_found() -> None:
    source = """
import re, botocore.session
from shared import clock, domain
from shared.domain import order
from shared.domain.money import LedgerEntry
from . import review
from .. import ids
def late():
    from shared.store import table
"""
    assert foreign_imports(source) == {"botocore.session", "shared.clock", "..", "shared.store.table"}
