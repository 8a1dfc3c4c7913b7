"""The composition root: makes the services, gives them to the routes, starts and stops them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from server.http.keys import SERVICES
from server.http.routes import install
from server.services import Services, open_services
from server.settings import Settings


def create_app(settings: Settings) -> web.Application:
    """Make the application; workers start with it and are ready some time later.

    Raises:
        DataInUse: when another server has the same data folder.
    """
    app = web.Application()
    services = open_services(settings)
    install(app, services)
    app.cleanup_ctx.append(_running)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    services: Services = app[SERVICES]
    await services.start()
    lag = asyncio.create_task(services.watch.measure_lag())
    yield
    lag.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await lag
    await services.stop()
