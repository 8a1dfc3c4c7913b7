"""Artifacts, uploads and the files of models and inputs over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from aiohttp import hdrs, web

from nodes.api import JSON
from nodes.errors import FileProblem
from server.artifacts import Artifact, ArtifactPage
from server.feed import FeedEvent
from server.files import FileInfo
from server.http.bodies import read_form
from server.http.content import FOREVER, REVALIDATE, file_answer
from server.http.keys import THUMBNAILS, TILES
from server.http.table import Call, Tagged
from server.model_family import family_of
from server.strict_json import loads
from server.typed_json import Bounds
from server.uploads import Upload, part_for, store_masked, store_picture
from server.weights import metadata


@dataclass(frozen=True)
class ArtifactQuery:
    """Which artifacts to list.

    Attributes:
        limit: How many at most.
        before: The `next` of the page before.
        q: Words that title, file name or node have to hold.
        job: Only those of one job.
        folder: Only what was saved, or only what is temporary; both where a job is named.
    """

    limit: Annotated[int, Bounds(1, 200)] = 50
    before: Annotated[str, Bounds(1, 18)] | None = None
    q: Annotated[str, Bounds(0, 200)] = ""
    job: Annotated[str, Bounds(1, 200)] | None = None
    folder: Literal["output", "temp"] | None = None


@dataclass(frozen=True)
class SizeQuery:
    """How large a thumbnail is wanted.

    Attributes:
        size: The side of the square that it is to fill, in pixels; rounded up to 64 and its
            doubles, up to 512.
    """

    size: Annotated[int, Bounds(1, 4096)] = 256


@dataclass(frozen=True)
class TileQuery:
    """Which tile of a picture is wanted; tiles have 512 pixels a side.

    Attributes:
        level: How often the picture is halved; at the last level it is one tile.
        column: Of the tile, from the left.
        row: Of the tile, from the top.
    """

    level: Annotated[int, Bounds(0, 16)]
    column: Annotated[int, Bounds(0, 4096)]
    row: Annotated[int, Bounds(0, 4096)]


@dataclass(frozen=True)
class FileList:
    """The files of a kind.

    Attributes:
        items: Sorted by name.
    """

    items: tuple[FileInfo, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"items": [{**item.to_json()} for item in self.items]}


@dataclass(frozen=True)
class FileMetadata:
    """What a file of weights says of itself.

    Attributes:
        name: Of the file.
        metadata: As its header has it; empty where it says nothing.
    """

    name: str
    metadata: Mapping[str, JSON]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"name": self.name, "metadata": dict(self.metadata)}


@dataclass(frozen=True)
class FileFamily:
    """Which models a file is for.

    Attributes:
        name: Of the file.
        family: A short word, such as "SDXL".
    """

    name: str
    family: str


@dataclass(frozen=True)
class FamilyList:
    """What the files of a kind are for.

    Attributes:
        items: Sorted by name; files that are not recognised are not among them.
    """

    items: tuple[FileFamily, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"items": [{"name": item.name, "family": item.family} for item in self.items]}


async def list_artifacts(call: Call, query: ArtifactQuery) -> ArtifactPage:
    """List the files that runs made, the newest first."""
    folder = query.folder or (None if query.job else "output")
    return await call.services.artifacts.page(
        limit=query.limit, before=query.before, search=query.q, job=query.job, folder=folder
    )


async def get_artifact(call: Call, id: str) -> Artifact:  # noqa: A002
    """Describe a file that a run made."""
    return await call.services.artifacts.get(id)


async def get_content(call: Call, id: str) -> web.FileResponse:  # noqa: A002
    """Return the file itself; ranges are served."""
    path = await _path(call, id)
    return await asyncio.to_thread(lambda: file_answer(path, cache=FOREVER))


async def get_thumbnail(call: Call, id: str, query: SizeQuery) -> web.FileResponse:  # noqa: A002
    """Return a small version of a picture, as WebP."""
    return await _thumbnail(call, await _path(call, id), query.size, FOREVER)


async def get_tile(call: Call, id: str, query: TileQuery) -> web.FileResponse:  # noqa: A002
    """Return a tile of a picture, for who shows a part of a large one."""
    path, tiles = await _path(call, id), call.request.app[TILES]
    return _unnamed(await _made(tiles.of(path, query.level, query.column, query.row)), FOREVER)


async def get_recipe(call: Call, id: str) -> Tagged[JSON]:  # noqa: A002
    """Return the workflow that made the file, as it ran, with its seeds."""
    text = await call.services.artifacts.workflow(id)
    return Tagged(await asyncio.to_thread(loads, text.encode()), id)


async def delete_artifact(call: Call, id: str) -> None:  # noqa: A002
    """Delete a file that a run made."""
    removed = await call.services.artifacts.delete(id)
    if removed is not None:
        data = {"id": removed.id, "job": removed.job}
        await call.services.feed.publish(FeedEvent("artifact.removed", data, job=removed.job))


async def list_files(call: Call, kind: str) -> FileList:
    """List the files of a kind: `input`, or a kind of models."""
    return FileList(tuple(await asyncio.to_thread(call.services.files.info, kind)))


async def list_families(call: Call, kind: str) -> FamilyList:
    """Tell which models the files of a kind are for, by their headers."""
    listing = await asyncio.to_thread(call.services.files.listing, kind)
    return FamilyList(await asyncio.to_thread(_families, listing))


def _families(paths: Mapping[str, Path]) -> tuple[FileFamily, ...]:
    found = ((name, family_of(path)) for name, path in paths.items())
    return tuple(FileFamily(name, family) for name, family in found if family is not None)


async def get_metadata(call: Call, kind: str, name: str) -> FileMetadata:
    """Return what a file of weights says of itself, read from its header."""
    path = await asyncio.to_thread(call.services.files.path, kind, name)
    return FileMetadata(name, await asyncio.to_thread(metadata, path))


async def get_input(call: Call, name: str) -> web.FileResponse:
    """Return an input file; ranges are served."""
    path = await asyncio.to_thread(call.services.files.path, "input", name)
    return await asyncio.to_thread(file_answer, path)


async def get_input_thumbnail(call: Call, name: str, query: SizeQuery) -> web.FileResponse:
    """Return a small version of an input picture, as WebP."""
    path = await asyncio.to_thread(call.services.files.path, "input", name)
    return await _thumbnail(call, path, query.size, REVALIDATE)


async def upload(call: Call) -> Upload:
    """Store a picture among the inputs; the same content under the same name is kept once."""

    def store(part: Path, form: dict[str, str]) -> Upload:
        return store_picture(
            call.services.files,
            part,
            form["file"],
            overwrite=form.get("overwrite", "").lower() in ("1", "true"),
            most_pixels=_most_pixels(call),
        )

    return await _received(call, store)


async def upload_mask(call: Call) -> Upload:
    """Put the alpha of a mask on an input picture, and store that as a new input."""

    def store(part: Path, form: dict[str, str]) -> Upload:
        original = form.get("original", "")
        stem = original.rpartition("/")[2].rpartition(".")[0]
        return store_masked(
            call.services.files,
            part,
            original,
            f"{stem or 'picture'} mask.png",
            most_pixels=_most_pixels(call),
        )

    return await _received(call, store)


async def _received(call: Call, store: Callable[[Path, dict[str, str]], Upload]) -> Upload:
    part = await asyncio.to_thread(part_for, call.services.files)
    most = call.services.settings.upload_limit * 2**20
    try:
        form = await read_form(call.request, call.services.disk, part, most)
        return await asyncio.to_thread(store, part, form)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


async def _path(call: Call, artifact_id: str) -> Path:
    artifact = await call.services.artifacts.get(artifact_id)
    return await asyncio.to_thread(call.services.artifacts.path, artifact)


async def artifact_thumbnail(call: Call, artifact: str, size: int) -> Path:
    """Return the file of a small version of what a run made, a WebP."""
    return await _small(call, await _path(call, artifact), size)


async def _small(call: Call, path: Path, size: int) -> Path:
    return await _made(call.request.app[THUMBNAILS].of(path, size))


async def _made(making: Awaitable[Path]) -> Path:
    try:
        return await making
    except FileNotFoundError as problem:
        raise FileProblem(
            "The file is no longer there.",
            hint="It was deleted or moved outside of this program.",
            code="file.missing",
        ) from problem


async def _thumbnail(call: Call, path: Path, size: int, cache: str) -> web.FileResponse:
    return _unnamed(await _small(call, path, size), cache)


def _unnamed(path: Path, cache: str) -> web.FileResponse:
    answer = file_answer(path, cache=cache)
    # A download of it would otherwise be called after the cache's key.
    answer.headers.pop(hdrs.CONTENT_DISPOSITION)
    return answer


def _most_pixels(call: Call) -> int:
    return call.services.settings.pixel_limit * 1_000_000
