"""Tells when models, inputs or workflows appear or go, whoever put them there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable

from server.feed import Feed, FeedEvent
from server.file_kinds import KINDS
from server.files import Files
from server.library import Library

log = logging.getLogger("weft.folders")

_EVERY = 2.0
"""Seconds between two looks, which read no more than the folders that changed."""
_LIBRARY = "library"


class FolderWatch:
    """Looks at the folders while somebody listens, and says what is no longer as it was."""

    def __init__(self, files: Files, library: Library, feed: Feed) -> None:
        """Watch the folders of files and workflows."""
        self._files = files
        self._library = library
        self._feed = feed
        self._seen: dict[str, Hashable] = {}

    async def run(self) -> None:
        """Look again and again, without end."""
        while True:
            if self._feed.watched or not self._seen:
                try:
                    await self.look()
                except Exception:
                    # Such as a disk that is gone or full; another look may find it well again.
                    log.exception("the folders could not be looked at")
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """Publish what changed since the last look; the first one finds how things stand."""
        now = await asyncio.to_thread(self._state)
        changed = [name for name in now if self._seen and self._seen[name] != now[name]]
        self._seen = now
        events = []
        if _LIBRARY in changed:
            changed.remove(_LIBRARY)
            events.append(FeedEvent("library.changed"))
        if changed:
            events.append(FeedEvent("files.changed", {"kinds": changed}))
        if events:
            await self._feed.publish(*events)

    def _state(self) -> dict[str, Hashable]:
        state: dict[str, Hashable] = {kind: tuple(self._files.names(kind)) for kind in KINDS}
        entries = self._library.entries()
        state[_LIBRARY] = tuple((entry.name, entry.version, entry.cover) for entry in entries)
        return state
