"""Every workflow that ships runs on the miniature model and draws what its prompt says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from server.engine.canonical import canonical_dumps
from server.engine.graph import Graph
from server.formats.png import read_text
from training.judge import see

ROOT = Path(__file__).resolve().parent.parent.parent
SHIPPED = sorted((ROOT / "workflows").glob("*.json"))
# What each draws: shape, colour and background; and its size.
EXPECTED = {
    "text_to_image": (("star", "red", "blue"), 128),
    "image_to_image": (("circle", "red", "blue"), 128),
    "inpaint": (("heart", "red", "blue"), 128),
    "refiner": (("star", "red", "blue"), 128),
    "cascade_64_to_512": (("star", "red", "blue"), 512),
    "cascade_classic": (("star", "red", "blue"), 1024),
    "hires_fix": (("star", "red", "blue"), 256),
    "controlnet_edges": (("heart", "red", "white"), 128),
    "cascade_128_to_512": (("star", "red", "blue"), 512),
    "upscale_tiled_8k": (("star", "red", "blue"), 1024),
}
# What is set for the test: 8192 pixels take minutes, and are a benchmark.
SET = {"upscale_tiled_8k": ("--set", "plan.longest_side=1024")}


def run(workflow: Path, out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "server", "run", str(workflow), "--out", str(out)),
            *("--device", "cpu", "--threads", "1", "--data-dir", str(out.parent / "data"), *flags),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_workflow_draws_what_its_prompt_says(path: Path, tmp_path: Path) -> None:
    (shape, colour, background), side = EXPECTED[path.stem]
    ended = run(path, tmp_path / "out", *SET.get(path.stem, ()))
    assert ended.returncode == 0, ended.stderr
    (picture,) = (tmp_path / "out").iterdir()
    with Image.open(picture) as image:
        assert image.size == (side, side)
        seen = see(np.asarray(image.convert("RGB").resize((128, 128), Image.Resampling.BOX)))
    assert seen.background == background
    assert (seen.things[0].shape, seen.things[0].colour) == (shape, colour)
    texts = read_text(picture)
    assert Graph.from_json(json.loads(texts["weft"])).nodes.keys() == nodes(path).keys()
    assert {node["class_type"] for node in json.loads(texts["prompt"]).values()} == {
        node["type"] for node in nodes(path).values()
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_workflow_stands_in_the_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert canonical_dumps(Graph.from_json(json.loads(text)).to_json()) == text


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_workflow_says_what_it_is(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["title"]
    assert {"author", "licence", "description", "tags"} <= data["meta"].keys()
    assert data["form"]


def test_the_same_seed_draws_the_same_pixels(tmp_path: Path) -> None:
    path = ROOT / "workflows" / "text_to_image.json"
    drawn = []
    for name in ("one", "two"):
        assert run(path, tmp_path / name / "out").returncode == 0
        (picture,) = (tmp_path / name / "out").iterdir()
        with Image.open(picture) as image:
            drawn.append(image.tobytes())
    assert drawn[0] == drawn[1]


def nodes(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    return found
