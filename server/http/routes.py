"""The table of routes, and how an application gets them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import web

from server.atomic import sweep_parts
from server.http import events, forms, health, pictures, runs, saved, site, system
from server.http.form_openapi import form_paths
from server.http.guard import finish, guard
from server.http.keys import (
    DESCRIPTION,
    NODE_TEXTS,
    SERVICES,
    SOCKETS,
    TEMPLATES,
    THUMBNAILS,
    TILES,
)
from server.http.openapi import description
from server.http.refusals import Ready
from server.http.table import Call, Route, add_route
from server.library import Library
from server.node_texts import read_texts
from server.settings import ROOT
from server.strict_json import dumps
from server.thumbnails import Thumbnails
from server.tiles import Tiles

if TYPE_CHECKING:
    from server.services import Services

LOG = logging.getLogger("weft.http")

V1 = "/api/v1"
_BALLAST_SECONDS = 30
"""After so long the state's reserve is laid again, once there is room."""
_SAVED = f"{V1}/workflows/{{name}}"
_TEMPLATE = f"{V1}/templates/{{name}}"
_KEY = ("Idempotency-Key", "The same key never queues a job twice.")
_ACCEPT = ("Accept", "application/json for the job, also where it has made something.")
_IF_MATCH = ("If-Match", "The version that is to be replaced, or * for whatever is there.")

ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", health.get_health),
    Route("GET", "/readyz", health.get_readiness),
    Route("GET", "/metrics", health.get_metrics, media="text/plain"),
    Route("GET", f"{V1}/system", system.get_system),
    Route(
        "GET",
        f"{V1}/nodes",
        system.get_nodes,
        headers=(("Accept-Language", "The language to tell nodes in, where `lang` is not given."),),
    ),
    Route("GET", f"{V1}/schema", system.get_schema),
    Route("POST", f"{V1}/validate", runs.check_workflow, large=True),
    Route("POST", f"{V1}/plan", runs.plan_workflow, large=True),
    Route("POST", f"{V1}/convert", system.convert_workflow, large=True),
    Route(
        "POST",
        f"{V1}/jobs",
        runs.submit_job,
        status=202,
        headers=(_KEY,),
    ),
    Route("GET", f"{V1}/jobs", runs.list_jobs),
    Route("GET", f"{V1}/jobs/{{id}}", runs.get_job, large=True),
    Route("DELETE", f"{V1}/jobs/{{id}}", runs.delete_job),
    Route("POST", f"{V1}/jobs/{{id}}/cancel", runs.cancel_job),
    Route("POST", f"{V1}/jobs/{{id}}/retry", runs.retry_job),
    Route("POST", f"{V1}/jobs/{{id}}/move", runs.move_job),
    Route("GET", f"{V1}/jobs/{{id}}/events", runs.list_events, large=True),
    Route("GET", f"{V1}/queue", runs.get_queue, large=True),
    Route("POST", f"{V1}/queue/pause", runs.pause_queue, large=True),
    Route("POST", f"{V1}/queue/resume", runs.resume_queue, large=True),
    Route("POST", f"{V1}/queue/clear", runs.clear_queue, large=True),
    Route("GET", f"{V1}/events", events.follow_events, status=101),
    Route("GET", f"{V1}/artifacts", pictures.list_artifacts),
    Route("GET", f"{V1}/artifacts/{{id}}", pictures.get_artifact),
    Route("DELETE", f"{V1}/artifacts/{{id}}", pictures.delete_artifact),
    Route("GET", f"{V1}/artifacts/{{id}}/content", pictures.get_content, media="*/*"),
    Route("GET", f"{V1}/artifacts/{{id}}/thumbnail", pictures.get_thumbnail, media="image/webp"),
    Route("GET", f"{V1}/artifacts/{{id}}/tile", pictures.get_tile, media="image/*"),
    Route("GET", f"{V1}/artifacts/{{id}}/workflow", pictures.get_recipe, large=True),
    Route(
        "POST",
        f"{V1}/uploads",
        pictures.upload,
        status=201,
        form=(
            ("file", "The picture."),
            ("overwrite", "`true` to take the place of what has its name."),
        ),
    ),
    Route(
        "POST",
        f"{V1}/uploads/mask",
        pictures.upload_mask,
        status=201,
        form=(
            ("file", "A picture whose alpha is the mask: 0 where to paint."),
            ("original", "The input picture that it belongs to."),
        ),
    ),
    Route("GET", f"{V1}/files/{{kind}}", pictures.list_files, large=True),
    Route("GET", f"{V1}/files/{{kind}}/families", pictures.list_families, large=True),
    Route("GET", f"{V1}/files/{{kind}}/{{name}}/metadata", pictures.get_metadata),
    Route("GET", f"{V1}/files/input/{{name}}", pictures.get_input, media="*/*"),
    Route(
        "GET",
        f"{V1}/files/input/{{name}}/thumbnail",
        pictures.get_input_thumbnail,
        media="image/webp",
    ),
    Route("GET", f"{V1}/workflows", saved.list_workflows, large=True),
    Route("GET", _SAVED, saved.get_workflow, large=True),
    Route(
        "PUT",
        _SAVED,
        saved.put_workflow,
        headers=(_IF_MATCH, ("If-None-Match", "* to save only where nothing is yet.")),
    ),
    Route("DELETE", _SAVED, saved.delete_workflow, headers=(_IF_MATCH,)),
    Route("GET", f"{_SAVED}/versions", saved.list_versions),
    Route("GET", f"{_SAVED}/versions/{{version}}", saved.get_version, large=True),
    Route("POST", f"{_SAVED}/rename", saved.rename_workflow),
    Route("GET", f"{_SAVED}/cover", saved.get_cover, media="image/webp"),
    Route("PUT", f"{_SAVED}/cover", saved.put_cover),
    Route("GET", f"{_SAVED}/form", forms.get_form),
    Route(
        "POST",
        f"{_SAVED}/run",
        forms.run_workflow,
        fills_form=True,
        headers=(_KEY, _ACCEPT),
    ),
    Route("GET", f"{V1}/templates", saved.list_templates),
    Route("GET", _TEMPLATE, saved.get_template, large=True),
    Route("GET", f"{_TEMPLATE}/cover", saved.get_template_cover, media="image/webp"),
    Route("GET", f"{_TEMPLATE}/form", forms.get_template_form),
    Route(
        "POST",
        f"{_TEMPLATE}/run",
        forms.run_template,
        fills_form=True,
        headers=(_KEY, _ACCEPT),
    ),
    Route("POST", f"{V1}/session", site.open_session),
    Route("DELETE", f"{V1}/session", site.close_session),
    Route("GET", "/", site.get_page, media="text/html"),
    Route("GET", "/favicon.svg", site.get_icon, media="image/svg+xml"),
    Route("GET", "/assets/{name}", site.get_page_part, media="*/*"),
)


async def get_description(call: Call) -> Ready:
    """Return this description of the API, as OpenAPI 3.1, with each workflow that has a form."""
    described = call.request.app[DESCRIPTION]
    catalogue = call.services.nodes.current
    if catalogue is None:
        return Ready(dumps(described).encode())
    libraries = {"workflows": call.services.library, "templates": call.request.app[TEMPLATES]}
    choices = call.services.files.choices

    def whole() -> Ready:
        paths = {**described["paths"], **form_paths(libraries, catalogue, choices)}
        return Ready(dumps({**described, "paths": paths}).encode())

    return await asyncio.to_thread(whole)


ALL_ROUTES = (*ROUTES, Route("GET", f"{V1}/openapi.json", get_description))


def install(app: web.Application, services: Services) -> None:
    """Give an application the routes, the guard before them, and what they need.

    Args:
        app: The application, which is not yet running.
        services: The parts of the server; closed by the caller.
    """
    settings = services.settings
    app[SERVICES] = services
    app[TEMPLATES] = Library(ROOT / "workflows")
    app[NODE_TEXTS] = read_texts(ROOT / "nodes" / "texts")
    app[SOCKETS] = set()
    most_pixels = settings.pixel_limit * 1_000_000
    app[THUMBNAILS] = Thumbnails(settings.cache_dir / "thumbnails", most_pixels)
    app[TILES] = Tiles(settings.cache_dir / "tiles", most_pixels)
    app[DESCRIPTION] = description(ALL_ROUTES)
    app.middlewares.append(guard(settings))
    app.on_response_prepare.append(finish)
    app.on_shutdown.append(events.close_sockets)
    app.cleanup_ctx.append(_keeping_house)
    for route in ALL_ROUTES:
        add_route(app, route)


async def _keeping_house(app: web.Application) -> AsyncIterator[None]:
    """Sweep what an earlier process left half written, and keep the ballast in place."""
    task = asyncio.create_task(_keep_house(app[SERVICES], time.time()))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    for cache in (app[THUMBNAILS], app[TILES]):
        await asyncio.to_thread(cache.close)


async def _keep_house(services: Services, started: float) -> None:
    inputs = services.files.place("input")
    await asyncio.to_thread(services.artifacts.sweep, started)
    await asyncio.to_thread(sweep_parts, inputs, started)
    await asyncio.to_thread(services.library.sweep, started)
    while True:
        try:
            await asyncio.to_thread(services.disk.hold)
        except OSError as problem:
            LOG.warning("The ballast cannot be laid: %s", problem.strerror)
        await asyncio.sleep(_BALLAST_SECONDS)
