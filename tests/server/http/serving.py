"""A real server on a real port for tests, with toy nodes and no worker."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web

from nodes.api import Range, catalogue_of, node
from server.http.routes import install
from server.services import Services, open_services
from server.settings import Settings

V1 = "/api/v1"


@node("Twice", title="Twice")
def twice(number: Annotated[int, Range(0, 100)] = 1) -> int:
    """Double a number.

    Args:
        number: What to double.

    Returns:
        int: Twice as much.
    """
    return 2 * number


@node("Keep", title="Keep")
def keep(number: int = 0, name: str = "") -> None:
    """Keep a number.

    Args:
        number: What to keep.
        name: What to call it.
    """


def workflow(number: Any = 3, **more: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "title": "Twice three",
        "nodes": {
            "a": {"type": "Twice", "version": 1, "inputs": {"number": number}},
            "b": {"type": "Keep", "version": 1, "inputs": {"number": {"link": ["a", "int"]}}},
        },
        "view": {},
        **more,
    }


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the error; fails where the answer is none."""
        error = self.json()["error"]
        assert error["message"]
        return str(error["code"])


@dataclass
class Client:
    """Sends requests to one server, each on its own connection."""

    port: int
    services: Services
    data: Path
    loop: asyncio.AbstractEventLoop
    headers: dict[str, str] = field(default_factory=dict)
    patience: float = 30.0

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            # Names are compared in lower case, as HTTP does.
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=dashed(headers))

    def delete(self, path: str, **headers: str) -> Answer:
        return self.send("DELETE", path, headers=dashed(headers))

    def post(self, path: str, value: Any = None, method: str = "POST", **headers: str) -> Answer:
        if value is None:
            return self.send(method, path, headers=dashed(headers))
        return self.send(
            method,
            path,
            json.dumps(value).encode(),
            {"Content-Type": "application/json", **dashed(headers)},
        )

    def put(self, path: str, value: Any, **headers: str) -> Answer:
        return self.post(path, value, "PUT", **headers)

    def upload(
        self, data: bytes, name: str = "a.png", path: str = f"{V1}/uploads", **fields: str
    ) -> Answer:
        body, media = form(data, name, **fields)
        return self.send("POST", path, body, {"Content-Type": media})


def form(data: bytes, name: str, **fields: str) -> tuple[bytes, str]:
    lines = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\n'
    return b"".join([*lines, head.encode(), data, b"\r\n--edge--\r\n"]), (
        "multipart/form-data; boundary=edge"
    )


def dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def quoted(name: str) -> str:
    """A name as one part of a path."""
    return urllib.parse.quote(name, safe="")


@contextmanager
def serving(
    data: Path, also: Callable[[web.Application], None] = lambda app: None, **settings: Any
) -> Iterator[Client]:
    """Serve from a folder while the block runs.

    Args:
        data: The folder.
        also: Adds to the application before it runs.
        **settings: Other than the usual ones.
    """
    nodes = catalogue_of(twice, keep, salt={"device": "cpu"})
    cache = data / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "catalogue.json").write_text(json.dumps(nodes.to_json()), encoding="utf-8")
    ready: list[Client] = []
    failed: list[BaseException] = []
    started, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        services = open_services(
            Settings(**{"data_dir": data, "port": 0, "no_browser": True, **settings})
        )
        app = web.Application()
        install(app, services)
        also(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        loop = asyncio.get_running_loop()
        ready.append(Client(runner.addresses[0][1], services, data, loop))
        started.set()
        await asyncio.to_thread(stop.wait)
        await runner.cleanup()
        services.store.close()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as problem:
            failed.append(problem)
        started.set()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    try:
        if ready:
            yield ready[0]
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]
