"""The values that a caller sends for a workflow's form: as JSON, or as a form with pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from nodes.api import JSON
from server.engine.form import Field, read_text
from server.http.bodies import read_json, read_parts
from server.http.refusals import Refused
from server.http.table import FORM_MEDIA, Call
from server.paths import shown
from server.uploads import part_for, store_picture

_MOST_TEXT = 64 * 2**10
"""Bytes of a text that comes in a form; a prompt has some hundred."""
_MOST_FIELDS = 64


async def read_values(call: Call, fields: tuple[Field, ...]) -> Mapping[str, JSON]:
    """Read the body of a run: a JSON object of values by the fields' names, a form, or nothing.

    In a form, a file stands for the picture of a field that takes one: it is stored among the
    inputs first.

    Raises:
        Refused: when the body is neither, is too large, or has a file where no picture goes.
        FileProblem: when a file is no picture within the limits.
        JSONProblem: when it is not JSON.
    """
    if not call.request.can_read_body:
        return {}
    if call.request.content_type == FORM_MEDIA:
        return await _from_form(call, {field.name: field for field in fields})
    body = await read_json(call.request)
    if isinstance(body, dict):
        return body
    raise Refused(
        "The body has to be an object of values by the names of the form's fields.",
        hint='Such as {"prompt": "a red star"}; {} runs the workflow as it is saved.',
        code="body.object",
    )


async def _from_form(call: Call, fields: Mapping[str, Field]) -> Mapping[str, JSON]:
    parts: dict[str, Path] = {}

    def part_of(name: str, is_file: bool) -> Path | None:
        if not is_file:
            return None
        if name not in fields or not fields[name].takes_picture:
            raise Refused(
                f"The form takes no picture as {shown(name)}.",
                hint="Send a file only for a field that takes a picture.",
                code="body.file",
            )
        return parts.setdefault(name, part_for(call.services.files))

    settings = call.services.settings
    try:
        texts = await read_parts(
            call.request,
            call.services.disk,
            part_of,
            settings.upload_limit * 2**20,
            most_text=_MOST_TEXT,
            most_fields=_MOST_FIELDS,
        )
        values: dict[str, JSON] = {
            name: read_text(fields[name], text) if name in fields else text
            for name, text in texts.items()
            if name not in parts
        }
        for name, part in parts.items():
            values[name] = await asyncio.to_thread(_stored, call, part, texts[name])
        return values
    finally:
        for part in parts.values():
            await asyncio.to_thread(part.unlink, missing_ok=True)


def _stored(call: Call, part: Path, name: str) -> str:
    most = call.services.settings.pixel_limit * 1_000_000
    return store_picture(call.services.files, part, name, most_pixels=most).name
