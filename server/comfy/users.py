"""Settings and files that ComfyUI's page keeps for its user: there is one, with one folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from nodes.api import JSON
from nodes.errors import FileProblem, NodeError
from server.atomic import PART_PREFIX, once_let_go, replace_with
from server.comfy.requests import body_of, done, object_of, sent
from server.http.bodies import MOST_JSON_BYTES, read_bytes
from server.http.content import file_answer
from server.http.keys import SERVICES
from server.http.refusals import json_answer
from server.paths import contained
from server.strict_json import dumps, loads

if TYPE_CHECKING:
    from server.services import Services

_LOCK: web.AppKey[asyncio.Lock] = web.AppKey("comfy settings")
_MOST_SETTINGS_BYTES = 2**20
_MOST_FILES = 10_000
_YES = ("1", "true")


def install_users(app: web.Application) -> None:
    """Give an application what the settings need."""
    app[_LOCK] = asyncio.Lock()


async def get_users(request: web.Request) -> web.Response:
    """Tell that there is one user, whose files lie on the server."""
    return json_answer({"storage": "server", "migrated": True})


async def add_user(request: web.Request) -> web.Response:
    """Refuse another user."""
    return json_answer({"error": "There is one user here, and no others can be added."}, 400)


async def get_settings(request: web.Request) -> web.Response:
    """Return all settings."""
    return json_answer(await asyncio.to_thread(_settings, request.app[SERVICES]))


async def get_setting(request: web.Request) -> web.Response:
    """Return one setting; null where it is not set."""
    settings = await asyncio.to_thread(_settings, request.app[SERVICES])
    return json_answer(settings.get(request.match_info["id"]))


async def set_settings(request: web.Request) -> web.Response:
    """Set some settings."""
    await _change(request, await object_of(request))
    return done()


async def set_setting(request: web.Request) -> web.Response:
    """Set one setting."""
    await _change(request, {request.match_info["id"]: await body_of(request)})
    return done()


async def list_files(request: web.Request) -> web.Response:
    """List the files of a folder."""
    query = request.query
    name = query.get("dir", "")
    if not name:
        return web.Response(status=400, text="Directory not provided")
    flags = {key: query.get(key, "").lower() in _YES for key in ("recurse", "full_info", "split")}

    def told() -> list[JSON]:
        folder = _contained(request, name)
        if not folder.is_dir():
            raise FileProblem("There is no such folder.", code="file.missing")
        return [
            _listed(folder, path, flags["full_info"], flags["split"])
            for path in _files(folder, flags["recurse"])
        ]

    return await sent(await asyncio.to_thread(told))


async def list_entries(request: web.Request) -> web.Response:
    """List files and folders below a folder, the folders first."""
    name = request.query.get("path", "").strip("/")

    def told() -> list[JSON]:
        top = _root(request.app[SERVICES])
        folder = _contained(request, name) if name else top
        if not folder.is_dir():
            raise FileProblem("There is no such folder.", code="file.missing")
        found = sorted(_walk(folder), key=lambda path: (path.is_file(), path))
        return [_entry(top, path) for path in found]

    return await sent(await asyncio.to_thread(told))


async def get_file(request: web.Request) -> web.StreamResponse:
    """Return a file."""

    def told() -> web.FileResponse:
        path = _contained(request, request.match_info["file"])
        answer = file_answer(path)
        if path.suffix == ".json":
            answer.headers[hdrs.CONTENT_TYPE] = "application/json"
        return answer

    return await asyncio.to_thread(told)


async def put_file(request: web.Request) -> web.Response:
    """Write a file."""
    services = request.app[SERVICES]
    services.disk.require(request.content_length or 0)
    data = await read_bytes(request, MOST_JSON_BYTES)

    def write() -> JSON:
        root, path = _root(services), _contained(request, request.match_info["file"])
        _require_free(request, path)
        replace_with(path, lambda part: part.write_bytes(data))
        return _written(request, root, path)

    return json_answer(await asyncio.to_thread(write))


async def delete_file(request: web.Request) -> web.Response:
    """Delete a file."""

    def work() -> None:
        path = _contained(request, request.match_info["file"])
        if not path.is_file():
            raise FileProblem("There is no such file.", code="file.missing")
        once_let_go(path.unlink)

    await asyncio.to_thread(work)
    return web.Response(status=204)


async def move_file(request: web.Request) -> web.Response:
    """Give a file another name."""

    def work() -> JSON:
        root = _root(request.app[SERVICES])
        path = _contained(request, request.match_info["file"])
        target = _contained(request, request.match_info["dest"])
        if not path.is_file():
            raise FileProblem("There is no such file.", code="file.missing")
        _require_free(request, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        once_let_go(lambda: path.replace(target))
        return _written(request, root, target)

    return json_answer(await asyncio.to_thread(work))


def _root(services: Services) -> Path:
    root = services.settings.data_dir / "comfy" / "userdata"
    root.mkdir(parents=True, exist_ok=True)
    return root


def _contained(request: web.Request, name: str) -> Path:
    try:
        path = contained(_root(request.app[SERVICES]), name.replace("\\", "/"), folders=True)
    except FileProblem as problem:
        raise NodeError(problem.message, problem.hint, code="guard.folder") from problem
    if path.name.startswith(PART_PREFIX):
        raise FileProblem("This name is kept for files that are being written.", code="file.name")
    return path


def _require_free(request: web.Request, path: Path) -> None:
    """Refuse to write over a file where that was not asked for; ComfyUI's default is to do so."""
    overwrite = request.query.get("overwrite", "true").lower() in _YES
    if path.is_dir() or (path.exists() and not overwrite):
        raise FileProblem(
            "There is something of this name already.", hint="Say overwrite.", code="file.taken"
        )


def _written(request: web.Request, root: Path, path: Path) -> JSON:
    if request.query.get("full_info", "").lower() in _YES:
        return _info(root, path)
    return path.relative_to(root).as_posix()


def _files(folder: Path, recurse: bool) -> list[Path]:
    if recurse:
        return [path for path in _walk(folder) if path.is_file()]
    return sorted(path for path in folder.iterdir() if path.is_file() and _is_shown(path))


def _walk(folder: Path) -> list[Path]:
    """Return what lies below a folder, without following links, as many as are told at most."""
    found: list[Path] = []
    waiting = [folder]
    while waiting and len(found) < _MOST_FILES:
        for path in sorted(waiting.pop().iterdir()):
            if path.is_symlink() or not _is_shown(path):
                continue
            found.append(path)
            if path.is_dir():
                waiting.append(path)
    return found[:_MOST_FILES]


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(PART_PREFIX)


def _listed(folder: Path, path: Path, full: bool, split: bool) -> JSON:
    if full:
        return _info(folder, path)
    name = path.relative_to(folder)
    return [name.as_posix(), *name.parts] if split else name.as_posix()


def _info(folder: Path, path: Path) -> dict[str, JSON]:
    state = path.stat()
    return {
        "path": path.relative_to(folder).as_posix(),
        "size": state.st_size,
        "modified": state.st_mtime,
        "created": state.st_mtime,
    }


def _entry(top: Path, path: Path) -> JSON:
    entry: dict[str, JSON] = {"name": path.name, "path": path.relative_to(top).as_posix()}
    if path.is_dir():
        return {**entry, "type": "directory"}
    state = path.stat()
    return {**entry, "type": "file", "size": state.st_size, "modified": state.st_mtime}


def _settings(services: Services) -> dict[str, JSON]:
    path = _settings_file(services)
    found = loads(path.read_bytes()) if path.exists() else {}
    assert isinstance(found, dict)
    return found


def _settings_file(services: Services) -> Path:
    return services.settings.data_dir / "comfy" / "settings.json"


async def _change(request: web.Request, changes: dict[str, JSON]) -> None:
    services = request.app[SERVICES]

    def write() -> None:
        data = dumps({**_settings(services), **changes}).encode()
        if len(data) > _MOST_SETTINGS_BYTES:
            raise NodeError(
                "The settings would take more than a megabyte.",
                hint="Keep large things in files.",
                code="json.size",
            )
        replace_with(_settings_file(services), lambda part: part.write_bytes(data))

    async with request.app[_LOCK]:
        await asyncio.to_thread(write)
