"""The composition root: makes the services, starts them, and gives them to the routes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from server.services import Services, open_services
from server.settings import Settings

SERVICES: web.AppKey[Services] = web.AppKey("services", Services)


def create_app(settings: Settings) -> web.Application:
    """Make the application; workers start with it and are ready some time later."""
    app = web.Application()
    services = open_services(settings)
    app[SERVICES] = services

    async def running(_: web.Application) -> AsyncIterator[None]:
        yield
        services.store.close()

    app.cleanup_ctx.append(running)
    return app
