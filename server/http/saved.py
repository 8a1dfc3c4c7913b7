"""Saved workflows and templates over HTTP."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated

from aiohttp import hdrs, web

from nodes.api import JSON
from server.engine.canonical import canonical_dumps
from server.engine.graph import Graph
from server.http.content import REVALIDATE, file_answer
from server.http.keys import TEMPLATES
from server.http.pictures import artifact_thumbnail
from server.http.refusals import Refused
from server.http.table import Call, Tagged
from server.library import Library
from server.library_entries import Entry, Version
from server.paths import shown
from server.typed_json import Bounds

COVER_SIZE = 256
"""The side of the square that the picture of a workflow fills, in pixels."""

_VERSION = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class SearchQuery:
    """What to look for.

    Attributes:
        q: Words that all have to occur.
    """

    q: Annotated[str, Bounds(0, 200)] = ""


@dataclass(frozen=True)
class Entries:
    """Workflows by name.

    Attributes:
        items: Without their content.
    """

    items: tuple[Entry, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"items": [item.to_json() for item in self.items]}


@dataclass(frozen=True)
class Versions:
    """The contents that a workflow had.

    Attributes:
        items: The newest first.
    """

    items: tuple[Version, ...]

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"items": [item.to_json() for item in self.items]}


@dataclass(frozen=True)
class Saved:
    """What a save made.

    Attributes:
        name: The workflow's name.
        version: Its version now, which is its ETag too.
    """

    name: str
    version: str

    def to_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {"name": self.name, "version": self.version}


@dataclass(frozen=True)
class RenameBody:
    """The new name of a workflow.

    Attributes:
        to: With `/` between folders, without `.json`.
    """

    to: Annotated[str, Bounds(1, 1000)]


@dataclass(frozen=True)
class CoverBody:
    """The picture that is to stand for a workflow.

    Attributes:
        artifact: The id of a picture that a run made.
    """

    artifact: Annotated[str, Bounds(1, 64)]


async def list_workflows(call: Call, query: SearchQuery) -> Entries:
    """List the saved workflows."""
    return Entries(tuple(await asyncio.to_thread(call.services.library.entries, query.q)))


async def get_workflow(call: Call, name: str) -> Tagged[JSON]:
    """Open a saved workflow; its ETag is its version."""
    return await _opened(call.services.library, name)


async def put_workflow(call: Call, name: str, body: JSON) -> Tagged[Saved]:
    """Save a workflow, over the version that If-Match names, or as new with If-None-Match: *."""
    if_match, new = _expectation(call.request)
    library = call.services.library
    if if_match == "*":
        if_match = (await asyncio.to_thread(library.get, name))[1]
    call.services.disk.require()
    text = await asyncio.to_thread(_canonical, body)
    version, _ = await asyncio.to_thread(
        lambda: library.put(name, text.encode(), if_match=if_match, new=new)
    )
    return Tagged(Saved(name, version), version)


async def delete_workflow(call: Call, name: str) -> None:
    """Delete a saved workflow; its versions stay."""
    if_match, _ = _expectation(call.request)
    wanted = None if if_match == "*" else if_match
    await asyncio.to_thread(lambda: call.services.library.delete(name, if_match=wanted))


async def rename_workflow(call: Call, name: str, body: RenameBody) -> Tagged[Saved]:
    """Give a saved workflow another name, with its versions."""
    version = await asyncio.to_thread(call.services.library.rename, name, body.to)
    return Tagged(Saved(body.to, version), version)


async def get_cover(call: Call, name: str) -> web.FileResponse:
    """Return the picture that stands for a saved workflow, as WebP."""
    return await _covered(call.services.library, name)


async def put_cover(call: Call, name: str, body: CoverBody) -> None:
    """Let a picture that a run made stand for a saved workflow."""
    small = await artifact_thumbnail(call, body.artifact, COVER_SIZE)
    await asyncio.to_thread(call.services.library.set_cover, name, small)


async def list_versions(call: Call, name: str) -> Versions:
    """List the contents that a saved workflow had, the newest first."""
    return Versions(tuple(await asyncio.to_thread(call.services.library.versions, name)))


async def get_version(call: Call, name: str, version: str) -> Tagged[JSON]:
    """Open a content that a saved workflow had."""
    if not (version.isascii() and version.isdecimal() and len(version) <= 9):
        raise Refused(
            f"{shown(version)} is no version's number.",
            hint="The versions are listed under the workflow.",
            code="file.missing",
        )
    document, tag = await asyncio.to_thread(call.services.library.get_version, name, int(version))
    return Tagged(document, tag)


async def list_templates(call: Call, query: SearchQuery) -> Entries:
    """List the workflows that come with the program."""
    return Entries(tuple(await asyncio.to_thread(call.request.app[TEMPLATES].entries, query.q)))


async def get_template(call: Call, name: str) -> Tagged[JSON]:
    """Open a workflow that comes with the program."""
    return await _opened(call.request.app[TEMPLATES], name)


async def get_template_cover(call: Call, name: str) -> web.FileResponse:
    """Return the picture that stands for a workflow that comes with the program, as WebP."""
    return await _covered(call.request.app[TEMPLATES], name)


async def _covered(library: Library, name: str) -> web.FileResponse:
    path = await asyncio.to_thread(library.cover, name)
    return await asyncio.to_thread(lambda: file_answer(path, cache=REVALIDATE))


async def _opened(library: Library, name: str) -> Tagged[JSON]:
    document, version = await asyncio.to_thread(library.get, name)
    return Tagged(document, version)


def _canonical(document: JSON) -> str:
    """Write a workflow as its file has it; what is no workflow is refused with every problem."""
    return canonical_dumps(Graph.from_json(document).to_json())


def _expectation(request: web.Request) -> tuple[str | None, bool]:
    """Return the version that If-Match names, `*` for any, and whether nothing may be there."""
    none_match = request.headers.get(hdrs.IF_NONE_MATCH)
    if none_match not in (None, "*"):
        raise _wrong_condition(hdrs.IF_NONE_MATCH, "*")
    match = request.headers.get(hdrs.IF_MATCH)
    if match is None or match == "*":
        return match, none_match is not None
    version = match.removeprefix("W/").strip('"')
    if not _VERSION.fullmatch(version):
        raise _wrong_condition(hdrs.IF_MATCH, "one version, as the ETag of the workflow gives it")
    return version, none_match is not None


def _wrong_condition(header: str, expected: str) -> Refused:
    return Refused(
        f"The header {header} has to be {expected}.",
        hint="Leave it out to save over whatever is there.",
        code="query.condition",
    )
