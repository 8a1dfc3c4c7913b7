"""Whatever is sent, kept or looked at, the event loop goes on: what is large is done in threads.

Every callback of the loop is measured by the processor time of its own thread, to which a busy
machine adds nothing.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle, product
from typing import Any

import aiohttp
import pytest

from nodes.api import JSON, catalogue_of
from server.artifact_rows import Artifact
from server.comfy.routes import ROUTES as COMFY_ROUTES
from server.comfy.routes import install_comfy
from server.engine.canonical import canonical_dumps
from server.feed import FeedEvent
from server.http.routes import ALL_ROUTES
from tests.server.http.serving import V1, Client, form, keep, quoted, serving, twice, workflow
from tests.server.pictures import bomb, encoded, put, text_bomb

BOUND_SECONDS = 0.1
"""Of the loop's thread for one callback; the slowest take a quarter of it."""
NODES = 10_000
KINDS = 500
ROWS = 2_000
FILES = 1_000
LARGE = "large"

SEED_SQL = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
    INSERT INTO jobs (id, state, title, created, started, finished, attempts, source, rank, problem,
        warnings, fingerprint)
    SELECT '{state} ' || i, '{state}', 'Seeded ' || i, i, i, i, 1, 'weft', i,
        '{{"code": "x", "message": "It failed.", "hint": ""}}', '[]', '' FROM n
"""
BODY_SQL = """
    INSERT INTO job_bodies (job, workflow, targets, extra)
    SELECT id, ?, 'null', 'null' FROM jobs WHERE title LIKE 'Seeded %'
"""


def chain() -> dict[str, Any]:
    """Make a workflow of nodes in a row."""
    nodes: dict[str, Any] = {"n0": {"type": "Twice", "version": 1, "inputs": {"number": 1}}}
    for at in range(1, NODES):
        link = {"link": [f"n{at - 1}", "int"]}
        nodes[f"n{at}"] = {"type": "Twice", "version": 1, "inputs": {"number": link}}
    nodes["end"] = {
        "type": "Keep",
        "version": 1,
        "inputs": {"number": {"link": [f"n{NODES - 1}", "int"]}},
    }
    return workflow(nodes=nodes, form=[{"node": "n0", "input": "number", "label": "Number"}])


def wrong() -> dict[str, Any]:
    """Make a workflow of which every node has several problems."""
    inputs = {name: {"link": ["nowhere", "int"]} for name in ("number", "numbr", "more")}
    sinks = {f"n{at}": {"type": "Keep", "version": 9, "inputs": inputs} for at in range(NODES // 4)}
    strange = {f"s{at}": {"type": "Kep", "inputs": {}} for at in range(NODES // 4)}
    return workflow(nodes={**sinks, **strange})


def prompt(kind: str = "Twice") -> dict[str, Any]:
    """Make a prompt of ComfyUI whose nodes stand in a row, and may be unknown."""
    nodes: dict[str, Any] = {"0": {"class_type": "Twice", "inputs": {"number": 1}}}
    for at in range(1, NODES // 2):
        nodes[str(at)] = {"class_type": kind, "inputs": {"number": [str(at - 1), 0]}}
    nodes["end"] = {"class_type": "Keep", "inputs": {"number": ["0", 0]}}
    return nodes


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


BODIES = {
    "many values": b'{"workflow":[' + b"0," * 990_000 + b"0]}",
    "many lists": b'{"workflow":[' + b"[]," * 240_000 + b"[]]}",
    "many keys": text({"workflow": {f"key {n}": n for n in range(300_000)}}),
    "one long text": b'{"workflow":"' + b"x" * (15 * 2**20) + b'"}',
    "brackets in a text": b'{"workflow":"' + b"[" * (15 * 2**20) + b'"}',
    "escapes": b'{"workflow":"' + b"\\ud83d\\ude00" * (2**20) + b'"}',
    "deep": b"[" * 2**20,
    "too large": b'"' + b"x" * (32 * 2**20) + b'"',
}
"""Near the limits of what is read, or beyond them."""
SENT_TO_ALL = b'{"workflow":[' + b"0," * 400_000 + b"0]}"
"""To read it takes longer than the bound."""
TAKES_WORKFLOWS = (
    *(f"{V1}/{name}" for name in ("jobs", "validate", "plan", "convert")),
    f"{V1}/workflows/{{name}}",
)
UPLOADS = {
    f"{V1}/uploads": {},
    f"{V1}/uploads/mask": {"original": "real.png"},
    f"{V1}/workflows/{{name}}/run": {},
    "/upload/mask": {"original_ref": '{"filename": "real.png", "type": "input"}'},
}


@dataclass
class Loop:
    """The server, and how long its loop was held up by which request."""

    server: Client
    names: Mapping[str, str]
    at: str = ""
    held: dict[str, float] = field(default_factory=dict)
    asked: set[tuple[str, str]] = field(default_factory=set)

    def ask(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes | None = None,
        media: str = "",
        what: str = "nothing",
    ) -> int:
        """Send a request to a path of the table of routes; return the answer's status."""
        self.at = f"{method} {path}{query[:60]} with {what}"
        self.asked.add((method, path))
        headers = {"Content-Type": media} if media else {}
        filled = re.sub(r"\{(\w+)\}", lambda place: self._name(path, place[1]), path)
        return self.server.send(method, filled + query, body, headers).status

    def _name(self, path: str, place: str) -> str:
        """Fill in a place of a path: what is large, of the kind that stands before it."""
        kind = path.partition("{")[0].rstrip("/").rpartition("/")[2]
        return self.names.get(kind) or self.names[place]

    def send(self, method: str, path: str, body: bytes, what: str) -> int:
        """Send JSON."""
        return self.ask(method, path, "", body, "application/json", what)

    def took(self, seconds: float) -> None:
        """Take note of one callback's time."""
        self.held[self.at] = max(self.held.get(self.at, 0.0), seconds)

    def slow(self) -> list[str]:
        """Return the requests that held the loop up, the worst first."""
        worst = sorted(self.held.items(), key=lambda item: -item[1])
        return [f"{seconds * 1e3:.0f} ms: {at}" for at, seconds in worst if seconds > BOUND_SECONDS]


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Serve a folder in which there is much of everything."""
    data = tmp_path_factory.mktemp("data")
    for number in range(FILES):
        put(data / "input" / f"{number:05}.png", b"")
    put(data / "input" / "real.png", encoded(300, 200))
    with serving(data, install_comfy) as server, pytest.MonkeyPatch.context() as patch:
        # Nothing here is about how long an answer takes, which on a busy machine is long.
        server.patience = 600.0
        measured = Loop(server, fill(server))
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            started = time.thread_time()
            run(handle)
            if handle._loop is server.loop:  # type: ignore[attr-defined]
                measured.took(time.thread_time() - started)

        patch.setattr(asyncio.Handle, "_run", timed)
        # What there is to collect depends on what else this process has done.
        gc.disable()
        yield measured
        gc.enable()


def fill(server: Client) -> dict[str, str]:
    """Make what is large; return the names of it, by the routes that show it."""
    specs = catalogue_of(twice, keep).specs
    many = {f"Kind{n}": replace(specs["Twice"], id=f"Kind{n}", title=f"{n}") for n in range(KINDS)}
    told = replace(catalogue_of(twice, keep), specs={**specs, **many}).to_json()
    asyncio.run_coroutine_threadsafe(server.services.nodes.replace(told), server.loop).result()
    large = chain()
    assert server.put(f"{V1}/workflows/{LARGE}", large).status == 200
    job = server.post(f"{V1}/jobs", {"workflow": large}).json()["id"]
    picture = encoded(1200, 900, workflow=json.dumps(large))
    put(server.data / "output" / "picture.png", picture)

    def seed(database: sqlite3.Connection) -> None:
        for state in ("succeeded", "failed", "queued"):
            database.execute(SEED_SQL.format(rows=ROWS, state=state))
        database.execute(BODY_SQL, (json.dumps(workflow()),))

    server.services.store.write_now(seed)
    plan = FeedEvent("plan", {"order": [f"node {n}" for n in range(NODES)]}, job)
    finished = FeedEvent("node.finished", {"seconds": 1.0}, job)
    asyncio.run(server.services.feed.publish(*[plan] * 100, *[finished] * ROWS))
    about: dict[str, JSON] = {
        "node": "n",
        "kind": "image",
        "folder": "output",
        "subfolder": "",
        "sha256": "0" * 64,
    }
    made: dict[str, JSON] = {"name": "picture.png", "mime": "image/png", "bytes": len(picture)}
    artifact = Artifact.from_json({"job": job, "index": 0, **about, **made})
    recipe = canonical_dumps(large)
    kept = asyncio.run(server.services.artifacts.record(artifact, recipe))
    rest = [Artifact.from_json({"job": job, "index": n, **about, **made}) for n in range(1, ROWS)]

    def index(database: sqlite3.Connection) -> None:
        for each in rest:
            server.services.artifacts.index(database, each, "{}")

    server.services.store.write_now(index)
    return {
        "jobs": job,
        "history": job,
        "artifacts": kept.id,
        "workflows": LARGE,
        "templates": quoted(server.get(f"{V1}/templates").json()["items"][0]["name"]),
        "userdata": "large.json",
        "input": "real.png",
        "assets": "index.js",
        "kind": "input",
        "folder": "checkpoints",
        "name": "real.png",
        "version": "1",
        "node_class": "Kind7",
        "id": "Weft.Theme",
        "dest": "other.json",
    }


QUERIES = {
    f"{V1}/nodes": ("?lang=de", "?lang=en"),
    f"{V1}/jobs": ("?limit=200", "?limit=200&before=9000", f"?q={'x+' * 90}", "?state=failed"),
    f"{V1}/jobs/{{id}}/events": ("?limit=1000", "?limit=1000&after=100"),
    f"{V1}/artifacts": ("?limit=200", f"?q={'picture+' * 20}"),
    f"{V1}/artifacts/{{id}}/thumbnail": ("?size=512",),
    f"{V1}/artifacts/{{id}}/tile": ("?level=0&column=0&row=0",),
    f"{V1}/files/input/{{name}}/thumbnail": ("?size=64",),
    "/history": ("", "?max_items=500&offset=0"),
    "/view": ("?filename=picture.png&type=output", "?filename=picture.png&preview=webp;90"),
    "/userdata": ("?dir=workflows&recurse=true&full_info=true",),
    "/v2/userdata": ("?path=workflows",),
    "/view_metadata/{folder}": ("?filename=x.safetensors",),
}
SOCKETS = (f"{V1}/events", "/ws")
TABLE = {
    *((route.method, route.path) for route in ALL_ROUTES),
    *((method, path) for method, path, _ in COMFY_ROUTES),
}


def test_nothing_that_is_looked_at_holds_up_the_loop(loop: Loop) -> None:
    loop.held.clear()
    for method, path in sorted(TABLE):
        for query in QUERIES.get(path, ("",)) if method == "GET" and path not in SOCKETS else ():
            assert loop.ask(method, path, query) != 500, path
    for path, query in zip(SOCKETS, ("?after=0", "?clientId=me"), strict=True):
        loop.at = f"GET {path}{query}"
        asyncio.run(followed(loop.server, path + query, ROWS if "after" in query else 1))
    assert loop.slow() == []


async def followed(server: Client, path: str, count: int) -> None:
    """Take some messages of a WebSocket."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{server.port}{path}", max_msg_size=0) as socket,
    ):
        for _ in range(count):
            assert (await socket.receive()).type is aiohttp.WSMsgType.TEXT


def test_nothing_that_is_sent_holds_up_the_loop(loop: Loop) -> None:
    loop.held.clear()
    for method, path in sorted(TABLE):
        if method in ("POST", "PUT"):
            assert loop.send(method, path, SENT_TO_ALL, "values") != 500, path
    for path, what in zip(cycle(TAKES_WORKFLOWS), BODIES, strict=False):
        method = "PUT" if "{name}" in path else "POST"
        assert loop.send(method, path, BODIES[what], what) != 500, (path, what)
    for path, sent in product(TAKES_WORKFLOWS, (chain(), wrong())):
        alone = path.endswith("convert") or "{name}" in path
        method = "PUT" if "{name}" in path else "POST"
        body = text(sent if alone else {"workflow": sent})
        assert loop.send(method, path, body, f"{len(body)} bytes of a workflow") != 500, path
    for kind, path in product(("Twice", "Strange"), ("/prompt", f"{V1}/convert")):
        nodes = prompt(kind)
        body = text(nodes if path.endswith("convert") else {"prompt": nodes})
        assert loop.send("POST", path, body, f"a prompt of {kind}") != 500
    assert loop.slow() == []


def test_no_upload_holds_up_the_loop(loop: Loop) -> None:
    loop.held.clear()
    pictures = {
        "many pixels": bomb(),
        "a long text": text_bomb(),
        "large": encoded(4000, 4000, mode="RGBA"),
        "no picture": b"x" * (32 * 2**20),
    }
    for path, (name, data) in product(UPLOADS, pictures.items()):
        body, media = form(data, f"{name}.png", **UPLOADS[path])
        assert loop.ask("POST", path, "", body, media, name) != 500, (path, name)
    assert loop.slow() == []


def test_no_change_of_much_holds_up_the_loop(loop: Loop) -> None:
    loop.held.clear()
    for method, path in sorted(TABLE - loop.asked):
        assert loop.ask(method, path) != 500, path
    assert loop.slow() == []
    assert loop.asked | {("GET", path) for path in SOCKETS} == TABLE
