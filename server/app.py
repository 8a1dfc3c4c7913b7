"""The composition root: makes the services, gives them to the routes, starts and stops them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import webbrowser
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from server.comfy.routes import install_comfy
from server.folder_watch import FolderWatch
from server.http.keys import SERVICES
from server.http.routes import install
from server.platform import on_stop_signal
from server.services import Services, open_services
from server.settings import Settings

log = logging.getLogger("weft")

_CLOSE_SECONDS = 2.0
"""How long answers under way are waited for once nothing runs any more."""


def create_app(settings: Settings) -> web.Application:
    """Make the application; workers start with it and are ready some time later.

    Raises:
        DataInUse: when another server has the same data folder.
    """
    app = web.Application()
    services = open_services(settings)
    install(app, services)
    install_comfy(app)
    app.cleanup_ctx.append(_running)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    services: Services = app[SERVICES]
    await services.start()
    folders = FolderWatch(services.files, services.library, services.feed)
    watching = [
        asyncio.create_task(services.watch.measure_lag()),
        asyncio.create_task(folders.run()),
    ]
    yield
    for task in watching:
        task.cancel()
    for task in watching:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await services.stop()


async def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop, and then until what runs has had its grace.

    Args:
        settings: What the server was told.
        announce: Called with the address once the server listens.

    Raises:
        DataInUse: when another server has the same data folder.
        OSError: when the address cannot be listened on.
    """
    app = create_app(settings)
    runner = web.AppRunner(app, shutdown_timeout=_CLOSE_SECONDS, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        url = _url(settings, runner)
        announce(url)
        if not settings.no_browser:
            await asyncio.to_thread(webbrowser.open, url)
        await _until_stopped(app)
    finally:
        await runner.cleanup()


async def _until_stopped(app: web.Application) -> None:
    """Wait for a signal, then let what runs finish; a second signal ends the waiting."""
    told = asyncio.Queue[None]()
    on_stop_signal(asyncio.get_running_loop(), lambda: told.put_nowait(None))
    await told.get()
    log.info("stopping; a second signal stops at once")
    draining = asyncio.create_task(app[SERVICES].drain())
    hurry = asyncio.create_task(told.get())
    await asyncio.wait((draining, hurry), return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, hurry):
        task.cancel()
    await asyncio.gather(draining, hurry, return_exceptions=True)


def _url(settings: Settings, runner: web.AppRunner) -> str:
    port = runner.addresses[0][1]
    host = settings.host
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
