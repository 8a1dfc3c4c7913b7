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
from tests.server.running import Server
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
SET = {"upscale_tiled_8k": {"longest_side": 1024}}


def drawn(server: Server, name: str) -> Path:
    """The file of the picture that a workflow saves, run as an endpoint."""
    answer = server.ask("POST", f"/api/v1/templates/{name}/run", SET.get(name, {}))
    assert answer.status == 202, answer
    ended = server.wait_for(answer.body["id"])
    assert ended["state"] == "succeeded", ended["problem"]
    (saved,) = (each for each in ended["artifacts"] if each["node"] == "save")
    return server.data / "output" / str(saved["name"])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_workflow_draws_what_its_prompt_says(server: Server, path: Path) -> None:
    (shape, colour, background), side = EXPECTED[path.stem]
    picture = drawn(server, path.stem)
    with Image.open(picture) as image:
        assert image.size == (side, side)
        seen = see(np.asarray(image.convert("RGB").resize((128, 128), Image.Resampling.BOX)))
    assert seen.background == background
    assert (seen.things[0].shape, seen.things[0].colour) == (shape, colour)
    texts = read_text(picture)
    assert Graph.from_json(json.loads(texts["weft"])).nodes.keys() == nodes(path).keys()
    kinds = {name: node["type"] for name, node in nodes(path).items()}
    prompt, page = json.loads(texts["prompt"]), json.loads(texts["workflow"])
    assert {name: node["class_type"] for name, node in prompt.items()} == kinds
    assert {str(node["id"]): node["type"] for node in page["nodes"]}.items() >= kinds.items()


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


@pytest.mark.parametrize("name", ["text_to_image", "image_to_image"])
def test_the_command_line_draws_the_very_pixels_in_a_process_of_its_own(
    server: Server, name: str, tmp_path: Path
) -> None:
    expected = drawn(server, name)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "server", "run", str(ROOT / "workflows" / f"{name}.json")),
            *("--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")),
            *("--device", "cpu", "--threads", "1"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (picture,) = (tmp_path / "out").iterdir()
    with Image.open(expected) as one, Image.open(picture) as other:
        assert one.tobytes() == other.tobytes()


def nodes(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    return found
