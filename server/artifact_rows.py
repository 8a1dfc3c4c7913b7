"""What is kept of a file that a run made: its fields, its rows, and the tables that hold them."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import asdict, dataclass, fields

from nodes.api import JSON
from nodes.errors import NodeError
from server.paths import shown
from server.typed_json import read

_CURSOR_DIGITS = 18
"""SQLite's integers have 64 bits."""
_SEARCHED = "(title || ' ' || subfolder || '/' || name || ' ' || node) LIKE ? ESCAPE '\\'"

MIGRATIONS = (
    """
    CREATE TABLE artifacts (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        job TEXT NOT NULL,
        node TEXT NOT NULL,
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        folder TEXT NOT NULL,
        subfolder TEXT NOT NULL,
        mime TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        width INTEGER,
        height INTEGER,
        created REAL NOT NULL,
        title TEXT NOT NULL,
        recipe TEXT NOT NULL,
        UNIQUE (job, node, place)
    );
    CREATE INDEX artifacts_file ON artifacts (folder, subfolder, name);
    CREATE INDEX artifacts_recipe ON artifacts (recipe);
    CREATE TABLE recipes (
        hash TEXT PRIMARY KEY,
        workflow TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
)
"""The tables of `store.migrate("artifacts", …)`; a recipe is the workflow that made a file, kept
once for all the files that it made."""


@dataclass(frozen=True)
class Artifact:
    """One file that a run made.

    Attributes:
        id: Its name for clients.
        job: The run that it belongs to.
        node: The node that saved it, as the submitted workflow calls it.
        index: Its place among what that node saved in that run.
        kind: `image`, `animation` (a picture that moves), `text`, `video`, …
        name: The file's name.
        folder: `output` or `temp`.
        subfolder: Below the folder, with `/` between the parts, or empty.
        mime: Media type.
        bytes: Size of the file.
        sha256: Of its content, in hexadecimal.
        width: In pixels, where it has any.
        height: In pixels, where it has any.
        created: Unix seconds.
        title: Of the workflow.
    """

    id: str
    job: str
    node: str
    index: int
    kind: str
    name: str
    folder: str
    subfolder: str
    mime: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    created: float = 0.0
    title: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: JSON) -> Artifact:
        """Read what `to_json` wrote; a missing id is drawn.

        Raises:
            WrongJSON: when it is not an artifact.
        """
        if isinstance(data, dict):
            data = {"id": secrets.token_hex(8), **data}
        return read(cls, data, "artifact")


@dataclass(frozen=True)
class ArtifactPage:
    """A page of the gallery.

    Attributes:
        items: The newest first.
        next: What to give as `before` for the next page; nothing on the last.
    """

    items: tuple[Artifact, ...]
    next: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"items": [item.to_json() for item in self.items], "next": self.next}


def first(
    connection: sqlite3.Connection, condition: str, values: tuple[str | int, ...]
) -> Artifact | None:
    """Return the artifact that a condition names, if there is one."""
    row = connection.execute(f"SELECT * FROM artifacts WHERE {condition}", values).fetchone()
    return None if row is None else artifact_of(row)


def artifact_of(row: sqlite3.Row) -> Artifact:
    """Make an artifact of its row."""
    names = (field.name for field in fields(Artifact))
    return Artifact(**{name: row["place" if name == "index" else name] for name in names})


def insert(connection: sqlite3.Connection, artifact: Artifact, recipe: str) -> None:
    """Add an artifact, made by the workflow whose hash is given."""
    values = asdict(artifact)
    values["place"] = values.pop("index")
    values["recipe"] = recipe
    columns = ", ".join(values)
    marks = ", ".join("?" * len(values))
    connection.execute(
        f"INSERT INTO artifacts ({columns}) VALUES ({marks})", tuple(values.values())
    )


def is_shared(connection: sqlite3.Connection, artifact: Artifact) -> bool:
    """Tell whether a row still points to an artifact's file."""
    place = (artifact.folder, artifact.subfolder, artifact.name)
    condition = "folder = ? AND subfolder = ? AND name = ?"
    return first(connection, condition, place) is not None


def conditions(
    before: str | None, search: str, job: str | None, folder: str | None
) -> list[tuple[str, str | int]]:
    """Return what a page's rows have to fulfil, each with its value.

    Raises:
        NodeError: `query.before` when that is no `next` of a page.
    """
    wanted: list[tuple[str, str | int]] = []
    if before is not None:
        wanted.append(("number < ?", _cursor(before)))
    if job is not None:
        wanted.append(("job = ?", job))
    if folder is not None:
        wanted.append(("folder = ?", folder))
    wanted.extend((_SEARCHED, _like(word)) for word in search.split())
    return wanted


def page_of(
    connection: sqlite3.Connection, wanted: list[tuple[str, str | int]], limit: int
) -> ArtifactPage:
    """Read the newest artifacts that fulfil all conditions."""
    where = " AND ".join(condition for condition, _ in wanted) or "1"
    rows = connection.execute(
        f"SELECT * FROM artifacts WHERE {where} ORDER BY number DESC LIMIT ?",
        (*(value for _, value in wanted), limit + 1),
    ).fetchall()
    following = str(rows[limit - 1]["number"]) if len(rows) > limit else None
    return ArtifactPage(tuple(artifact_of(row) for row in rows[:limit]), following)


def _cursor(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _CURSOR_DIGITS):
        raise NodeError(
            f"{shown(text)} is no place in the list.",
            hint="Give the `next` of the page before as `before`.",
            code="query.before",
        )
    return int(text)


def _like(word: str) -> str:
    for character in ("\\", "%", "_"):
        word = word.replace(character, f"\\{character}")
    return f"%{word}%"
