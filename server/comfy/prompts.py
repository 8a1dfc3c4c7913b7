"""A prompt looked at before it is queued: what can run of it, and what is wrong with the rest."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from nodes.api import JSON, Catalogue
from nodes.api.spec import InputSpec
from server.comfy.node_errors import Errors
from server.comfy.requests import Refusal
from server.engine.graph import Graph
from server.engine.problems import Invalid, Problem, errors
from server.engine.upgrade import upgrade
from server.engine.validate import validate
from server.engine.values import Choices
from server.formats.comfy_prompt import from_prompt, is_link
from server.formats.interfaces import Interfaces, interfaces_of
from server.platform import memory_of_machine

Prompt = Mapping[str, Mapping[str, JSON]]

_MOST_TRACED = 200
"""Nodes with errors whose outputs are named: each costs a walk through the graph."""
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class Checked:
    """A prompt of which something can run.

    Attributes:
        workflow: In our format.
        outputs: The outputs that run, by the client's ids.
        targets: The same by ours; None where they are all that there are.
        ids: Our ids to the client's.
        node_errors: What is wrong with the rest.
    """

    workflow: JSON
    outputs: tuple[str, ...]
    targets: tuple[str, ...] | None
    ids: Mapping[str, str]
    node_errors: Mapping[str, JSON] = field(default_factory=dict)


def checked(
    given: JSON, only: Collection[str] | None, catalogue: Catalogue, choices: Choices
) -> Checked:
    """Look at a prompt; takes time in proportion to it, and belongs in a thread.

    Args:
        given: What the client sent as `prompt`.
        only: The outputs that it asks for; all of them if None.
        catalogue: The nodes.
        choices: Names of the files of a kind.

    Raises:
        Refusal: when nothing of it can run.
    """
    prompt = nodes_of(given)
    outputs = [
        name
        for name, node in prompt.items()
        if (spec := catalogue.specs.get(str(node["class_type"]))) is not None
        and spec.sink
        and (only is None or name in only)
    ]
    if not outputs:
        raise Refusal("prompt_no_outputs", "Nothing in the prompt saves or shows a result.")
    types = interfaces_of(catalogue)
    found = Errors(prompt, catalogue, types, choices)
    imported = from_prompt(_fitting(prompt, catalogue, types, found), types)
    theirs = {ours: name for name, ours in imported.ids.items()}
    wanted = tuple(imported.ids[name] for name in outputs)
    found.add(imported.problems, theirs)
    workflow, problems = _looked_at(imported.workflow, wanted, catalogue, choices)
    found.add(problems, theirs)
    good = _unharmed(prompt, outputs, found)
    node_errors = found.to_json(_outputs_behind(prompt, found.nodes, outputs))
    if not good:
        raise _refused(found, node_errors)
    whole = only is None and len(good) == len(outputs)
    targets = None if whole else tuple(imported.ids[name] for name in good)
    return Checked(workflow, tuple(good), targets, theirs, node_errors)


def nodes_of(given: JSON) -> dict[str, dict[str, JSON]]:
    """Return the nodes of a prompt.

    Raises:
        Refusal: when it is no object of nodes that each name their class.
    """
    if not isinstance(given, dict) or not given:
        raise Refusal("prompt_no_outputs", "The prompt holds no nodes.")
    prompt: dict[str, dict[str, JSON]] = {}
    for name, node in given.items():
        place = f"Node ID '#{name[:100]}'"
        if not isinstance(node, dict):
            raise Refusal("invalid_prompt", "A node of the prompt is no JSON object.", place)
        if not isinstance(node.get("class_type"), str):
            message = "A node of the prompt has no class_type, so nobody knows what it is."
            raise Refusal("invalid_prompt", message, place)
        if not isinstance(node.get("inputs", {}), dict):
            message = "The inputs of a node are no JSON object."
            raise Refusal("invalid_prompt", message, place)
        prompt[name] = node
    return prompt


def _fitting(
    prompt: Prompt, catalogue: Catalogue, types: Interfaces, found: Errors
) -> dict[str, JSON]:
    """Return the prompt with inputs that are declared, each value of its input's type."""
    fitting: dict[str, JSON] = {}
    for name, node in prompt.items():
        kind = str(node["class_type"])
        spec, interface = catalogue.specs.get(kind), types.find(kind)
        inputs: dict[str, JSON] = {}
        for key, value in inputs_of(node).items():
            port = interface.input_of(key) if interface is not None else None
            item = spec.input(port.name) if spec is not None and port is not None else None
            if spec is not None and item is None:
                # ComfyUI's clients leave in what older versions of a node had.
                continue
            if isinstance(value, list) and not is_link(value):
                found.bad_link(name, key)
            else:
                inputs[key] = value if item is None else _coerced(value, item)
        fitting[name] = {**node, "inputs": inputs}
    return fitting


def inputs_of(node: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the inputs of a node of a prompt."""
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def _coerced(value: JSON, item: InputSpec) -> JSON:
    """Turn a value into its input's type where nothing of it is lost; else leave it as it is."""
    match item.type:
        case "Int" if isinstance(value, str) and _is_whole(value):
            return int(value)
        case "Int" | "Float" if isinstance(value, bool):
            return int(value)
        case "Float" if isinstance(value, str):
            return _number(value)
        case "String" if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        case "Boolean" if isinstance(value, int) and value in (0, 1):
            return bool(value)
        case "Boolean" if isinstance(value, str):
            return _WORDS.get(value.lower(), value)
    return value


def _is_whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 20


def _number(text: str) -> JSON:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _looked_at(
    workflow: JSON, targets: Collection[str], catalogue: Catalogue, choices: Choices
) -> tuple[JSON, list[Problem]]:
    try:
        graph = upgrade(Graph.from_json(workflow), catalogue)
    except Invalid as invalid:
        return workflow, list(invalid.problems)
    return graph.to_json(), errors(
        validate(graph, catalogue, choices, targets, memory_of_machine())
    )


def _unharmed(prompt: Prompt, outputs: Iterable[str], found: Errors) -> list[str]:
    """Return the outputs that need no node with an error."""
    if found.elsewhere:
        return []
    reached = _reached(_readers(prompt), found.nodes)
    return [name for name in outputs if name not in reached]


def _outputs_behind(
    prompt: Prompt, bad: Collection[str], outputs: Collection[str]
) -> dict[str, list[str]]:
    """Name for each of some nodes the outputs that need it."""
    readers = _readers(prompt)
    wanted = set(outputs)
    return {
        name: sorted(_reached(readers, [name]) & wanted) if at < _MOST_TRACED else []
        for at, name in enumerate(bad)
    }


def _readers(prompt: Prompt) -> Mapping[str, list[str]]:
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for name, source in links_in(prompt):
        readers[source].append(name)
    return readers


def links_in(prompt: Prompt) -> Iterable[tuple[str, str]]:
    """Yield the nodes of each wire: who reads, and where from."""
    for name, node in prompt.items():
        for value in inputs_of(node).values():
            if isinstance(value, list) and is_link(value):
                yield name, str(value[0])


def _reached(readers: Mapping[str, list[str]], starts: Iterable[str]) -> set[str]:
    reached = set(starts)
    waiting = deque(reached)
    while waiting:
        for reader in readers.get(waiting.popleft(), ()):
            if reader not in reached:
                reached.add(reader)
                waiting.append(reader)
    return reached


def _refused(found: Errors, node_errors: Mapping[str, JSON]) -> Refusal:
    told = " ".join(found.sentences()[:5])
    if found.elsewhere:
        return Refusal("invalid_prompt", told, "", node_errors)
    unknown = found.unknown
    if unknown is not None:
        return Refusal("invalid_prompt", told, f"Node ID '#{unknown[:100]}'", node_errors)
    message = "None of the prompt's outputs can run."
    return Refusal("prompt_outputs_failed_validation", message, told, node_errors)
