"""What comes with a request, read within limits and off the event loop where it is large."""

from __future__ import annotations

import asyncio
import types
import typing
import zlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import BadContentDispositionHeader, BadContentDispositionParam

from nodes.api import JSON
from server.disk import Disk
from server.http.refusals import Refused
from server.paths import shown
from server.strict_json import loads
from server.typed_json import hints, read

T = TypeVar("T")
PartOf: TypeAlias = Callable[[str, bool], Path | None]

MOST_JSON_BYTES = 16 * 2**20
"""A workflow of 20,000 nodes takes about 5 MB."""
MOST_FIELD_BYTES = 4096
"""A field of a form that is no file."""

_LARGE = 64 * 2**10
"""From here on parsing takes a millisecond or more, and goes to a thread."""
_BLOCK = 2**20
_MOST_FIELDS = 16
_FORM_OVERHEAD = 64 * 2**10
"""What a form's own lines add to its content."""
_FORM_FAULTS = (
    ValueError,
    AssertionError,
    LookupError,
    RuntimeError,
    TypeError,
    zlib.error,
    HttpProcessingError,
    # Warnings, which are raised where warnings are errors.
    BadContentDispositionHeader,
    BadContentDispositionParam,
)
"""What the form's parser raises when the text is no form."""


async def read_json(request: web.Request, most: int = MOST_JSON_BYTES) -> JSON:
    """Read a JSON body.

    Raises:
        Refused: when it is declared as something else, or is too large.
        JSONProblem: when it is not JSON.
    """
    _check_type(request, "application/json")
    data = await read_bytes(request, most)
    return loads(data) if len(data) < _LARGE else await asyncio.to_thread(loads, data)


async def read_body(request: web.Request, kind: type[T], most: int = MOST_JSON_BYTES) -> T:
    """Read a JSON body as a type.

    Raises:
        Refused: when it is declared as something else, or is too large.
        JSONProblem: when it is not JSON.
        WrongJSON: when it is not of the type.
    """
    return read(kind, await read_json(request, most), "")


async def read_bytes(request: web.Request, most: int) -> bytes:
    """Read a body, however it is sent, up to a size.

    Raises:
        Refused: `body.size` or `body.encoding`.
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Refused(
            "Compressed bodies are not read.",
            hint="Send it without Content-Encoding.",
            code="body.encoding",
        )
    if (request.content_length or 0) > most:
        raise _too_large(most)
    data = bytearray()
    async for block in request.content.iter_chunked(_BLOCK):
        data += block
        if len(data) > most:
            raise _too_large(most)
    return bytes(data)


def read_query(request: web.Request, kind: type[T]) -> T:
    """Read the query as a type, whose fields are texts, whole numbers, or lists of texts.

    Raises:
        Refused: `query.unknown`, `query.twice` or `query.number`.
        WrongJSON: when a value is out of its bounds.
    """
    known = {field.name.rstrip("_"): field.name for field in fields(kind)}  # type: ignore[arg-type]
    described = hints(kind)
    values: dict[str, JSON] = {}
    for key, text in request.query.items():
        name = known.get(key)
        if name is None:
            raise Refused(
                f"{shown(key)} is not a part of this query.",
                hint="Its parts are " + (", ".join(known) or "none") + ".",
                code="query.unknown",
            )
        if name in values:
            raise Refused(
                f"`{key}` stands twice in the query.", hint="Keep one.", code="query.twice"
            )
        values[name] = _query_value(key, text, described[name])
    return read(kind, values, "")


async def read_form(
    request: web.Request, disk: Disk, part: Path, most: int, file_field: str = "file"
) -> dict[str, str]:
    """Receive a form with one file, which is written while it comes in.

    Args:
        request: A `multipart/form-data` request.
        disk: Asked whether there is room.
        part: Where the file goes; the caller removes it.
        most: Bytes that the file may have.
        file_field: What the form calls the file.

    Returns:
        The other fields; under `file_field`, what the sender calls the file.

    Raises:
        Refused: when the form is broken, too large, or has no file.
        DiskFull: when there is no room for it.
    """
    values = await read_parts(
        request, disk, lambda name, is_file: part if name == file_field else None, most
    )
    if file_field not in values:
        raise Refused(
            f"The form has no file called `{file_field}`.",
            hint=f"Send the picture as the field `{file_field}`.",
            code="body.missing",
        )
    return values


async def read_parts(
    request: web.Request,
    disk: Disk,
    part_of: PartOf,
    most: int,
    *,
    most_text: int = MOST_FIELD_BYTES,
    most_fields: int = _MOST_FIELDS,
) -> dict[str, str]:
    """Receive a form with any number of files, which are written while they come in.

    Args:
        request: A `multipart/form-data` request.
        disk: Asked whether there is room.
        part_of: Given a field's name and whether it comes as a file, says where its content goes;
            None for a field that is read as text.
        most: Bytes that one file may have.
        most_text: Bytes that another field may have.
        most_fields: How many fields there may be.

    Returns:
        The fields; for those that were written, what the sender calls the file.

    Raises:
        Refused: when the form is broken or too large, and what `part_of` raises.
        DiskFull: when there is no room for it.
    """
    _check_type(request, "multipart/form-data")
    if (request.content_length or 0) > most + most_text * most_fields + _FORM_OVERHEAD:
        raise _too_large(most)
    disk.require(min(request.content_length or 0, most))
    try:
        return await _receive_form(request, part_of, most, most_text, most_fields)
    except _FORM_FAULTS as problem:
        raise _broken_form() from problem


def check_no_body(request: web.Request) -> None:
    """Refuse a body where none is asked for, other than an empty JSON object.

    Raises:
        Refused: `body.size`.
    """
    if (request.content_length or 0) > 2:
        raise Refused("This route takes no body.", hint="Send none.", code="body.size")


def _check_type(request: web.Request, expected: str) -> None:
    if request.content_type != expected or (
        hdrs.CONTENT_TYPE not in request.headers and expected != ""
    ):
        raise Refused(
            f"The body has to be {expected}.",
            hint=f"Send the header Content-Type: {expected}.",
            code="body.media",
        )


def _query_value(key: str, text: str, kind: Any) -> JSON:
    alternatives = _alternatives(kind)
    if int in alternatives:
        if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 18):
            raise Refused(
                f"`{key}` has to be a whole number, not {shown(text)}.",
                hint="Write it with digits.",
                code="query.number",
            )
        return int(text)
    if any(typing.get_origin(alternative) is tuple for alternative in alternatives):
        return [part for part in text.split(",") if part]
    return text


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the types of `X | None` and of `Annotated[X, …]`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _alternatives(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(part for argument in arguments for part in _alternatives(argument))
    return (kind,)


async def _receive_form(
    request: web.Request, part_of: PartOf, most: int, most_text: int, most_fields: int
) -> dict[str, str]:
    values: dict[str, str] = {}
    reader = await request.multipart()
    while (field := await reader.next()) is not None:
        name = "" if isinstance(field, MultipartReader) else field.name or ""
        if isinstance(field, MultipartReader) or name in values or len(values) == most_fields:
            raise _broken_form()
        part = part_of(name, field.filename is not None)
        if part is not None:
            await _receive(field, part, most)
            values[name] = (field.filename or "")[:1000]
        else:
            values[name] = await _text(field, most_text)
    return values


async def _receive(field: BodyPartReader, part: Path, most: int) -> None:
    size = 0
    with await asyncio.to_thread(part.open, "wb") as file:
        while block := await field.read_chunk(_BLOCK):
            size += len(block)
            if size > most:
                raise _too_large(most)
            await asyncio.to_thread(file.write, block)


async def _text(field: BodyPartReader, most: int) -> str:
    data = bytearray()
    while block := await field.read_chunk():
        data += block
        if len(data) > most:
            raise _too_large(most)
    return data.decode("utf-8", "strict")


def _too_large(most: int) -> Refused:
    return Refused(
        f"The body is larger than {most:,} bytes.",
        hint="The limits are told at /api/v1/system.",
        code="body.size",
    )


def _broken_form() -> Refused:
    return Refused(
        "The form cannot be read.",
        hint="Send multipart/form-data with each field once, as browsers and curl -F do.",
        code="body.form",
    )
