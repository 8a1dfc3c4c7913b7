"""The same graph for plain React Flow: what its page reads, and the page, built and served."""

import functools
import http.server
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WEB = Path(__file__).resolve().parent.parent.parent / "web"
_CONTROLS = {"Int": "number", "Float": "number", "String": "text", "Boolean": "switch"}
_KINDS = {"multiline": "long", "choice": "choice"}


def plain_sheet(workflow: Mapping[str, Any], specs: Mapping[str, Any]) -> dict[str, Any]:
    """Write a workflow as nodes and edges, with the controls that the catalogue gives them."""
    nodes = [
        {
            "id": name,
            "type": "card",
            "position": workflow["view"][name],
            "data": _card(specs[node["type"]]),
        }
        for name, node in workflow["nodes"].items()
    ]
    edges = [
        {
            "id": f"{name}.{entry}",
            "source": value["link"][0],
            "sourceHandle": value["link"][1],
            "target": name,
            "targetHandle": entry,
        }
        for name, node in workflow["nodes"].items()
        for entry, value in node["inputs"].items()
    ]
    return {"nodes": nodes, "edges": edges}


def _card(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": spec["title"],
        "inputs": [_port(port) for port in spec["inputs"]],
        "outputs": [port["name"] for port in spec["outputs"]],
    }


def _port(port: Mapping[str, Any]) -> dict[str, Any]:
    widget = port.get("widget", {})
    control = "socket" if port["socket"] else _CONTROLS[port["type"]]
    return {
        "name": port["name"],
        "control": _KINDS.get(widget.get("kind"), control),
        "options": widget.get("options", []),
        "value": str(port.get("default", "")),
    }


def build(folder: Path) -> None:
    """Build the page into a folder; Node.js and `npm install` in web/ have to be there."""
    command = ["npx", "vite", "build", "--config", "benchmark/vite.config.ts"]
    subprocess.run(
        [*command, "--outDir", str(folder), "--emptyOutDir", "--logLevel", "error"],
        cwd=WEB,
        check=True,
    )


@contextmanager
def served(folder: Path, sheet: Mapping[str, Any]) -> Iterator[str]:
    """Serve the built page with a graph while the block runs; give its address."""
    (folder / "sheet.json").write_text(json.dumps(sheet), encoding="utf-8")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing of requests."""
