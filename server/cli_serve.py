"""`serve`: the server, until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import webbrowser
from typing import Any

from aiohttp import web

from server.app import create_app
from server.http.keys import SERVICES
from server.platform import on_stop_signal
from server.settings import Settings

log = logging.getLogger("weft")

_CLOSE_SECONDS = 2.0
"""How long answers under way are waited for once nothing runs any more."""


class _JSONLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("request", "job", "node"):
            if hasattr(record, name):
                told[name] = getattr(record, name)
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def set_up_log(form: str, level: int = logging.INFO) -> None:
    """Send the log to standard error, for people or as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(_JSONLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def run_serve(settings: Settings) -> int:
    """Serve until a signal; return the exit status."""
    set_up_log(settings.log)
    try:
        asyncio.run(_serve(settings))
    except OSError as problem:
        print(
            f"weft: cannot listen on {settings.host}, port {settings.port}: {problem.strerror}. "
            "Is another server running? --port takes another port.",
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(settings: Settings) -> None:
    app = create_app(settings)
    runner = web.AppRunner(app, shutdown_timeout=_CLOSE_SECONDS, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        url = _url(settings, runner)
        print(f"Weft is at {url}", flush=True)
        if not settings.no_browser:
            await asyncio.to_thread(webbrowser.open, url)
        await _until_stopped(app)
    finally:
        await runner.cleanup()


async def _until_stopped(app: web.Application) -> None:
    """Wait for a signal, then let what runs finish; a second signal ends the waiting."""
    told = asyncio.Queue[float]()
    on_stop_signal(asyncio.get_running_loop(), lambda: told.put_nowait(time.time()))
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
