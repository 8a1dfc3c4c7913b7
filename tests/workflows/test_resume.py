"""A worker that is killed in the middle of an enlargement: the next one goes on after its tiles."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from nodes.types import STORED
from tests.server.processes import KILL
from tests.server.running import Server, serving, until

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = ("--node-package", "nodes", "--threads", "1")
TILES_BEFORE_DEATH = 3
RED = (255, 0, 0)


def cascade() -> dict[str, Any]:
    """The shipped cascade's first stage, on a smaller picture, in many tiles."""
    found: dict[str, Any] = json.loads(
        (ROOT / "workflows" / "cascade_128_to_512.json").read_text("utf-8")
    )
    found["nodes"]["canvas"]["inputs"] |= {"width": 64, "height": 64}
    found["nodes"]["stage"]["inputs"] |= {"tile_size": 96, "overlap": 32, "steps": 8}
    found["nodes"]["cascade"]["inputs"]["stages"] = {"links": [["stage", "cascade_stage"]]}
    return found


def started(server: Server) -> str:
    answer = server.ask("POST", "/api/v1/jobs", {"workflow": cascade()})
    assert answer.status == 202, answer
    return str(answer.body["id"])


def finished_tiles(server: Server) -> list[Path]:
    files = (server.data / "cache" / "work").rglob("*")
    return [path for path in files if re.fullmatch(r"(\d+-){4}\d+", path.name)]


def enlarged(server: Server, job: str) -> np.ndarray:
    """The large picture that a job saved."""
    found = server.wait_for(job)
    assert found["state"] == "succeeded", found["problem"]
    saved = [each for each in found["artifacts"] if each["node"] == "save"]
    assert len(saved) == 1
    with Image.open(server.data / "output" / saved[0]["name"]) as picture:
        return np.asarray(picture.convert("RGB"))


def test_a_killed_worker_s_tiles_are_kept_and_the_picture_is_the_same(tmp_path: Path) -> None:
    with serving(tmp_path / "undisturbed", *FLAGS) as server:
        expected = enlarged(server, started(server))
    with serving(tmp_path / "killed", *FLAGS) as server:
        job = started(server)
        until(lambda: len(finished_tiles(server)) >= TILES_BEFORE_DEATH)
        (worker,) = server.worker_pids()
        os.kill(worker, KILL)
        kept = finished_tiles(server)
        # One finished tile is painted over: if it shows, nobody made it anew.
        first = next(path for path in kept if path.name.startswith("0-0-"))
        top, bottom, left, right = (int(part) for part in first.name.split("-")[1:])
        tile = torch.zeros_like(STORED.load(first))
        tile[:, 0] = 1
        STORED.dump(tile, first.with_suffix(".part"))
        os.replace(first.with_suffix(".part"), first)
        picture = enlarged(server, job)
        assert server.job(job)["attempts"] == 2
        assert not finished_tiles(server), "What was unfinished is over."
    # Neighbours reach into all but its middle.
    assert tuple(picture[(top + bottom) // 2, (left + right) // 2]) == RED
    changed = (picture != expected).any(axis=2)
    changed[top:bottom, left:right] = False
    assert not changed.any()
