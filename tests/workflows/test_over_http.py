"""Shipped workflows as endpoints: the lines that the README gives are run as they stand."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.server.running import Server
from training.judge import see

ROOT = Path(__file__).resolve().parent.parent.parent
SHIPPED = sorted((ROOT / "workflows").glob("*.json"))
AT = "/api/v1/templates"


def curl_lines(document: str) -> list[str]:
    """The calls of curl in a document's blocks of shell, each with the lines that it goes on in."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.startswith("curl ")]


def run_line(line: str, server: Server, folder: Path) -> None:
    """Run a line as a person would, but for the port."""
    command = line.replace(":8188", f":{server.port}")
    ended = subprocess.run(
        [*shlex.split(command), "--fail", "--silent", "--show-error"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, (command, ended.stderr)


def drawn(data: bytes) -> tuple[str, str, str]:
    """Shape, colour and background of a picture."""
    with Image.open(io.BytesIO(data)) as image:
        seen = see(np.asarray(image.convert("RGB").resize((128, 128), Image.Resampling.BOX)))
    return seen.things[0].shape, seen.things[0].colour, seen.background


def test_the_readme_s_lines_draw_what_they_say(server: Server, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(
        (ROOT / "workflows" / "inputs" / "weft-example.png").read_bytes()
    )
    lines = curl_lines("README.md")
    assert len(lines) == 2
    for line in lines:
        run_line(line, server, tmp_path)
    assert drawn((tmp_path / "heart.png").read_bytes()) == ("heart", "yellow", "green")
    with Image.open(tmp_path / "changed.png") as changed:
        assert changed.size == (128, 128)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_workflow_has_a_form_that_programs_can_fill_in(
    server: Server, path: Path
) -> None:
    form: dict[str, Any] = server.ask("GET", f"{AT}/{path.stem}/form").body
    names = [field["name"] for field in form["fields"]]
    written = json.loads(path.read_text("utf-8"))["form"]
    assert names == [entry["name"] for entry in written], "Every field is there, under its name."
    assert {"prompt", "seed"} <= set(names)
    assert all(field["label"] and not field["required"] for field in form["fields"])
    described = server.ask("GET", "/api/v1/openapi.json").body["paths"][form["run"]]["post"]
    properties = described["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert list(properties) == names


def test_a_file_is_refused_where_no_picture_goes_and_where_it_is_none(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    before = sorted((server.data / "input").iterdir())
    url = f"http://127.0.0.1:{server.port}{AT}/image_to_image/run"

    def refusal(field: str) -> str:
        command = ["curl", "--silent", url, "-F", f"{field}=@notes.png"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
        return str(json.loads(ended.stdout)["error"]["code"])

    assert [refusal(name) for name in ("prompt", "nothing", "picture")] == [
        "body.file",
        "body.file",
        "picture.format",
    ]
    assert sorted((server.data / "input").iterdir()) == before
