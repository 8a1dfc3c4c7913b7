"""`validate`, `convert` and `nodes`: what can be said without running anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from nodes.api.catalogue import Catalogue, load
from nodes.api.spec import NodeSpec
from server.engine.canonical import canonical_dumps
from server.engine.graph import Graph
from server.engine.problems import Invalid, Problem, errors
from server.engine.validate import validate
from server.files import Files
from server.formats.comfy_export import to_workflow
from server.formats.interfaces import interfaces_of
from server.opening import opened_file
from server.platform import memory_of_machine
from server.settings import Settings


def run_validate(settings: Settings, files: Iterable[Path]) -> int:
    """Print every problem of some workflow files; 1 when one of them cannot run, else 0."""
    catalogue = _load(settings)
    choices = Files(settings).choices
    bad = False
    for file in files:
        try:
            imported = opened_file(file, catalogue)
            found = [
                *imported.problems,
                *validate(
                    Graph.from_json(imported.workflow),
                    catalogue,
                    choices,
                    memory=memory_of_machine(),
                ),
            ]
        except Invalid as invalid:
            found = list(invalid.problems)
        for problem in found:
            print(f"{file}: {told(problem)}")
        if errors(found):
            bad = True
        else:
            print(f"{file}: can run")
    return 1 if bad else 0


def run_convert(settings: Settings, file: Path, into: Path | None, to: str) -> int:
    """Write a workflow of any kind in our format, or in ComfyUI's.

    Args:
        settings: Where nodes are.
        file: The workflow, or a picture that carries one.
        into: What to write; the standard output where left out.
        to: `weft`, or `comfyui` for a file of ComfyUI's page.

    Returns:
        1 when something could not be taken over, else 0.
    """
    catalogue = _load(settings)
    imported = opened_file(file, catalogue)
    if to == "comfyui":
        theirs = to_workflow(imported.workflow, interfaces_of(catalogue))
        text = json.dumps(theirs, indent=2, ensure_ascii=False) + "\n"
    else:
        text = canonical_dumps(imported.workflow)
    if into is None:
        sys.stdout.write(text)
    else:
        into.write_text(text, encoding="utf-8", newline="\n")
    for problem in imported.problems:
        print(told(problem), file=sys.stderr)
    return 1 if errors(imported.problems) else 0


def run_nodes(settings: Settings, node: str | None, as_json: bool) -> int:
    """List the nodes, or describe one; 1 when there is no such node."""
    catalogue = _load(settings)
    if node is None:
        chosen = sorted(catalogue.specs.values(), key=lambda spec: (spec.category, spec.id))
    elif node in catalogue.specs:
        chosen = [catalogue.specs[node]]
    else:
        print(f"weft: there is no node `{node}`; `nodes` alone lists them.", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps([spec.to_json() for spec in chosen], indent=2, ensure_ascii=False))
    elif node is None:
        _list(chosen)
    else:
        _describe(chosen[0])
    return 0


def told(problem: Problem) -> str:
    """Write a problem on one line: where, what, what to do."""
    where = ".".join(filter(None, (problem.node, problem.input)))
    parts = (problem.severity, where, f"{problem.message} {problem.hint}".strip())
    return ": ".join(filter(None, parts))


def _load(settings: Settings) -> Catalogue:
    catalogue = load(settings.node_packages, (settings.custom_nodes,))
    for failure in catalogue.failures:
        print(f"weft: {failure.source} cannot be used: {failure.message}", file=sys.stderr)
    return catalogue


def _list(specs: Iterable[NodeSpec]) -> None:
    category = None
    for spec in specs:
        if spec.category != category:
            category = spec.category
            print(f"\n{category}")
        print(f"  {spec.id:32} {spec.summary}")


def _describe(spec: NodeSpec) -> None:
    print(f"{spec.id}: {spec.title}\n{spec.summary}")
    if spec.help:
        print(f"\n{spec.help}")
    print("\nInputs")
    for item in spec.inputs:
        default = "" if item.required else f" = {json.dumps(item.default, ensure_ascii=False)}"
        print(f"  {item.name}: {item.type}{default}\n      {item.help}")
    print("\nOutputs")
    for output in spec.outputs:
        print(f"  {output.name}: {output.type}\n      {output.help}")
