"""Folders for unfinished work: what a killed worker had made, the next one goes on from."""

import hashlib
import shutil
import time
from pathlib import Path

from server.settings import Settings

# Work that nobody went on with for so long is given up.
KEPT_SECONDS = 7 * 24 * 3600.0


class Workspaces:
    """One folder for each key that is being worked on."""

    def __init__(self, settings: Settings) -> None:
        """Use the folders of the settings."""
        self._folder = settings.cache_dir / "work"

    def place(self, key: str) -> Path:
        """Give the folder of a key; it is there only once somebody makes it."""
        return self._folder / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()

    def clear(self, key: str) -> None:
        """Remove the folder of a key."""
        # A file of it that is still mapped keeps its content on POSIX, and on Windows its place
        # until the next sweep.
        shutil.rmtree(self.place(key), ignore_errors=True)

    def sweep(self) -> None:
        """Remove what has been left alone for long, at the start."""
        oldest = time.time() - KEPT_SECONDS
        for place in self._folder.iterdir() if self._folder.exists() else ():
            newest = max(path.stat().st_mtime for path in (place, *place.rglob("*")))
            if newest < oldest:
                shutil.rmtree(place, ignore_errors=True)
