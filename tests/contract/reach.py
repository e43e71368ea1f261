"""The code that a function runs: which definitions of `functions/` and `shared/` its module leads to, by name.

A definition is a function, class or variable at the top of a module. It leads to every definition that it names. An
import runs a module's top: it leads to what is called there, and to what our own decorators get. So the reading errs on
the side of too much code: a name counts also where it is not called.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from tests.api import ROOT

TOP = "<top>"


class Definition(NamedTuple):
    """A definition at the top of a module; `TOP` stands for what an import runs."""

    module: str
    name: str


@cache
def tree_of(module: str) -> ast.Module | None:
    """The module's syntax tree; None if it is not ours."""
    base = ROOT / module.replace(".", "/")
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if module.partition(".")[0] in ("functions", "shared") and path.is_file():
            return ast.parse(path.read_text())
    return None


@cache
def _imports(module: str) -> dict[str, tuple[str, str | None]]:
    """Each name that a module imports, at its top or inside, to its module and its name there; None: the module."""
    found: dict[str, tuple[str, str | None]] = {}
    for node in ast.walk(tree_of(module) or ast.Module([], [])):
        if isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                is_module = tree_of(f"{node.module}.{each.name}") is not None
                found[each.asname or each.name] = (
                    (f"{node.module}.{each.name}", None) if is_module else (node.module, each.name)
                )
    return found


@cache
def definitions(module: str) -> dict[str, list[ast.stmt]]:
    """The statements at the top of a module by what they define."""
    tree = tree_of(module)
    found: dict[str, list[ast.stmt]] = {TOP: []}
    for node in tree.body if tree else []:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.setdefault(name, []).append(node)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.setdefault(name, []).append(node)
        found[TOP].append(node)
    return found


def _named(module: str, node: ast.AST) -> Iterator[Definition]:
    """The definitions of ours that a name, or an attribute of an imported module, stands for."""
    match node:
        case ast.Name(id=name) if name in definitions(module):
            yield Definition(module, name)
        case ast.Name(id=name) if name in _imports(module):
            source, imported = _imports(module)[name]
            if imported is None:
                yield from (Definition(source, each) for each in definitions(source))
            elif imported in definitions(source):
                yield Definition(source, imported)
            elif tree_of(source) is not None:
                yield from _named(source, ast.Name(id=imported))
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if _imports(module).get(name, ("", ""))[1] is None:
            yield from _named(_imports(module)[name][0], ast.Name(id=attribute))


def _all_named(module: str, part: ast.AST) -> Iterator[Definition]:
    for node in [part] if isinstance(part, ast.Name | ast.Attribute) else []:
        found = list(_named(module, node))
        yield from found
        if found:
            return
    for child in ast.iter_child_nodes(part):
        yield from _all_named(module, child)


def _of_import(module: str, node: ast.stmt) -> Iterator[Definition]:
    """What an import of the module leads to through a statement at its top."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        decorators = [each for decorator in node.decorator_list for each in _all_named(module, decorator)]
        yield from decorators
        if decorators:
            yield Definition(module, node.name)
        inner: Iterable[ast.AST] = node.body if isinstance(node, ast.ClassDef) else ()
    else:
        inner = [node]
    for part in inner:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for each in ast.walk(part):
            if isinstance(each, ast.Call):
                yield from _named(module, each.func)
            if isinstance(each, ast.ImportFrom):
                for alias in each.names:
                    source, _ = _imports(module)[alias.asname or alias.name]
                    if tree_of(source) is not None:
                        yield Definition(source, TOP)


@cache
def _leads_to(definition: Definition) -> frozenset[Definition]:
    module, name = definition
    if name == TOP:
        return frozenset(each for node in definitions(module)[TOP] for each in _of_import(module, node))
    return frozenset(each for node in definitions(module)[name] for each in _all_named(module, node))


@cache
def reached_from(module: str) -> frozenset[Definition]:
    """Every definition that a function may run whose handler is in the module."""
    waiting = [Definition(module, name) for name in definitions(module)]
    found = set(waiting)
    while waiting:
        new = _leads_to(waiting.pop()) - found
        found |= new
        waiting += new
    return frozenset(found)


def nodes(reached: Iterable[Definition]) -> Iterator[tuple[str, ast.AST]]:
    """Every node of the definitions' syntax trees, with its module."""
    for module, name in reached:
        if name != TOP:
            for statement in definitions(module)[name]:
                yield from ((module, node) for node in ast.walk(statement))
