"""Results by key: in memory by a budget of bytes, and on disk."""

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodes.api.wires import WireSpec, wire_of
from server.engine.result import Result
from server.engine.result_files import ResultFiles

ENTRY_BYTES = 512
Blocks = Callable[[Any], Mapping[int, int]]


@dataclass(frozen=True)
class _Held:
    result: Result
    nbytes: int
    blocks: Mapping[int, int] = field(default_factory=dict)


class Results:
    """Keeps results; safe to use from several threads.

    Values with a codec say what they weigh. What others hold, such as the weights of models, is
    found as blocks of memory, since models share them, and has a budget of its own.

    Args:
        budget_bytes: How much memory values may take; the least recently used go first.
        folder: Where to keep results on disk; None keeps them in memory only.
        disk_bytes: How much they may take there.
        blocks: Finds the blocks of memory of a value without a codec: bytes by address.
        block_bytes: How much those may take that are kept for later runs.
        run_block_bytes: How much with those that the present run uses; the result that was last
            used stays in any case.
    """

    def __init__(
        self,
        budget_bytes: int,
        folder: Path | None = None,
        disk_bytes: int = 10 * 2**30,
        blocks: Blocks = lambda value: {},
        block_bytes: int = 0,
        run_block_bytes: int = 0,
    ) -> None:
        self._budget = budget_bytes
        self._files = None if folder is None else ResultFiles(folder, disk_bytes)
        self._blocks_of = blocks
        self._block_budget = block_bytes
        self._run_block_budget = max(block_bytes, run_block_bytes)
        self._used: set[str] = set()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._bytes = 0
        self._block_holders: dict[int, int] = {}
        self._block_bytes = 0
        self._lock = threading.RLock()

    @property
    def nbytes(self) -> int:
        """How much memory the values take that have a codec."""
        return self._bytes

    @property
    def block_bytes(self) -> int:
        """How much memory the blocks of the others take, each counted once."""
        return self._block_bytes

    def begin(self) -> None:
        """Note that a run begins: what it uses gives way last."""
        with self._lock:
            self._used.clear()

    def keys(self) -> frozenset[str]:
        """Give the keys of all that is known."""
        with self._lock:
            held = frozenset(self._held)
        return held if self._files is None else held | self._files.keys()

    def __contains__(self, key: object) -> bool:
        with self._lock:
            held = key in self._held
        return held or (self._files is not None and key in self._files)

    def saves(self, key: str) -> int:
        """Tell how many files the node of a result saved; 0 if the result is not known."""
        with self._lock:
            held = self._held.get(key)
        if held is not None:
            return held.result.saves
        return 0 if self._files is None else self._files.saves(key)

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
                self._used.add(key)
                return held.result
        result = None if self._files is None else self._files.get(key, types)
        if result is not None:
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
        if self._files is not None:
            self._files.put(key, result, nbytes, seconds)

    def clear(self, disk: bool = False) -> None:
        """Forget what is in memory, and on disk if asked."""
        with self._lock:
            self._held.clear()
            self._used.clear()
            self._block_holders.clear()
            self._bytes = self._block_bytes = 0
        if disk and self._files is not None:
            self._files.clear()

    def _hold(self, key: str, result: Result) -> int:
        made = _Held(result, weigh(result), self._blocks_in(result))
        with self._lock:
            if key in self._held:
                self._release(key)
            if made.nbytes <= self._budget:
                self._held[key] = made
                self._bytes += made.nbytes
                for block, size in made.blocks.items():
                    self._block_bytes += 0 if block in self._block_holders else size
                    self._block_holders[block] = self._block_holders.get(block, 0) + 1
            while self._bytes > self._budget:
                self._release(next(iter(self._held)))
            self._used.add(key)
            if made.blocks and self._block_bytes > self._block_budget:
                self._make_room()
        return made.nbytes

    def _make_room(self) -> None:
        """Let go of the least recently used blocks; what shares those that stay takes no room."""
        staying: set[int] = set()
        taken = 0
        for key, held in reversed([item for item in self._held.items() if item[1].blocks]):
            more = held.blocks.keys() - staying
            size = sum(held.blocks[block] for block in more)
            budget = self._run_block_budget if key in self._used else self._block_budget
            if taken + size <= budget or not size or not staying:
                staying |= more
                taken += size
            else:
                self._release(key)

    def _release(self, key: str) -> None:
        held = self._held.pop(key)
        self._bytes -= held.nbytes
        for block, size in held.blocks.items():
            self._block_holders[block] -= 1
            if not self._block_holders[block]:
                del self._block_holders[block]
                self._block_bytes -= size

    def _blocks_in(self, result: Result) -> Mapping[int, int]:
        found: dict[int, int] = {}
        for value in result.items():
            if (spec := wire_of(type(value))) is not None and spec.codec is None:
                found |= self._blocks_of(value)
        return found


@dataclass(frozen=True)
class Known:
    """The keys of results that are there with every file that was saved; a container.

    Attributes:
        results: What is kept.
        saved: Describes the files that were once saved under a key; None if one is gone.
    """

    results: Results
    saved: Callable[[str], list[dict[str, Any]] | None]

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str) or key not in self.results:
            return False
        return not self.results.saves(key) or self.saved(key) is not None


def weigh(result: Result) -> int:
    """Count the bytes of a result, without the blocks of what has no codec."""
    total = ENTRY_BYTES
    for value in result.items():
        spec = wire_of(type(value))
        if spec is not None and spec.codec is not None:
            total += spec.codec.nbytes(value)
        else:
            total += sys.getsizeof(value)
    return total
