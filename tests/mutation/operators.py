"""The mutation operators: where a module is changed, what replaces the node there, and the compiled mutant."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    `where` is the changed function or class; `before` and `after` are the changed line. `lines` are the first and last
    line of the changed statement; of a compound statement, of its header.
    """

    path: str
    where: str
    before: str
    after: str
    lines: tuple[int, int]
    code: CodeType

    def __str__(self) -> str:
        return shown(self.path, self.where, self.before, self.after)


_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {
    "all": ["any"],
    "any": ["all"],
    "fullmatch": ["match", "search"],
    "lower": ["upper"],
    "max": ["min"],
    "min": ["max"],
    "partition": ["rpartition"],
    "sorted": ["list"],
    "strip": ["lstrip", "rstrip"],
}
# Statements for readers and type checkers: a change of one would not show in a run.
_FOR_READERS = (ast.Import, ast.ImportFrom, ast.Assert, ast.Pass, ast.Global, ast.Nonlocal)


def shown(path: str, where: str, before: str, after: str) -> str:
    """Return the printed form of a mutant, which `survivors.txt` uses."""
    return f"{path} {where}\n- {before}\n+ {after}"


def mutants(path: str, source: str, wanted: Callable[[str], bool] = lambda shown: True) -> list[Mutant]:
    """Return the mutants of a module that are `wanted` by their printed form, in the order of its lines, each once."""
    tree = ast.parse(source)
    original = _code(tree, path)
    found: dict[str, Mutant] = {}
    for place in _places(tree, "(module)"):
        before = place.line()
        for replacement in place.replacements():
            with_it = place.put(replacement)
            try:
                after = place.line()
                name = shown(path, place.where, before, after)
                if before == after or name in found or not wanted(name):
                    continue
                code = _code(tree, path)
            except (SyntaxError, ValueError):  # the change is not valid Python
                continue
            finally:
                place.put(with_it)
            if not _same(code, original):
                found[name] = Mutant(path, place.where, before, after, place.lines, code)
    return list(found.values())


def _code(tree: ast.Module, path: str) -> CodeType:
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


def changed_functions(original: CodeType, mutated: CodeType) -> list[tuple[CodeType, CodeType]]:
    """Return the functions that differ in two codes of a module, each with its mutant, an outer one before the inner.

    Nothing where the module or a class differs itself. A default value belongs to the code around its function.
    """
    if not _same_alone(original, mutated):
        return []
    for before, after in zip(_inner(original), _inner(mutated), strict=True):
        if not _same(before, after):
            is_function = before.co_flags & inspect.CO_NEWLOCALS
            return [*([(before, after)] if is_function else []), *changed_functions(before, after)]
    return []


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether both compile to the same program. Line numbers are ignored."""
    return _same_alone(one, other) and all(_same(*pair) for pair in zip(_inner(one), _inner(other), strict=True))


def _same_alone(one: CodeType, other: CodeType) -> bool:
    """Whether both are the same apart from the code of the functions and classes in them."""
    plain = [
        (code.co_code, code.co_names, [const for const in code.co_consts if not isinstance(const, CodeType)])
        for code in (one, other)
    ]
    return (
        plain[0] == plain[1]
        and [type(const) for const in plain[0][2]] == [type(const) for const in plain[1][2]]
        and len(_inner(one)) == len(_inner(other))
    )


def _inner(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


# ---------------------------------------------------------------- where


_Lines = tuple[int, int]


@dataclass
class _Place:
    """A node in its parent, or a whole list of nodes, which `put` replaces."""

    where: str
    node: Any
    get: Callable[[], Any]
    set: Callable[[Any], None]
    shown: Callable[[], str]
    lines: tuple[int, int]
    replacements: Callable[[], Iterator[Any]]

    def put(self, other: Any) -> Any:
        """Replace the node and return the former one."""
        was = self.get()
        self.set(other)
        return was

    def line(self) -> str:
        """Return the line of source with the node as it is now."""
        return self.shown()


def _places(node: ast.AST, where: str, shown: Callable[[], str] = str, lines: _Lines = (0, 0)) -> Iterator[_Place]:
    lines = _lines(node) or lines
    for name, value in ast.iter_fields(node):
        if _is_for_readers(node, name, value):
            continue
        if isinstance(value, list):
            yield from _places_in_list(node, name, value, where, shown, lines)
        elif isinstance(value, ast.AST):
            line = _line(node, name, shown)
            yield _Place(
                where,
                value,
                lambda node=node, name=name: getattr(node, name),  # type: ignore[misc]
                lambda other, node=node, name=name: setattr(node, name, other),  # type: ignore[misc]
                line,
                lines,
                lambda value=value, node=node, name=name: _instead(value, node, name),  # type: ignore[misc]
            )
            yield from _places(value, _within(value, where), line, lines)


def _places_in_list(
    node: ast.AST, name: str, value: list[Any], where: str, shown: Callable[[], str], lines: _Lines
) -> Iterator[_Place]:
    if _can_lose_one(node, name, value):
        yield _Place(
            where,
            value,
            lambda: list(getattr(node, name)),
            lambda other: value.__setitem__(slice(None), other),
            shown,
            lines,
            lambda: (value[:at] + value[at + 1 :] for at in range(len(value))),
        )
    for at, item in enumerate(list(value)):
        if (
            not isinstance(item, ast.AST)
            or (isinstance(item, _FOR_READERS))
            or _is_docstring(node, item)
            or _is_log(item)
        ):
            continue

        def line(at: int = at, item: ast.AST = item) -> str:
            return _text(value[at]) if isinstance(item, ast.stmt | ast.ExceptHandler) else shown()

        yield _Place(
            where,
            item,
            lambda at=at: value[at],  # type: ignore[misc]
            lambda other, at=at: value.__setitem__(at, other),  # type: ignore[misc]
            line,
            _lines(item) or lines,
            lambda item=item: _instead(item, node, name),  # type: ignore[misc]
        )
        yield from _places(item, _within(item, where), line, lines)


def _is_for_readers(node: ast.AST, name: str, value: Any) -> bool:
    return (
        name
        in {
            "annotation",
            "returns",
            "decorator_list",
            "bases",
            "ctx",
            "optional_vars",
            "targets",
            "target",
            "type_params",
        }
        or isinstance(node, _FOR_READERS)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        or (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(value, ast.Call | ast.Subscript)
            and _text(value).startswith(("TypeVar", "Literal[", "Mapping["))
        )
    )


def _is_log(item: ast.AST) -> bool:
    """Whether a statement writes to the log. What must be in the log has tests of its own; its words have none."""
    return isinstance(item, ast.Expr) and ast.unparse(item).startswith(
        ("logger.debug(", "logger.info(", "logger.warning(", "logger.error(", "logger.exception(")
    )


def _is_docstring(node: ast.AST, item: ast.AST) -> bool:
    """Whether `item` is a docstring: of a module, class or function, or below an attribute."""
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)


def _within(node: ast.AST, where: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name if where == "(module)" else f"{where}.{node.name}"
    return where


def _lines(node: ast.AST) -> _Lines | None:
    """Return the first and last line of a statement, of a compound one without its body; None for anything else."""
    if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        return None
    body = node.cases if isinstance(node, ast.Match) else getattr(node, "body", None)
    first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
    if not body:
        return first, getattr(node, "end_lineno", None) or first
    begins = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
    return first, max(first, begins - 1)


def _line(node: ast.AST, name: str, shown: Callable[[], str]) -> Callable[[], str]:
    """Return the function that shows a change in this field: the statement's first line, without its body."""
    return (lambda: _text(node)) if isinstance(node, ast.stmt) else shown


def _text(node: ast.AST) -> str:
    """Return the node as one line of source; of a compound statement, its first line."""
    if isinstance(node, ast.If | ast.While):
        return f"{type(node).__name__.lower()} {ast.unparse(node.test)}:"
    if isinstance(node, ast.For):
        return f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"def {node.name}({ast.unparse(node.args)}):"
    if isinstance(node, ast.ExceptHandler):
        return f"except {ast.unparse(node.type) if node.type else ''}: {'; '.join(map(ast.unparse, node.body))}"
    return " ".join(ast.unparse(node).split("\n"))


# ---------------------------------------------------------------- what


# Lists from which one node may be removed, and the minimum length for that.
_LISTS: dict[tuple[type[ast.AST], str], int] = {
    (ast.BoolOp, "values"): 3,
    (ast.Call, "args"): 1,
    (ast.Call, "keywords"): 1,
    (ast.comprehension, "ifs"): 1,
    (ast.List, "elts"): 1,
    (ast.Match, "cases"): 2,
    (ast.Set, "elts"): 2,
    (ast.Try, "handlers"): 2,
    (ast.Tuple, "elts"): 1,
}


def _can_lose_one(node: ast.AST, name: str, value: list[Any]) -> bool:
    return len(value) >= _LISTS.get((type(node), name), len(value) + 1)


def _instead(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """Yield the replacements of a node."""
    if isinstance(node, ast.expr):
        yield from _expressions(node, parent, name)
    elif isinstance(node, ast.stmt):
        yield from _statements(node, parent)
    elif isinstance(node, ast.ExceptHandler) and not isinstance(node.body[0], ast.Raise):
        yield ast.ExceptHandler(node.type, node.name, [ast.Raise()])
    elif isinstance(node, ast.cmpop):
        yield from (other() for other in _COMPARISONS[type(node)])
    elif isinstance(node, ast.operator) and type(node) in _ARITHMETIC:
        yield _ARITHMETIC[type(node)]()
    elif isinstance(node, ast.boolop):
        yield ast.Or() if isinstance(node, ast.And) else ast.And()


def _statements(node: ast.stmt, parent: ast.AST) -> Iterator[ast.stmt]:
    in_function = not isinstance(parent, ast.Module | ast.ClassDef)
    match node:
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Delete() if in_function:
            yield ast.Pass()
        case ast.AnnAssign(value=ast.expr()) if in_function:
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()


def _expressions(node: ast.expr, parent: ast.AST, name: str) -> Iterator[ast.expr]:
    if name == "test" and isinstance(parent, ast.If | ast.IfExp | ast.While):
        yield ast.Constant(False)
        if not isinstance(parent, ast.While):
            yield ast.Constant(True)
    if name == "iter":
        yield ast.Tuple([], ast.Load())
    match node:
        case ast.Constant(value=str() as text) if _is_pattern(parent, node):
            yield from map(ast.Constant, _patterns(text))
        case ast.Constant():
            yield from map(ast.Constant, _constants(node.value))
        case ast.BoolOp(values=[one, other]):
            yield one
            yield other
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Call():
            yield from _calls(node)
        case ast.Dict(keys=keys, values=values):
            for at in range(len(keys)):
                yield ast.Dict(keys[:at] + keys[at + 1 :], values[:at] + values[at + 1 :])
        case ast.Slice():
            yield ast.Slice(None, node.upper, node.step)
            yield ast.Slice(node.lower, None, node.step)


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    match node.func:
        case ast.Attribute(value=receiver, attr=attr, ctx=ctx):
            yield receiver
            for method in _NAMES.get(attr, ()):
                yield ast.Call(ast.Attribute(receiver, method, ctx), node.args, node.keywords)
        case ast.Name(id=called):
            for builtin in _NAMES.get(called, ()):
                yield ast.Call(ast.Name(builtin, ast.Load()), node.args, node.keywords)


def _constants(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
        yield value - 1
    elif isinstance(value, str):
        yield "" if value else "mutant"
    elif isinstance(value, bytes):
        yield b"" if value else b"mutant"


def _is_pattern(parent: ast.AST, node: ast.AST) -> bool:
    return (
        isinstance(parent, ast.Call)
        and ast.unparse(parent.func) in {"re.compile", "re.fullmatch", "re.match", "re.search", "re.sub"}
        and parent.args[0] is node
    )


def _patterns(text: str) -> Iterator[str]:
    """Yield the regular expression without one of its characters, or with a digit that is one higher or lower."""
    for at, char in enumerate(text):
        for other in ["", str(int(char) + 1), str(int(char) - 1)] if char in "0123456789" else [""]:
            try:
                re.compile(pattern := text[:at] + other + text[at + 1 :])
            except re.error:
                continue
            yield pattern
