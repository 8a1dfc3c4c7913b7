"""Make the pictures of the templates: `python -m tests.browser.take_covers [NAME …]`.

Each template is run by a real server on the models that are here, and the first picture of its run
is kept beside it, as a saved workflow's is. Templates whose models are missing keep what they have.
"""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from server.library import Library
from tests.browser.weft_server import ROOT, WeftServer, serving

ENDED = ("succeeded", "failed", "cancelled", "quarantined")


def picture_of(server: WeftServer, name: str) -> dict[str, Any] | None:
    """Run a template; return the first picture that it made."""
    workflow = server.get(f"/api/v1/templates/{name}")
    plan = server.send("POST", "/api/v1/plan", {"workflow": workflow})
    if any(problem["severity"] == "error" for problem in plan["problems"]):
        return None
    job = server.send("POST", "/api/v1/jobs", {"workflow": workflow})
    while job["state"] not in ENDED:
        time.sleep(0.5)
        job = server.get(f"/api/v1/jobs/{job['id']}")
    pictures = [made for made in job["artifacts"] if made["kind"] == "image"]
    saved = [made for made in pictures if made["folder"] == "output"]
    return next(iter(saved + pictures), None)


def tell(line: str) -> None:
    """Write a line for whoever runs this."""
    sys.stdout.write(line + "\n")


def main(names: list[str]) -> None:
    """Run the templates of these names, or all, and keep a picture of each."""
    templates = Library(ROOT / "workflows")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "data", ROOT / "models") as server,
    ):
        for name in names or [entry.name for entry in templates.entries()]:
            made = picture_of(server, name)
            if made is None:
                tell(f"{name}: no picture, its models are not here")
                continue
            small = f"{server.url}/api/v1/artifacts/{made['id']}/thumbnail?size=256"
            path = Path(folder) / "cover.webp"
            with urllib.request.urlopen(small) as answer:
                path.write_bytes(answer.read())
            templates.set_cover(name, path)
            tell(f"{name}: {made['width']} × {made['height']}")


if __name__ == "__main__":
    main(sys.argv[1:])
