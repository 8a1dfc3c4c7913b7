"""Every sentence that a problem can be told in, read from the sources that raise it.

A sentence is a template: `{0}`, `{1}` … stand for what is put in. It is followed through local
names, constants, conditions and functions of its own module; what cannot be followed is put in.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("server", "nodes")
ELSEWHERE = ("server/comfy/", "server/cli", "server/formats/")
"""What is said to ComfyUI's clients and at the command line is English there too."""
CARRIERS: dict[str, tuple[str, ...]] = {
    "Problem": ("code", "message", "hint"),
    "_problem": ("code", "message", "hint"),
    "warn": ("message", "hint"),
    "MissingPart": ("message", "hint"),
    "Lost": ("message",),
}
"""What takes sentences beside `NodeError` and what is made of it, and in which order."""
RAISED = ("message", "hint", "code")
REASONS = ("broken", "check", "ending", "inflation", "prefix_refusal", "refusal")
"""Functions that return a sentence, or a part of one."""
_HOLE = "\0"
_MOST = 24
"""Ways to say one thing; beyond that its parts are put in."""


@dataclass(frozen=True)
class Told:
    """Something that can be told.

    Attributes:
        code: Of the problem; None where it is worked out.
        sentences: Its message and hint, in each way in which they can be put.
        place: Where it is raised.
    """

    code: str | None
    sentences: frozenset[str]
    place: str


@dataclass
class _Module:
    path: Path
    tree: ast.Module
    constants: dict[str, list[ast.expr]] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)


def all_told() -> list[Told]:
    """Return everything that the sources can tell."""
    modules = [_read(path) for path in _paths()]
    carriers = {**CARRIERS, **_raised(modules)}
    shared = {
        name: values
        for module in modules
        for name, values in module.constants.items()
        if name.isupper()
    }
    return [told for module in modules for told in _Reader(module, shared).told(carriers)]


def _paths() -> Iterator[Path]:
    for top in SOURCES:
        for path in sorted((ROOT / top).rglob("*.py")):
            if not path.relative_to(ROOT).as_posix().startswith(ELSEWHERE):
                yield path


def _read(path: Path) -> _Module:
    module = _Module(path, ast.parse(path.read_text("utf-8")))
    for statement in module.tree.body:
        if isinstance(statement, ast.FunctionDef):
            module.functions[statement.name] = statement
        module.constants.update(_assigned([statement]))
    return module


def _raised(modules: Iterable[_Module]) -> dict[str, tuple[str, ...]]:
    """Return what `NodeError` and all that are made of it take, by their names."""
    classes = {
        node.name: node
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    found: dict[str, tuple[str, ...]] = {"NodeError": RAISED}
    while True:
        more = {
            name: _taken(node)
            for name, node in classes.items()
            if name not in found and any(ast.unparse(base) in found for base in node.bases)
        }
        if not more:
            return found
        found |= more


def _taken(node: ast.ClassDef) -> tuple[str, ...]:
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return tuple(given.arg for given in statement.args.args[1:])
    return RAISED


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found.setdefault(node.target.id, []).append(node.value)
    return found


class _Reader:
    def __init__(self, module: _Module, shared: Mapping[str, list[ast.expr]]) -> None:
        self._module = module
        self._shared = shared

    def told(self, carriers: Mapping[str, tuple[str, ...]]) -> Iterator[Told]:
        for scope in ast.walk(self._module.tree):
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {**self._shared, **self._module.constants, **_assigned(_own(scope))}
                for node in _own(scope):
                    if isinstance(node, ast.Call):
                        yield from self._call(node, carriers, names)
                if scope.name in REASONS and isinstance(scope, ast.FunctionDef):
                    yield self._told(None, self._returned(scope, 0) or set(), scope)

    def _call(
        self,
        call: ast.Call,
        carriers: Mapping[str, tuple[str, ...]],
        names: Mapping[str, list[ast.expr]],
    ) -> Iterator[Told]:
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        keywords = {word.arg: word.value for word in call.keywords if word.arg}
        if ast.unparse(call.func) == "super().__init__" and "code" in keywords:
            order: tuple[str, ...] = RAISED
        elif name in carriers:
            order = carriers[name]
        else:
            return
        given = {**dict(zip(order, call.args, strict=False)), **keywords}
        code = given.get("code")
        texts: set[str] = set()
        for part in ("message", "hint"):
            if part in given:
                texts |= self._ways(given[part], names) or set()
        yield self._told(code.value if isinstance(code, ast.Constant) else None, texts, call)

    def _told(self, code: object, texts: Iterable[str], at: ast.AST) -> Told:
        return Told(
            code if isinstance(code, str) else None,
            frozenset(_numbered(text) for text in texts if _says_something(text)),
            f"{self._module.path.relative_to(ROOT).as_posix()}:{getattr(at, 'lineno', 0)}",
        )

    def _ways(
        self, node: ast.expr, names: Mapping[str, list[ast.expr]], deep: int = 0
    ) -> set[str] | None:
        """Return the ways in which an expression can read; None where it cannot be followed."""
        if deep > 6:
            return None
        match node:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.JoinedStr(values=values):
                return self._joined([self._part(part, names, deep) for part in values])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                ways = (self._ways(side, names, deep + 1) for side in (left, right))
                return self._joined([way or {_HOLE} for way in ways])
            case ast.IfExp(body=body, orelse=orelse):
                return self._any([body, orelse], names, deep)
            case ast.BoolOp(values=values):
                return self._any(values, names, deep)
            case ast.Name(id=name) if name in names:
                others = {other: value for other, value in names.items() if other != name}
                return self._any(names[name], others, deep)
            case ast.Subscript(value=ast.Name(id=name)) if name in names:
                return self._any(_values(names[name]), names, deep)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get"), args=[_, other]):
                return self._any([*_values(names.get(name, [])), other], names, deep)
            case ast.Call(func=ast.Name(id=name)) if name in self._module.functions:
                return self._returned(self._module.functions[name], deep)
            case ast.Call(func=ast.Attribute(value=inner, attr="strip" | "removesuffix")):
                return self._ways(inner, names, deep + 1)
        return None

    def _part(self, part: ast.expr, names: Mapping[str, list[ast.expr]], deep: int) -> set[str]:
        if not isinstance(part, ast.FormattedValue):
            return self._ways(part, names, deep) or {_HOLE}
        if part.conversion != -1 or not isinstance(part.value, ast.Name | ast.IfExp):
            return {_HOLE}
        return self._ways(part.value, names, deep + 1) or {_HOLE}

    def _any(
        self, nodes: Iterable[ast.expr], names: Mapping[str, list[ast.expr]], deep: int
    ) -> set[str] | None:
        found = [self._ways(node, names, deep + 1) for node in nodes]
        known = set().union(*(ways for ways in found if ways is not None))
        return (known | ({_HOLE} if None in found else set())) or None

    def _returned(self, function: ast.FunctionDef, deep: int) -> set[str] | None:
        names = {**self._shared, **self._module.constants, **_assigned(_own(function))}
        values = [node.value for node in _own(function) if isinstance(node, ast.Return)]
        return self._any([value for value in values if value is not None], names, deep)

    def _joined(self, parts: list[set[str]]) -> set[str]:
        count = 1
        for part in parts:
            count *= len(part)
        if count > _MOST:
            parts = [part if len(part) == 1 else {_HOLE} for part in parts]
        return {"".join(ways) for ways in itertools.product(*parts)}


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Walk a function without those inside it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        yield child
        yield from _own(child)


def _values(nodes: Iterable[ast.expr]) -> list[ast.expr]:
    return [value for node in nodes if isinstance(node, ast.Dict) for value in node.values]


def _says_something(text: str) -> bool:
    return any(sign.isalpha() for sign in text)


def _numbered(text: str) -> str:
    parts = text.strip().split(_HOLE)
    return parts[0] + "".join(f"{{{place}}}{part}" for place, part in enumerate(parts[1:]))
