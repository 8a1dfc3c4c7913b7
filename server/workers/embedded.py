"""The texts that saved pictures carry: the workflow that made them, in our form and ComfyUI's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from nodes.api.catalogue import Catalogue
from server.compact_json import packed
from server.engine.canonical import canonical_dumps
from server.engine.effective import effective
from server.engine.graph import Graph
from server.formats.comfy_export import to_workflow
from server.formats.comfy_prompt import to_prompt
from server.formats.interfaces import Interfaces


def texts_of(
    workflow: Any, graph: Graph, catalogue: Catalogue, interfaces: Interfaces, extra: Any
) -> Callable[[], Mapping[str, str]]:
    """Return what makes the texts of a run, once, when the first file is saved.

    Args:
        workflow: As it was submitted.
        graph: The same, read.
        catalogue: The nodes.
        interfaces: The catalogue in the form that ComfyUI's formats need.
        extra: Of a job that came by ComfyUI's API: its own prompt and what is to be embedded.
    """

    @cache
    def texts() -> Mapping[str, str]:
        found = {"weft": canonical_dumps(workflow)}
        theirs = extra if isinstance(extra, dict) else {}
        if "prompt" in theirs:
            found["prompt"] = packed(theirs["prompt"])
        else:
            flat = effective(graph, catalogue).to_json()
            found["prompt"] = packed(to_prompt(flat["nodes"], interfaces))
            found["workflow"] = packed(to_workflow(graph.to_json(), interfaces))
        embedded = (theirs.get("extra_data") or {}).get("extra_pnginfo") or {}
        for name, value in embedded.items():
            if name not in found:
                found[name] = packed(value)
        return found

    return texts
