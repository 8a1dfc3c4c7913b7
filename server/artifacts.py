"""Files that runs made: where they are, what made them, and how they are written.

The rule: a row tells of a file that was whole when the row was written; a file may have several
rows, one for each run that it belongs to, and goes with the last of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nodes.api.file_names import prefix_refusal
from nodes.errors import FileProblem
from server.artifact_rows import (
    MIGRATIONS,
    Artifact,
    ArtifactPage,
    artifact_of,
    conditions,
    first,
    insert,
    is_shared,
    page_of,
)
from server.atomic import once_let_go, sweep_parts, write_numbered
from server.paths import contained, shown

if TYPE_CHECKING:
    import sqlite3

    from server.settings import Settings
    from server.store import Store

__all__ = ["Artifact", "ArtifactPage", "Artifacts", "fingerprint", "write_atomic"]

FOLDERS = ("output", "temp")


def write_atomic(folder: Path, prefix: str, suffix: str, write: Callable[[Path], object]) -> Path:
    """Write a run's file whole, under the next free number.

    Args:
        folder: `output` or `temp`.
        prefix: The beginning of the name, which may lie in folders: `portraits/ann` makes
            `portraits/ann_00001_.png`.
        suffix: The name's end, such as `.png`.
        write: Writes the content to the path that it is given.

    Raises:
        FileProblem: when the prefix leads out of the folder or cannot be a name.
        OSError: when it cannot be written; nothing is left behind then.
    """
    if reason := prefix_refusal(prefix):
        raise FileProblem(
            f"Files cannot be saved under the name {shown(prefix)}: {reason}.",
            hint="Change the prefix of the node.",
            code="file.name",
        )
    into = contained(folder, prefix, folders=True).parent
    return write_numbered(into, prefix.rpartition("/")[2], suffix, write)


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_SHORT = 2**16
"""Bytes of a text that is read in less time than a thread takes to begin."""


class Artifacts:
    """The index of the files that runs made, over the store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Make the tables if need be; blocks, to be called before serving."""
        self._store = store
        self._folders = {name: settings.data_dir / name for name in FOLDERS}
        store.migrate("artifacts", MIGRATIONS)

    def sweep(self, before: float) -> int:
        """Remove what a killed worker left half written before a time. Blocks."""
        return sum(sweep_parts(folder, before) for folder in self._folders.values())

    async def purge(self, before: float) -> int:
        """Remove temporary files from before a time, and what is kept of them.

        Args:
            before: Unix seconds.

        Returns:
            How many files went.
        """

        def work(connection: sqlite3.Connection) -> set[str]:
            old = ("temp", before)
            connection.execute("DELETE FROM artifacts WHERE folder = ? AND created < ?", old)
            connection.execute(
                "DELETE FROM recipes WHERE hash NOT IN (SELECT recipe FROM artifacts)"
            )
            query = "SELECT subfolder, name FROM artifacts WHERE folder = 'temp'"
            return {f"{row[0]}/{row[1]}".lstrip("/") for row in connection.execute(query)}

        kept = await self._store.write(work)
        return await asyncio.to_thread(_remove_old, self._folders["temp"], before, kept)

    def path(self, artifact: Artifact) -> Path:
        """Return where an artifact's file lies.

        Raises:
            FileProblem: when the row names what no run could have written.
        """
        folder = self._folders.get(artifact.folder)
        if folder is None:
            raise _missing(artifact.id)
        name = f"{artifact.subfolder}/{artifact.name}" if artifact.subfolder else artifact.name
        return contained(folder, name, folders=True)

    def text(self, artifact: Artifact) -> str | None:
        """Return what stands in a file of text; None where it is long or gone, or no text."""
        if artifact.kind != "text" or artifact.bytes > _SHORT:
            return None
        try:
            return self.path(artifact).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    async def record(self, artifact: Artifact, workflow: str) -> Artifact:
        """Index a file that a run made; the same place of the same run is indexed once.

        Where a run was repeated after a crash, the file of the attempt before is removed.

        Args:
            artifact: The file; it is whole already.
            workflow: The canonical JSON of the workflow that made it, with its seeds.

        Returns:
            What is kept: with the id that this place of the run had from the first.

        Raises:
            FileProblem: when its name leads out of its folder.
        """
        kept, replaced = await self._store.write(
            lambda connection: self.index(connection, artifact, workflow)
        )
        if replaced is not None:
            await asyncio.to_thread(self.remove_file, replaced)
        return kept

    def index(
        self, connection: sqlite3.Connection, artifact: Artifact, workflow: str
    ) -> tuple[Artifact, Artifact | None]:
        """Do what `record` does as a part of another write.

        Returns:
            What is kept, and what it took the place of where no row tells of that file any more:
            for `remove_file`, once the write is on the disk.

        Raises:
            FileProblem: when its name leads out of its folder.
        """
        self.path(artifact)
        recipe = hashlib.blake2b(workflow.encode(), digest_size=16).hexdigest()
        connection.execute("INSERT OR IGNORE INTO recipes VALUES (?, ?)", (recipe, workflow))
        place = (artifact.job, artifact.node, artifact.index)
        old = first(connection, "job = ? AND node = ? AND place = ?", place)
        if old is not None:
            connection.execute("DELETE FROM artifacts WHERE id = ?", (old.id,))
        kept = artifact if old is None else replace(artifact, id=old.id)
        insert(connection, kept, recipe)
        return kept, old if old is not None and not is_shared(connection, old) else None

    def remove_file(self, artifact: Artifact) -> None:
        """Remove the file of an artifact that has no row any more. Blocks."""
        path = self.path(artifact)
        once_let_go(partial(path.unlink, missing_ok=True))

    async def get(self, artifact_id: str) -> Artifact:
        """Return an artifact by its id.

        Raises:
            FileProblem: when there is none.
        """
        found = await self._store.read(
            lambda connection: first(connection, "id = ?", (artifact_id,))
        )
        if found is None:
            raise _missing(artifact_id)
        return found

    async def of_jobs(self, jobs: Sequence[str]) -> dict[str, list[Artifact]]:
        """Return the artifacts of each of some jobs, in the order they were saved."""

        def work(connection: sqlite3.Connection) -> dict[str, list[Artifact]]:
            found: dict[str, list[Artifact]] = {job: [] for job in jobs}
            marks = ", ".join("?" * len(found))
            query = f"SELECT * FROM artifacts WHERE job IN ({marks}) ORDER BY number"
            for row in connection.execute(query, tuple(found)):
                found[row["job"]].append(artifact_of(row))
            return found

        return await self._store.read(work)

    async def page(
        self,
        *,
        limit: int = 50,
        before: str | None = None,
        search: str = "",
        job: str | None = None,
        folder: str | None = "output",
    ) -> ArtifactPage:
        """Return a page of artifacts, the newest first.

        Args:
            limit: How many at most.
            before: The `next` of the page before this one.
            search: Words that title, file name or node have to hold, each.
            job: Only those of one run.
            folder: Only those of `output` or of `temp`.

        Raises:
            NodeError: `query.before` when that is no such text.
        """
        wanted = conditions(before, search, job, folder)

        def work(connection: sqlite3.Connection) -> ArtifactPage:
            return page_of(connection, wanted, limit)

        return await self._store.read(work)

    async def workflow(self, artifact_id: str) -> str:
        """Return the canonical JSON of the workflow that made an artifact.

        Raises:
            FileProblem: when there is no such artifact.
        """

        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute(
                "SELECT workflow FROM artifacts JOIN recipes ON recipe = hash WHERE id = ?",
                (artifact_id,),
            ).fetchone()
            return None if row is None else str(row["workflow"])

        found = await self._store.read(work)
        if found is None:
            raise _missing(artifact_id)
        return found

    async def delete(self, artifact_id: str) -> Artifact | None:
        """Remove an artifact, and its file when no other run's artifact is the same file.

        Returns:
            What was removed, or nothing when it was not there.
        """

        def work(connection: sqlite3.Connection) -> tuple[Artifact | None, bool]:
            old = first(connection, "id = ?", (artifact_id,))
            if old is None:
                return None, False
            (recipe,) = connection.execute(
                "DELETE FROM artifacts WHERE id = ? RETURNING recipe", (artifact_id,)
            ).fetchone()
            connection.execute(
                "DELETE FROM recipes WHERE hash = ? "
                "AND NOT EXISTS (SELECT 1 FROM artifacts WHERE recipe = hash)",
                (recipe,),
            )
            return old, not is_shared(connection, old)

        removed, alone = await self._store.write(work)
        if removed is not None and alone:
            await asyncio.to_thread(self.remove_file, removed)
        return removed


def _remove_old(folder: Path, before: float, kept: Collection[str]) -> int:
    """Remove files from before a time, but for some; return how many went."""
    removed = 0
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.stat().st_mtime >= before:
            continue
        if path.relative_to(folder).as_posix() not in kept:
            once_let_go(partial(path.unlink, missing_ok=True))
            removed += 1
    return removed


def _missing(artifact_id: str) -> FileProblem:
    return FileProblem(
        f"There is no artifact {shown(artifact_id)}.",
        hint="It may have been deleted; look at the list.",
        code="file.missing",
    )
