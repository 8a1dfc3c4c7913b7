"""Imports run one way: each layer may import what its row allows, and nothing else."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("server", "nodes", "training")
MATHEMATICS = (
    "torch",
    "numpy",
    "PIL",
    "safetensors",
    "diffusers",
    "transformers",
    "tokenizers",
    "peft",
    "torchsde",
    "spandrel",
)


@dataclass(frozen=True)
class Layer:
    """Modules by prefix, and what they may import beside the standard library and themselves."""

    modules: tuple[str, ...]
    may: tuple[str, ...]
    must_not: tuple[str, ...] = ()


# The first layer that names a module's prefix holds; so the narrower ones stand first.
LAYERS = (
    Layer(("nodes.errors",), ()),
    Layer(("nodes.api",), ("nodes.errors",)),
    Layer(("nodes.types",), ("torch", "numpy", "nodes.api", "nodes.diffusion.model_sampling")),
    Layer(("nodes.diffusion", "nodes.imaging"), (*MATHEMATICS, "nodes.types", "nodes.errors")),
    Layer(
        ("nodes",),
        (
            *MATHEMATICS,
            "nodes.api",
            "nodes.types",
            "nodes.errors",
            "nodes.diffusion",
            "nodes.imaging",
        ),
    ),
    Layer(
        ("server.engine",),
        ("networkx", "nodes.api", "nodes.errors", "server.engine"),
        must_not=("asyncio",),
    ),
    Layer(("server.settings", "server.platform"), ()),
    Layer(
        ("server.__main__", "server.app", "server.cli"),
        ("server", "aiohttp", "uvloop", "nodes.api", "nodes.errors"),
    ),
    Layer(
        ("server.workers.worker",),
        (
            "torch",
            "nodes",
            "server.engine",
            "server.artifacts",
            "server.files",
            "server.formats",
            "server.settings",
            "server.platform",
            "server.workers",
        ),
        must_not=("asyncio",),
    ),
    Layer(
        ("server.http", "server.comfy"),
        ("aiohttp", "server", "nodes.api", "nodes.errors", "PIL"),
        must_not=(
            "server.engine.execute",
            "server.app",
            "server.__main__",
            "server.workers.worker",
        ),
    ),
    Layer(
        ("server",),
        ("server", "nodes.api", "nodes.errors", "PIL"),
        must_not=("server.http", "server.comfy", "server.app", "server.__main__", "aiohttp"),
    ),
)


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("server", "nodes"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every imported module with its line; imports for type checking count too."""
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield statement.lineno, alias.name
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0, f"{path}: imports name their module whole, not relatively"
            assert statement.module is not None
            if is_package(statement.module):
                for alias in statement.names:
                    yield statement.lineno, f"{statement.module}.{alias.name}"
            else:
                yield statement.lineno, statement.module


def is_package(module: str) -> bool:
    return (ROOT / Path(*module.split("."))).is_dir()


def layer_of(module: str) -> Layer:
    return next(layer for layer in LAYERS if under(module, layer.modules))


def faults(module: str, path: Path) -> Iterator[str]:
    layer = layer_of(module)
    for line, name in imported(path):
        standard = name.split(".")[0] in sys.stdlib_module_names
        allowed = standard or under(name, (*layer.may, *(m for m in layer.modules if m != "nodes")))
        if not allowed or under(name, layer.must_not):
            yield f"{path.relative_to(ROOT)}:{line} imports {name}"


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m) for m, p in modules()])
def test_a_module_imports_only_what_its_layer_may(module: str, path: Path) -> None:
    assert not list(faults(module, path))


def test_packages_at_the_top_import_nothing() -> None:
    for name in ("server", "nodes"):
        assert not list(imported(ROOT / name / "__init__.py"))


def test_a_wrong_import_is_found(tmp_path: Path) -> None:
    wrong = ROOT / "server" / "engine" / "graph.py"
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import torch\nfrom server.queue import jobs\nimport asyncio\n", encoding="utf-8"
    )
    layer = layer_of("server.engine.graph")
    assert wrong.exists()
    names = [name for _, name in imported(probe)]
    assert names == ["torch", "server.queue.jobs", "asyncio"]
    assert all(
        not under(name, layer.may) and (name != "asyncio" or under(name, layer.must_not))
        for name in names
    )
