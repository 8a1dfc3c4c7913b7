"""Files as answers: what a browser gets is a type that cannot run script, or a download."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from aiohttp import hdrs, web

from nodes.errors import FileProblem
from server.http.guard import CONTENT_POLICY, PAGE_POLICY
from server.paths import contained

SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".avif": "image/avif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
"""What a browser may show, by ending: types in which nothing can run. All else is a download."""

_PAGE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".ico": "image/x-icon",
    **SHOWN,
}

_PLAIN_NAME = re.compile(r"[\w .()+,@!#$&^~{}\[\]-]+", re.ASCII)
"""Read alike by every client, however it reads quotes and percent signs."""

FOREVER = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"


def file_answer(path: Path, *, cache: str = REVALIDATE) -> web.FileResponse:
    """Return a file's content, with ranges, and 304 for who has it.

    Args:
        path: A path that came through the contained-path primitive.
        cache: How long it may be kept without asking.

    Raises:
        FileProblem: when it is gone.
    """
    if not path.is_file():
        raise FileProblem(
            "The file is no longer there.",
            hint="It was deleted or moved outside of this program.",
            code="file.missing",
        )
    kind = SHOWN.get(path.suffix.lower())
    disposition = "inline" if kind else "attachment"
    return web.FileResponse(
        path,
        headers={
            hdrs.CONTENT_TYPE: kind or "application/octet-stream",
            hdrs.CONTENT_DISPOSITION: f"{disposition}; {_named(path.name)}",
            hdrs.CACHE_CONTROL: cache,
            "Content-Security-Policy": CONTENT_POLICY,
        },
    )


def _named(name: str) -> str:
    """Return a file's name as a parameter of a header: plainly where it can be (RFC 6266)."""
    if _PLAIN_NAME.fullmatch(name):
        return f'filename="{name}"'
    return f"filename*=UTF-8''{quote(name, safe='')}"


def page_answer(root: Path, name: str) -> web.FileResponse:
    """Return a file of the built editor.

    Args:
        root: The folder of the build.
        name: The file's name in it, with `/` between the parts.

    Raises:
        FileProblem: when there is no such file.
    """
    path = contained(root, name, folders=True)
    kind = _PAGE_TYPES.get(path.suffix.lower())
    if kind is None or not path.is_file():
        raise FileProblem(
            "There is no such part of the editor.",
            hint="Reload the page; if that does not help, build the editor again.",
            code="file.missing",
        )
    return web.FileResponse(
        path,
        headers={
            hdrs.CONTENT_TYPE: kind,
            # The build's names are stable, so a browser asks whether its copy is the newest.
            hdrs.CACHE_CONTROL: REVALIDATE,
            "Content-Security-Policy": PAGE_POLICY,
        },
    )
