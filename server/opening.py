"""A workflow out of whatever holds one: our file, ComfyUI's two formats, a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nodes.api import JSON
from nodes.api.catalogue import Catalogue
from nodes.errors import FileProblem
from server.engine.graph import Graph
from server.engine.upgrade import upgrade
from server.formats import png
from server.formats.comfy_prompt import from_prompt, is_prompt
from server.formats.comfy_workflow import Imported, from_workflow, is_workflow
from server.formats.interfaces import interfaces_of
from server.strict_json import loads

_PNG = b"\x89PNG"
_LARGEST = 64 * 2**20


def opened(data: JSON, catalogue: Catalogue) -> Imported:
    """Bring a workflow of any version, or of ComfyUI, into our format.

    Raises:
        FileProblem: `workflow.format`, when it is none of these.
        Invalid: when it is ours and malformed.
    """
    whole = data if isinstance(data, dict) else {}
    body = whole.get("prompt")
    if "format" in whole:
        imported = Imported(whole, ())
    elif is_workflow(whole):
        imported = from_workflow(whole, interfaces_of(catalogue))
    elif is_prompt(whole):
        imported = from_prompt(whole, interfaces_of(catalogue))
    elif isinstance(body, dict) and is_prompt(body):
        imported = from_prompt(body, interfaces_of(catalogue))
    else:
        raise FileProblem(
            "This is not a workflow that can be read here.",
            hint="Workflow files of Weft and of ComfyUI are read, and ComfyUI's API prompts.",
            code="workflow.format",
        )
    graph = upgrade(Graph.from_json(imported.workflow), catalogue)
    return replace(imported, workflow=graph.to_json())


def opened_file(path: Path, catalogue: Catalogue) -> Imported:
    """Read a workflow from a JSON file, or from the picture that it made.

    Raises:
        FileProblem: when the file cannot be read or holds no workflow.
        JSONProblem: when it is not JSON.
        Invalid: when its graph is malformed.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise FileProblem(
                f"`{path.name}` is too large to be a workflow.",
                hint="Look whether it is the right file.",
                code="workflow.size",
            )
        content = path.read_bytes()
    except OSError as problem:
        raise FileProblem(
            f"`{path.name}` cannot be read: {problem.strerror}.",
            hint="Look at its name and its place.",
            code="file.missing",
        ) from problem
    if not content.startswith(_PNG):
        return opened(loads(content), catalogue)
    texts = png.read_text(content)
    for name in ("weft", "workflow", "prompt"):
        if name in texts:
            return opened(loads(texts[name].encode()), catalogue)
    raise FileProblem(
        f"The picture `{path.name}` carries no workflow.",
        hint="Pictures lose it when a program or a site saves them anew.",
        code="workflow.missing",
    )
