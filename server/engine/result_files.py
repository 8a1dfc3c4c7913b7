"""Results on disk: each a folder that appears whole; the oldest go first."""

import json
import logging
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nodes.api.wires import WireSpec, wire_of
from server.engine.problems import Problem
from server.engine.result import Many, Result, items_of

LOG = logging.getLogger("weft.engine")
# What it takes to open a result on disk, and how fast it is read: below these a node runs anew.
OPEN_SECONDS = 0.01
READ_BYTES_PER_SECOND = 500e6
PLAIN = (bool, int, float, str, type(None))
META = "meta.json"


@dataclass(frozen=True)
class _Kept:
    """A result's bytes on disk, and how many files it saved; None until somebody asks."""

    nbytes: int
    saves: int | None = None


class ResultFiles:
    """Keeps what took longer to make than to load; safe to use from several threads."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        """Find what earlier processes kept.

        Args:
            folder: Where; nobody else writes there.
            budget_bytes: How much results may take.
        """
        self._folder = folder
        self._budget = budget_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._find()

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return key in self._kept

    def keys(self) -> frozenset[str]:
        """Give the keys of all that is kept."""
        with self._lock:
            return frozenset(self._kept)

    def saves(self, key: str) -> int:
        """Tell how many files the node of a result saved; 0 if the result is not kept."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            return 0
        if kept.saves is not None:
            return kept.saves
        try:
            saves = int(_meta(self._place(key))["saves"])
        except (OSError, ValueError, KeyError):
            # Nothing can be said of it; whoever reads it finds out why, and drops it.
            return 0
        with self._lock:
            if key in self._kept:
                self._kept[key] = replace(kept, saves=saves)
        return saves

    def get(self, key: str, types: Mapping[str, WireSpec]) -> Result | None:
        """Read a result; None if it is not there, or cannot be read any more."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
        place = self._place(key)
        try:
            result = _load(place, types)
            os.utime(place)
        except Exception:
            # Whatever ails a kept copy, the node can run anew: the copy goes, and the log says why.
            LOG.warning("A kept result could not be read; it is computed anew.", exc_info=True)
            self._drop(key)
            return None
        return result

    def put(self, key: str, result: Result, nbytes: int, seconds: float) -> None:
        """Keep a result of so many bytes, if making it took longer than reading it would."""
        if key in self or not _storable(result):
            return
        quick = seconds < OPEN_SECONDS + nbytes / READ_BYTES_PER_SECOND
        if nbytes > self._budget or (quick and not result.saves):
            return
        try:
            size = self._store(key, result)
        except OSError:
            LOG.warning("A result could not be kept on disk.", exc_info=True)
            return
        with self._lock:
            self._kept[key] = _Kept(size, result.saves)
            self._bytes += size
            gone, surplus = [], self._bytes - self._budget
            for old, kept in self._kept.items():
                if surplus <= 0:
                    break
                gone.append(old)
                surplus -= kept.nbytes
        for old in gone:
            self._drop(old)

    def clear(self) -> None:
        """Forget everything."""
        for key in self.keys():
            self._drop(key)

    def _find(self) -> None:
        found = []
        for place in self._folder.glob("??/*"):
            if (place / META).is_file() and not place.name.startswith("_"):
                size = sum(file.stat().st_size for file in place.iterdir())
                found.append((place.stat().st_mtime, place.name, size))
            else:
                shutil.rmtree(place, ignore_errors=True)
        for _, key, size in sorted(found):
            self._kept[key] = _Kept(size)
            self._bytes += size

    def _place(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _store(self, key: str, result: Result) -> int:
        place = self._place(key)
        place.parent.mkdir(exist_ok=True)
        # Written aside and renamed whole, so that a kill leaves no half of a result.
        aside = Path(tempfile.mkdtemp(prefix="_", dir=place.parent))
        try:
            _dump(aside, result)
            size = sum(file.stat().st_size for file in aside.iterdir())
            if place.exists():
                shutil.rmtree(place)
            aside.rename(place)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return size

    def _drop(self, key: str) -> None:
        with self._lock:
            kept = self._kept.pop(key, None)
            self._bytes -= kept.nbytes if kept is not None else 0
        # On Windows a file that is mapped cannot go; the next start finds and counts it.
        shutil.rmtree(self._place(key), ignore_errors=True)


def _storable(result: Result) -> bool:
    codecs = ((wire_of(type(item)), item) for item in result.items())
    return all(
        (spec is not None and spec.codec is not None) or type(item) in PLAIN
        for spec, item in codecs
    )


def _dump(folder: Path, result: Result) -> None:
    outputs: dict[str, Any] = {}
    count = 0
    for name, value in result.values.items():
        items = []
        for item in items_of(value):
            spec = wire_of(type(item))
            if spec is None or spec.codec is None:
                items.append({"value": item})
            else:
                spec.codec.dump(item, folder / str(count))
                items.append({"type": spec.name, "file": str(count)})
                count += 1
        outputs[name] = {"many": isinstance(value, Many), "items": items}
    warnings = [problem.to_json() for problem in result.warnings]
    meta = {"outputs": outputs, "saves": result.saves, "warnings": warnings}
    (folder / META).write_text(json.dumps(meta), encoding="utf-8")


def _load(folder: Path, types: Mapping[str, WireSpec]) -> Result:
    meta = _meta(folder)
    values: dict[str, Any] = {}
    for name, output in meta["outputs"].items():
        items = tuple(_load_item(folder, item, types) for item in output["items"])
        values[name] = Many(items) if output["many"] else items[0]
    warnings = tuple(Problem.from_json(problem) for problem in meta["warnings"])
    return Result(values, meta["saves"], warnings)


def _meta(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / META).read_text(encoding="utf-8"))
    return found


def _load_item(folder: Path, item: Mapping[str, Any], types: Mapping[str, WireSpec]) -> Any:
    if "file" not in item:
        return item["value"]
    codec = types[item["type"]].codec
    if codec is None:
        raise TypeError(f"{item['type']} has no codec any more")
    return codec.load(folder / item["file"])
