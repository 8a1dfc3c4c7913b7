"""Pictures under ComfyUI's routes: `/view`, `/upload/image` and `/upload/mask`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from PIL import Image

from nodes.errors import FileProblem, NodeError
from server.files import PLACES, Files
from server.http.bodies import read_form
from server.http.content import REVALIDATE, file_answer
from server.http.guard import CONTENT_POLICY
from server.http.keys import SERVICES
from server.http.refusals import json_answer
from server.paths import contained
from server.pictures import check, opened, with_mask
from server.strict_json import loads
from server.uploads import Upload, part_for, store_picture

_FORMATS = {"webp": "WEBP", "jpeg": "JPEG"}
_CHANNELS = ("rgba", "rgb", "a")
_QUALITY = 90

Store = Callable[[Path, dict[str, str]], Upload]


async def view(request: web.Request) -> web.StreamResponse:
    """Return a file that was uploaded or made, or a picture of it in another form."""
    query = request.query
    path = await asyncio.to_thread(_path, request, query.get("filename", ""))
    preview, channel = query.get("preview"), query.get("channel", "rgba")
    if channel not in _CHANNELS:
        raise FileProblem("There is no such channel.", hint="rgba, rgb or a.", code="file.channel")
    most = request.app[SERVICES].settings.pixel_limit * 1_000_000
    if preview is not None:
        kind, _, quality = preview.partition(";")
        wanted = int(quality) if quality.isascii() and quality.isdecimal() else _QUALITY
        form = _FORMATS.get(kind, "WEBP")
        data = await asyncio.to_thread(_preview, path, form, max(1, min(wanted, 100)), most)
        return _shown(data, f"image/{form.lower()}")
    if channel != "rgba":
        return _shown(await asyncio.to_thread(_channel, path, channel, most), "image/png")
    return await asyncio.to_thread(file_answer, path)


async def upload_image(request: web.Request) -> web.Response:
    """Store a picture; the same content under the same name is kept once."""
    files, most = request.app[SERVICES].files, _most_pixels(request)

    def store(part: Path, form: dict[str, str]) -> Upload:
        return _stored(files, part, form, most)

    return await _received(request, store)


async def upload_mask(request: web.Request) -> web.Response:
    """Put the alpha of a mask on a picture, and store that."""
    files, most = request.app[SERVICES].files, _most_pixels(request)

    def store(part: Path, form: dict[str, str]) -> Upload:
        original = _original(form.get("original_ref", ""))
        check(part, most)
        made = part_for(files)
        try:
            with_mask(files.path("input", original), part, made, most)
            return _stored(files, made, form, most)
        finally:
            made.unlink(missing_ok=True)

    return await _received(request, store)


async def _received(request: web.Request, store: Store) -> web.Response:
    services = request.app[SERVICES]
    part = await asyncio.to_thread(part_for, services.files)
    most = services.settings.upload_limit * 2**20
    try:
        form = await read_form(request, services.disk, part, most, "image")
        made = await asyncio.to_thread(store, part, form)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    subfolder, _, name = made.name.rpartition("/")
    return json_answer({"name": name, "subfolder": subfolder, "type": made.kind})


def _stored(files: Files, part: Path, form: dict[str, str], most_pixels: int) -> Upload:
    place = _place(form.get("type") or "input")
    # What runs made is indexed by its content, so nothing takes its place.
    overwrite = place == "input" and form.get("overwrite", "").lower() in ("1", "true")
    return store_picture(
        files,
        part,
        form["image"],
        overwrite=overwrite,
        place=place,
        subfolder=form.get("subfolder", "").replace("\\", "/").strip("/"),
        most_pixels=most_pixels,
    )


def _original(text: str) -> str:
    """Return the picture that a mask belongs to, as nodes name their inputs."""
    told = loads(text.encode())
    name = told.get("filename") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(name, str):
        raise FileProblem(
            "The form does not say which picture the mask belongs to.",
            hint='Send `original_ref` as {"filename", "subfolder", "type"}.',
            code="file.original",
        )
    subfolder = str(told.get("subfolder") or "").strip("/")
    whole = f"{subfolder}/{name}" if subfolder else name
    return f"{whole} [{_place(str(told.get('type') or 'output'))}]"


def _path(request: web.Request, filename: str) -> Path:
    files = request.app[SERVICES].files
    place = request.query.get("type") or "output"
    for known in PLACES:
        if filename.endswith(f" [{known}]"):
            filename, place = filename.removesuffix(f" [{known}]"), known
    if not filename:
        raise FileProblem("No file is named.", hint="Give its `filename`.", code="file.missing")
    place = _place(place)
    subfolder = request.query.get("subfolder", "").replace("\\", "/").strip("/")
    try:
        root = files.place(place)
        folder = contained(root, subfolder, folders=True) if subfolder else root
    except FileProblem as problem:
        raise NodeError(problem.message, problem.hint, code="guard.folder") from problem
    path = contained(folder, filename, folders=True, also=(root,))
    if place == "input" and not path.is_file():
        # Pictures that come with the program can be named like uploaded ones.
        whole = f"{subfolder}/{filename}" if subfolder else filename
        return files.path("input", whole)
    return path


def _place(name: str) -> str:
    if name not in PLACES:
        raise FileProblem(
            "There is no such folder.", hint="It is input, output or temp.", code="file.place"
        )
    return name


def _preview(path: Path, form: str, quality: int, most_pixels: int) -> bytes:
    _require(path)
    with opened(path, most_pixels) as image:
        mode = "RGB" if form == "JPEG" or not image.has_transparency_data else "RGBA"
        return _encoded(image.convert(mode), form, quality=quality)


def _channel(path: Path, channel: str, most_pixels: int) -> bytes:
    _require(path)
    with opened(path, most_pixels) as image:
        if channel == "rgb":
            return _encoded(image.convert("RGB"), "PNG")
        alpha = image.convert("RGBA").getchannel("A")
        only = Image.new("RGBA", image.size)
        only.putalpha(alpha)
        return _encoded(only, "PNG")


def _encoded(image: Image.Image, form: str, **options: int) -> bytes:
    made = io.BytesIO()
    image.save(made, form, **options)
    return made.getvalue()


def _require(path: Path) -> None:
    if not path.is_file():
        raise FileProblem("There is no such file.", hint="Look at its name.", code="file.missing")


def _shown(data: bytes, mime: str) -> web.Response:
    headers = {"Content-Security-Policy": CONTENT_POLICY, "Cache-Control": REVALIDATE}
    return web.Response(body=data, content_type=mime, headers=headers)


def _most_pixels(request: web.Request) -> int:
    return request.app[SERVICES].settings.pixel_limit * 1_000_000
