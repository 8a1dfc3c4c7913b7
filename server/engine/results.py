"""Results by key: in memory by a budget of bytes, on disk what took longer to make than to load."""

import dataclasses
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodes.api.wires import WireSpec, wire_of
from server.engine.problems import Problem

LOG = logging.getLogger("weft.engine")
# Values without a codec, such as models, count in the device's budget of bytes; here by number.
UNWEIGHED_LIMIT = 32
ENTRY_BYTES = 512
# What it takes to open a result on disk, and how fast it is read: below these a node runs anew.
OPEN_SECONDS = 0.01
READ_BYTES_PER_SECOND = 500e6
PLAIN = (bool, int, float, str, type(None))
META = "meta.json"


@dataclass(frozen=True)
class Many:
    """The elements of a sequence that flows on a wire."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Result:
    """What a node gave.

    Attributes:
        values: By output.
        saves: How many files it saved.
        warnings: What it told the user.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    saves: int = 0
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Held:
    result: Result
    nbytes: int
    weighed: bool


class Results:
    """Keeps results; safe to use from several threads.

    Args:
        budget_bytes: How much memory values may take; the least recently used go first.
        folder: Where to keep results on disk; None keeps them in memory only.
        disk_bytes: How much they may take there.
    """

    def __init__(
        self, budget_bytes: int, folder: Path | None = None, disk_bytes: int = 10 * 2**30
    ) -> None:
        self._budget = budget_bytes
        self._folder = folder
        self._disk_budget = disk_bytes
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._bytes = 0
        self._unweighed = 0
        self._disk: OrderedDict[str, int] = OrderedDict()
        self._disk_bytes = 0
        self._lock = threading.RLock()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._find(folder)

    @property
    def nbytes(self) -> int:
        """How much memory the values take."""
        return self._bytes

    def keys(self) -> frozenset[str]:
        """Give the keys of all that is known."""
        with self._lock:
            return frozenset(self._held) | frozenset(self._disk)

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return key in self._held or key in self._disk

    def get(self, key: str, types: Mapping[str, WireSpec]) -> Result | None:
        """Find a result, in memory or on disk.

        Args:
            key: Its key.
            types: The wire classes, whose codecs read values.

        Returns:
            The result, or None if it is not known, or cannot be read any more.
        """
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
                return held.result
            if key not in self._disk or self._folder is None:
                return None
            self._disk.move_to_end(key)
        place = self._place(key)
        try:
            result = _load(place, types)
            os.utime(place)
        except Exception:
            # Whatever ails a kept copy, the node can run anew: the copy goes, and the log says why.
            LOG.warning("A kept result could not be read; it is computed anew.", exc_info=True)
            self._drop_from_disk(key)
            return None
        self._hold(key, result)
        return result

    def put(self, key: str, result: Result, seconds: float) -> None:
        """Keep a result.

        Args:
            key: Its key.
            result: What the node gave.
            seconds: How long it took to make.
        """
        nbytes = self._hold(key, result)
        if self._folder is None or key in self._disk or not _storable(result):
            return
        if nbytes > self._disk_budget or (
            not result.saves and seconds < OPEN_SECONDS + nbytes / READ_BYTES_PER_SECOND
        ):
            return
        try:
            size = self._store(key, result)
        except OSError:
            LOG.warning("A result could not be kept on disk.", exc_info=True)
            return
        with self._lock:
            self._disk[key] = size
            self._disk_bytes += size
            surplus = self._disk_bytes - self._disk_budget
            gone = []
            for old, old_size in self._disk.items():
                if surplus <= 0:
                    break
                gone.append(old)
                surplus -= old_size
        for old in gone:
            self._drop_from_disk(old)

    def clear(self, disk: bool = False) -> None:
        """Forget what is in memory, and on disk if asked."""
        with self._lock:
            self._held.clear()
            self._bytes = self._unweighed = 0
            gone = list(self._disk) if disk else []
        for key in gone:
            self._drop_from_disk(key)

    def _hold(self, key: str, result: Result) -> int:
        nbytes, weighed = weigh(result)
        with self._lock:
            old = self._held.pop(key, None)
            if old is not None:
                self._bytes -= old.nbytes
                self._unweighed -= not old.weighed
            if nbytes <= self._budget:
                self._held[key] = _Held(result, nbytes, weighed)
                self._bytes += nbytes
                self._unweighed += not weighed
            while self._bytes > self._budget:
                self._release(next(iter(self._held)))
            while self._unweighed > UNWEIGHED_LIMIT:
                self._release(next(k for k, held in self._held.items() if not held.weighed))
        return nbytes

    def _release(self, key: str) -> None:
        held = self._held.pop(key)
        self._bytes -= held.nbytes
        self._unweighed -= not held.weighed

    def _find(self, folder: Path) -> None:
        found = []
        for place in folder.glob("??/*"):
            if (place / META).is_file() and not place.name.startswith("_"):
                size = sum(file.stat().st_size for file in place.iterdir())
                found.append((place.stat().st_mtime, place.name, size))
            else:
                shutil.rmtree(place, ignore_errors=True)
        for _, key, size in sorted(found):
            self._disk[key] = size
            self._disk_bytes += size

    def _place(self, key: str) -> Path:
        assert self._folder is not None
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

    def _drop_from_disk(self, key: str) -> None:
        with self._lock:
            self._disk_bytes -= self._disk.pop(key, 0)
        # On Windows a file that is mapped cannot go; the next start finds and counts it.
        shutil.rmtree(self._place(key), ignore_errors=True)


def weigh(result: Result) -> tuple[int, bool]:
    """Count the bytes of a result, and tell whether all of its values could be weighed."""
    total, weighed = ENTRY_BYTES, True
    for value in result.values.values():
        for item in value.items if isinstance(value, Many) else (value,):
            spec = wire_of(type(item))
            if spec is not None and spec.codec is not None:
                total += spec.codec.nbytes(item)
            elif spec is not None and dataclasses.is_dataclass(item):
                weighed = False
            else:
                total += sys.getsizeof(item)
    return total, weighed


def _storable(result: Result) -> bool:
    for value in result.values.values():
        for item in value.items if isinstance(value, Many) else (value,):
            spec = wire_of(type(item))
            if (spec is None or spec.codec is None) and type(item) not in PLAIN:
                return False
    return True


def _dump(folder: Path, result: Result) -> None:
    outputs: dict[str, Any] = {}
    count = 0
    for name, value in result.values.items():
        items = []
        for item in value.items if isinstance(value, Many) else (value,):
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
    meta = json.loads((folder / META).read_text(encoding="utf-8"))
    values: dict[str, Any] = {}
    for name, output in meta["outputs"].items():
        items = tuple(_load_item(folder, item, types) for item in output["items"])
        values[name] = Many(items) if output["many"] else items[0]
    warnings = tuple(Problem.from_json(problem) for problem in meta["warnings"])
    return Result(values, meta["saves"], warnings)


def _load_item(folder: Path, item: Mapping[str, Any], types: Mapping[str, WireSpec]) -> Any:
    if "file" not in item:
        return item["value"]
    codec = types[item["type"]].codec
    if codec is None:
        raise TypeError(f"{item['type']} has no codec any more")
    return codec.load(folder / item["file"])
