"""The start: the server answers before any worker is there, without torch, from what was kept."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from nodes.api.catalogue import Catalogue, load
from server.catalogue import KnownNodes, NotReady
from tests.server.running import ROOT, serving, until

HEAVY = ("torch", "diffusers", "transformers", "numpy")


def described() -> Catalogue:
    return load(("tests.server.toys",), (), {"device": "cpu"})


def test_the_server_imports_nothing_heavy() -> None:
    script = "import sys, server.app, server.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "aiohttp" in loaded
    assert not loaded & set(HEAVY)


def test_the_server_answers_while_its_worker_is_still_starting(tmp_path: Path) -> None:
    with serving(tmp_path, wait=False) as server:
        assert server.ask("GET", "/healthz").status == 200
        states = [w["state"] for w in server.ask("GET", "/api/v1/system").body["workers"]]
        assert len(states) == 1
        server.wait_until_up()


def test_the_nodes_are_known_before_a_worker_describes_them_again(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        first = server.ask("GET", "/api/v1/nodes").body
    # A package that is not there: no worker ever comes up.
    with serving(tmp_path, "--node-package", "no_such_package", wait=False) as server:
        assert server.ask("GET", "/api/v1/nodes").body == first
        assert server.ask("GET", "/readyz").status == 503
        until(lambda: any("no_such_package" in line for line in server.log))


def test_routes_wait_for_the_first_catalogue_and_then_say_that_it_is_not_there(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        known = KnownNodes(tmp_path / "catalogue.json")
        with pytest.raises(NotReady):
            await known.get(patience=0.01)
        waiting = asyncio.create_task(known.get())
        await asyncio.sleep(0)
        assert await known.replace(described().to_json())
        assert (await waiting).hash == described().hash
        assert not await known.replace(described().to_json())

    asyncio.run(test())
    kept = KnownNodes(tmp_path / "catalogue.json")
    assert kept.current is not None
    assert kept.current.hash == described().hash
    assert json.loads(kept.text)["hash"] == described().hash


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"nodes": 1, "types": {}, "failures": []}'])
def test_a_kept_catalogue_that_cannot_be_read_is_left_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "catalogue.json"
    path.write_text(text, encoding="utf-8")
    assert KnownNodes(path).current is None
