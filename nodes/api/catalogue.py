"""All nodes that there are: collected from packages and the user's folders, or read from JSON."""

import hashlib
import importlib
import importlib.util
import inspect
import itertools
import json
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from nodes.api.spec import NodeSpec
from nodes.api.wires import WireSpec

ENTRY_POINTS = "weft.nodes"
OWN = "custom_nodes"


@dataclass(frozen=True)
class Failure:
    """A source of nodes that could not be used; `traceback` is for the log alone."""

    source: str
    message: str
    traceback: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give what clients may know."""
        return {"source": self.source, "message": self.message}


@dataclass(frozen=True)
class Catalogue:
    """The nodes and wire types that a graph may use.

    Attributes:
        specs: By id.
        types: By name.
        failures: What could not be loaded.
        salt: What else results depend on: device, dtype policy, versions.
    """

    specs: Mapping[str, NodeSpec]
    types: Mapping[str, WireSpec] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    salt: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def hash(self) -> str:
        """Name this very content."""
        text = json.dumps(self._content(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def salt_text(self) -> str:
        """Give the salt in the form that keys take."""
        return json.dumps(dict(self.salt), sort_keys=True)

    def with_salt(self, salt: Mapping[str, str]) -> "Catalogue":
        """Give the same nodes with another salt."""
        return replace(self, salt=dict(salt))

    def to_json(self) -> dict[str, Any]:
        """Give what clients read."""
        return {"hash": self.hash, **self._content()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Catalogue":
        """Read it back, without functions: enough to validate, upgrade and plan."""
        types = {
            name: WireSpec(name, item["comfy"], item["help"], item["kept"], item.get("usual", ""))
            for name, item in data["types"].items()
        }
        return cls(
            specs={name: NodeSpec.from_json(item) for name, item in data["nodes"].items()},
            types=types,
            failures=tuple(Failure(item["source"], item["message"]) for item in data["failures"]),
            salt=dict(data["salt"]),
        )

    def _content(self) -> dict[str, Any]:
        return {
            "salt": dict(self.salt),
            "types": {name: self.types[name].to_json() for name in sorted(self.types)},
            "failures": [failure.to_json() for failure in self.failures],
            "nodes": {name: self.specs[name].to_json() for name in sorted(self.specs)},
        }


@dataclass
class _Gathering:
    specs: dict[str, NodeSpec] = field(default_factory=dict)
    types: dict[str, WireSpec] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add(self, function: Callable[..., Any], source: str, code: str = "") -> None:
        spec: NodeSpec = vars(function)["__node__"]
        known = self.specs.get(spec.id)
        if known is not None:
            if known.function is not function:
                message = f"The node {spec.id} is declared in {known.source} and in {spec.source}."
                self.failures.append(Failure(source, message))
            return
        for wire in vars(function)["__wires__"]:
            other = self.types.setdefault(wire.name, wire)
            if other != wire:
                message = (
                    f"The wire type {wire.name} is declared in {other.source} and in {wire.source}."
                )
                self.failures.append(Failure(source, message))
                return
        self.specs[spec.id] = replace(spec, code=code) if code else spec


def catalogue_of(*functions: Callable[..., Any], salt: Mapping[str, str] = {}) -> Catalogue:
    """Collect functions that were declared as nodes.

    Raises:
        ValueError: If two of them share an id.
    """
    gathering = _Gathering()
    for function in functions:
        gathering.add(function, function.__module__)
    if gathering.failures:
        raise ValueError(gathering.failures[0].message)
    return Catalogue(gathering.specs, gathering.types, salt=dict(salt))


def load(
    packages: Sequence[str] = ("nodes",),
    folders: Sequence[Path] = (Path("custom_nodes"),),
    salt: Mapping[str, str] = {},
) -> Catalogue:
    """Collect the nodes of packages, of installed extensions, and of the user's folders.

    A module that cannot be imported becomes a failure and blocks nothing else.

    Args:
        packages: Their direct modules are imported; packages inside them are not.
        folders: Each file or package in them is a module of the user's own.
        salt: What else results depend on.
    """
    gathering = _Gathering()
    for package in packages:
        for name in _module_names(package):
            _gather(gathering, name, partial(importlib.import_module, name))
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        _gather(gathering, point.value, point.load, own=True)
    for folder in folders:
        for path in _own_files(folder):
            shown = f"{folder.name}/{path.name}"
            _gather(gathering, shown, partial(_import_file, path), own=True)
    return Catalogue(gathering.specs, gathering.types, tuple(gathering.failures), salt=dict(salt))


def _gather(
    gathering: _Gathering, source: str, find: Callable[[], ModuleType], own: bool = False
) -> None:
    # A user's file may raise anything at all, and must not take the other nodes with it.
    try:
        module = find()
        code = _source_hash(module) if own else ""
    except Exception as error:
        message = str(error) or type(error).__name__
        if not type(error).__module__.startswith("nodes."):
            message = f"{type(error).__name__}: {message}"
        gathering.failures.append(Failure(source, message, traceback.format_exc()))
        return
    for function in _declared(module):
        gathering.add(function, source, code)


def _declared(module: ModuleType) -> Iterator[Callable[..., Any]]:
    for value in vars(module).values():
        if not inspect.isfunction(value) or "__node__" not in vars(value):
            continue
        own = value.__module__ == module.__name__
        if own or value.__module__.startswith(f"{module.__name__}."):
            yield value


def _module_names(package: str) -> Iterator[str]:
    module = importlib.import_module(package)
    for item in pkgutil.iter_modules(module.__path__):
        if not item.ispkg:
            yield f"{package}.{item.name}"


def _own_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if not path.name.startswith(("_", ".")))
    modules = (p for p in found if p.suffix == ".py" or (p / "__init__.py").is_file())
    return sorted(modules)


def _import_file(path: Path) -> ModuleType:
    package = path.parent.name if path.parent.name == OWN else f"{OWN}_{path.parent.name}"
    # Modules of one folder may import each other only if the folder is a package to Python.
    folder = sys.modules.setdefault(package, ModuleType(package))
    folder.__path__ = [str(path.parent)]
    name = f"{package}.{path.stem}"
    file = path / "__init__.py" if path.is_dir() else path
    places = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=places)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def sources_hash(packages: Sequence[str]) -> str:
    """Name the very code of packages, with all that lies within them.

    It goes into the salt, so that no result outlives the code that made it.
    """
    return _digest(_sources(importlib.import_module(package)) for package in packages)


def _source_hash(module: ModuleType) -> str:
    return _digest([_sources(module)])


def _sources(module: ModuleType) -> list[Path]:
    file = Path(inspect.getfile(module))
    return sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]


def _digest(groups: Iterable[Iterable[Path]]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for file in itertools.chain.from_iterable(groups):
        digest.update(file.read_bytes())
    return digest.hexdigest()
