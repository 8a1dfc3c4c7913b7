"""No name from outside becomes a path but through `server.paths.contained`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SERVER = Path(__file__).resolve().parents[2] / "server"

OPENERS = {"open", "FileResponse"}
JOINERS = {"joinpath", "with_name", "with_stem", "with_suffix", "glob", "rglob", "Path", "PurePath"}

NOT_LOOKED_AT = ("engine/", "cli", "settings.py", "platform.py")
"""The engine is given paths by its host; the others see what the owner types, not requests."""

KNOWN = {
    # The primitive, and what it is built on.
    ("paths.py", "contained"): "the primitive itself",
    ("atomic.py", "part_in"): "a name that was drawn by chance",
    ("atomic.py", "sweep_parts"): "a pattern of our own",
    ("atomic.py", "settle"): "a path that its caller has",
    ("atomic.py", "settle_folder"): "a path that its caller has",
    ("atomic.py", "_publish_without_links"): "beside a path that is contained, under its own name",
    # Folders and names of our own.
    ("artifacts.py", "__init__"): "`output` and `temp`",
    ("files.py", "__init__"): "`input`, `output` and `temp`",
    ("files.py", "roots"): "folders of the table of kinds",
    ("library.py", "_keep"): "a number and a hash, under a contained folder",
    ("library.py", "_names"): "a pattern of our own",
    ("node_texts.py", "read_texts"): "a folder of our own",
    ("thumbnails.py", "of"): "a hash",
    ("tiles.py", "of"): "a hash",
    ("tiles.py", "_find"): "three numbers, under a folder named by a hash",
    ("tiles.py", "_cut"): "a folder of our own, beside that of the tiles",
    ("tiles.py", "_cut_level"): "three numbers",
    # Paths that are contained already are opened here.
    ("artifacts.py", "fingerprint"): "a path that its caller has",
    ("uploads.py", "_digest"): "a path that its caller has",
    ("weights.py", "read_header"): "a path that its caller has",
    ("pictures.py", "opened"): "a path that its caller has",
    ("disk.py", "hold"): "the ballast",
    ("formats/png.py", "read_text"): "a path that its caller has",
    ("http/content.py", "file_answer"): "a path that its caller has from the primitive",
    ("http/content.py", "page_answer"): "contained two lines above",
    # The worker's notes.
    ("workers/saving.py", "settled"): "a hash",
    ("workers/saving.py", "_written"): "hashes; the prefix is held by `write_atomic` before",
    ("workers/saving.py", "_is_there"): "names that this process wrote into its own receipt",
    ("workers/saving.py", "_receipt"): "a hash",
    ("workers/workspaces.py", "place"): "a hash",
    ("workers/worker.py", "main"): "the name that the server gave the worker",
}
"""Where something that is no constant becomes part of a path, and why that is safe."""


def test_every_place_that_makes_a_path_is_known() -> None:
    unknown = set(found()) - set(KNOWN)
    assert not unknown, "Use server.paths.contained there, or say in KNOWN why it is safe."
    assert not set(KNOWN) - set(found()), "These are gone; take them out of KNOWN."


def test_the_routes_join_nothing() -> None:
    places = [place for place in found() if place[0].startswith(("http/", "comfy/"))]
    assert {file for file, _ in places} <= {"http/content.py"}


def test_the_lint_sees_what_it_is_for() -> None:
    source = """
def handler(request):
    name = request.match_info["name"]
    open(name)
    Path(name)
    root / name
    root / "data"
    root.joinpath("a", name)
    root / FOLDER
    web.FileResponse(root)
    root / f"{name}.json"
"""
    lines = [line for line, _ in faults(ast.parse(source))]
    assert lines == [4, 5, 6, 8, 10, 11]


def found() -> list[tuple[str, str]]:
    """The file and function of each such place."""
    places: dict[tuple[str, str], None] = {}
    for path in sorted(SERVER.rglob("*.py")):
        name = path.relative_to(SERVER).as_posix()
        if not name.startswith(NOT_LOOKED_AT):
            for _, function in faults(ast.parse(path.read_text(encoding="utf-8"))):
                places[name, function] = None
    return list(places)


def faults(tree: ast.AST, function: str = "") -> Iterator[tuple[int, str]]:
    """The line and innermost function of every place that makes a path of what is no constant."""
    for place in ast.iter_child_nodes(tree):
        inside = function
        if isinstance(place, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = function or place.name
        elif isinstance(place, ast.ClassDef):
            inside = ""
        if isinstance(place, ast.expr) and makes_a_path(place):
            yield place.lineno, inside
        yield from faults(place, inside)


def makes_a_path(place: ast.expr) -> bool:
    if isinstance(place, ast.BinOp):
        return isinstance(place.op, ast.Div) and not fixed(place.right)
    if isinstance(place, ast.Call):
        name = called(place.func)
        return name in OPENERS or (name in JOINERS and not all(map(fixed, place.args)))
    return False


def called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def fixed(part: ast.expr) -> bool:
    """Whether an expression is a constant, a module's constant, or this module's own file."""
    if isinstance(part, ast.Name):
        return part.id.isupper() or part.id == "__file__"
    return isinstance(part, ast.Constant)
