"""Nodes, models and the server itself under ComfyUI's routes."""

from __future__ import annotations

import asyncio
import platform
import sys
from pathlib import PurePosixPath

from aiohttp import web

from nodes.api import JSON, Catalogue
from nodes.errors import FileProblem
from server.comfy.object_info import node_info, object_info
from server.comfy.requests import sent
from server.comfy.socket import features
from server.file_kinds import KINDS
from server.files import Files
from server.formats.interfaces import interfaces_of
from server.http.keys import SERVICES
from server.http.refusals import json_answer
from server.platform import physical_memory
from server.weights import metadata
from server.workers import Worker

COMFY_VERSION = "0.3.64"
"""The version whose interface is served; clients look at it before they use what is newer."""

_FOLDERS = tuple(kind for kind in KINDS if kind != "input")


async def get_object_info(request: web.Request) -> web.Response:
    """Describe every node."""
    services = request.app[SERVICES]
    catalogue = await services.nodes.get()
    return await sent(await asyncio.to_thread(object_info, catalogue, services.files.choices))


async def get_one_object_info(request: web.Request) -> web.Response:
    """Describe one node; nothing where there is none."""
    services = request.app[SERVICES]
    catalogue = await services.nodes.get()
    name = request.match_info["node_class"]
    return json_answer(await asyncio.to_thread(_described, name, catalogue, services.files))


async def get_system_stats(request: web.Request) -> web.Response:
    """Tell of the computer and the workers' devices, as far as the server knows them."""
    services = request.app[SERVICES]
    catalogue = services.nodes.current
    total, available = physical_memory()
    system: dict[str, JSON] = {
        "os": sys.platform,
        "ram_total": total,
        "ram_free": available,
        "comfyui_version": COMFY_VERSION,
        "required_frontend_version": None,
        "installed_templates_version": None,
        "required_templates_version": None,
        "python_version": platform.python_version(),
        "pytorch_version": catalogue.salt.get("torch", "") if catalogue is not None else "",
        "embedded_python": False,
        # The command line names folders of this computer.
        "argv": [],
    }
    devices = [_device(worker, total, available) for worker in services.workers.all]
    return json_answer({"system": system, "devices": devices})


async def get_features(request: web.Request) -> web.Response:
    """Tell what the server can do."""
    return json_answer(features(request.app[SERVICES]))


async def get_embeddings(request: web.Request) -> web.Response:
    """List the embeddings, without their endings."""
    names = await asyncio.to_thread(request.app[SERVICES].files.names, "embeddings")
    return json_answer([str(PurePosixPath(name).with_suffix("")) for name in names])


async def get_folders(request: web.Request) -> web.Response:
    """List the kinds of models."""
    return json_answer(list(_FOLDERS))


async def get_models(request: web.Request) -> web.Response:
    """List the models of a kind."""
    kind = _folder(request)
    return json_answer(await asyncio.to_thread(request.app[SERVICES].files.names, kind))


async def get_model_folders(request: web.Request) -> web.Response:
    """List the kinds of models; where they lie on this computer is not told."""
    return json_answer([{"name": name, "folders": []} for name in _FOLDERS])


async def get_model_files(request: web.Request) -> web.Response:
    """List the models of a kind with their sizes."""
    kind = _folder(request)
    found = await asyncio.to_thread(request.app[SERVICES].files.info, kind)
    return json_answer(
        [
            {
                "name": item.name,
                "pathIndex": 0,
                "modified": item.modified,
                "created": item.modified,
                "size": item.size,
            }
            for item in found
        ]
    )


async def get_metadata(request: web.Request) -> web.Response:
    """Return what a file of weights says of itself."""
    kind, name = _folder(request), request.query.get("filename", "")

    def told() -> dict[str, JSON]:
        found = metadata(request.app[SERVICES].files.path(kind, name))
        if not found:
            raise FileProblem("The file says nothing of itself.", code="file.missing")
        return found

    return json_answer(await asyncio.to_thread(told))


def _folder(request: web.Request) -> str:
    kind = request.match_info["folder"]
    if kind not in _FOLDERS:
        hint = "The kinds are listed under /models."
        raise FileProblem("There is no such kind of models.", hint=hint, code="file.kind")
    return kind


def _described(name: str, catalogue: Catalogue, files: Files) -> dict[str, JSON]:
    spec = catalogue.specs.get(name)
    if spec is None:
        return {}
    return {name: node_info(spec, interfaces_of(catalogue), files.choices)}


def _device(worker: Worker, total: int, available: int) -> dict[str, JSON]:
    """Describe a device; what a GPU's memory is, only its worker knows, and 0 stands for that."""
    kind, _, index = worker.device.partition(":")
    on_processor = kind == "cpu"
    return {
        "name": worker.device,
        "type": kind,
        "index": int(index) if index.isdecimal() else None,
        "vram_total": total if on_processor else 0,
        "vram_free": available if on_processor else 0,
        "torch_vram_total": total if on_processor else 0,
        "torch_vram_free": available if on_processor else 0,
    }
