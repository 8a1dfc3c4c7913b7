"""The nodes that the workers offer, as the server knows them: kept on disk between starts."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nodes.api.catalogue import Catalogue
from nodes.errors import NodeError
from server.atomic import replace_with
from server.compact_json import packed
from server.single_flight import SingleFlight

log = logging.getLogger("weft.catalogue")

PATIENCE = 30.0
"""Seconds that a request waits for the first catalogue of an installation."""
RETRY_AFTER = 5


class NotReady(NodeError):
    """No worker has described its nodes yet."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(
            "The nodes are still being loaded.",
            hint="The first start takes longer; try again in a few seconds.",
            code="server.starting",
        )


class KnownNodes:
    """The current catalogue. Used on the event loop only.

    Attributes:
        text: Its JSON as it is sent to clients.
    """

    def __init__(self, path: Path) -> None:
        """Read the catalogue of the last run, if there is one; blocks."""
        self._path = path
        self._catalogue: Catalogue | None = None
        self._arrived = asyncio.Event()
        self._told: dict[str, bytes] = {}
        self._telling = SingleFlight[bytes]()
        self.text = b""
        if path.exists():
            self._recall()

    @property
    def current(self) -> Catalogue | None:
        """The catalogue, once there is one."""
        return self._catalogue

    async def get(self, patience: float = PATIENCE) -> Catalogue:
        """Return the catalogue, waiting for the first.

        Raises:
            NotReady: when it does not come in time.
        """
        if self._catalogue is None:
            try:
                await asyncio.wait_for(self._arrived.wait(), patience)
            except TimeoutError:
                raise NotReady from None
        assert self._catalogue is not None
        return self._catalogue

    async def replace(self, described: Mapping[str, Any]) -> bool:
        """Take a worker's description of its nodes, and keep it; tell whether it is a new one."""
        text, catalogue = await asyncio.to_thread(_read, described)
        if self._catalogue is not None and self._catalogue.hash == catalogue.hash:
            return False
        self._take(catalogue, text)
        try:
            await asyncio.to_thread(replace_with, self._path, lambda path: _write(path, text))
        except OSError:
            log.warning("the catalogue cannot be kept for the next start", exc_info=True)
        return True

    async def told(
        self, catalogue: Catalogue, name: str, tell: Callable[[Catalogue], Mapping[str, Any]]
    ) -> bytes:
        """Return the JSON of something that a catalogue makes, which is kept until the next one.

        Args:
            catalogue: What `get` returned.
            name: Names what is made, one of a few: the same name is the same for one catalogue.
            tell: Makes it, in a thread.
        """

        async def make() -> bytes:
            text = await asyncio.to_thread(lambda: packed(tell(catalogue)).encode())
            if catalogue is self._catalogue:
                self._told[name] = text
            return text

        if catalogue is self._catalogue and name in self._told:
            return self._told[name]
        return await self._telling.do((catalogue.hash, name), make)

    def _take(self, catalogue: Catalogue, text: bytes) -> None:
        self._catalogue = catalogue
        self._told.clear()
        self.text = text
        self._arrived.set()

    def _recall(self) -> None:
        try:
            text, catalogue = _read(json.loads(self._path.read_bytes()))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            # Written by another version, or damaged: a worker brings the right one soon.
            log.warning("the kept catalogue cannot be read and is left aside: %r", problem)
            return
        self._take(catalogue, text)


def _read(described: Mapping[str, Any]) -> tuple[bytes, Catalogue]:
    catalogue = Catalogue.from_json(described)
    return packed(catalogue.to_json()).encode(), catalogue


def _write(path: Path, text: bytes) -> None:
    path.write_bytes(text)
