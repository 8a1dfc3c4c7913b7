"""ComfyUI's API format ("prompt"): what its HTTP clients send and its pictures carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from server.engine.problems import Problem
from server.formats.imported import Imported, literal, plain_ids
from server.formats.interfaces import Interface, Interfaces, Port
from server.formats.lenient import mapping, text

JSON = Any


def is_prompt(data: JSON) -> bool:
    """Tell an API prompt from other JSON: every entry is a node with its class."""
    return (
        isinstance(data, dict)
        and bool(data)
        and all(isinstance(node, dict) and "class_type" in node for node in data.values())
    )


def from_prompt(prompt: Mapping[str, JSON], interfaces: Interfaces) -> Imported:
    """Translate an API prompt; the layout, which it lacks, is left to the editor.

    A wire to an output that its node does not have is a problem on the input that asks for it.
    """
    ids = plain_ids(list(prompt))
    kinds = {name: text(mapping(node).get("class_type")) for name, node in prompt.items()}
    found = {name: interfaces.find(kind) for name, kind in kinds.items()}
    counts = _outputs_used(prompt)
    nodes: dict[str, JSON] = {}
    signatures: dict[str, JSON] = {}
    problems: list[Problem] = []
    for name, raw in prompt.items():
        interface = found[name] or _guessed(kinds[name], mapping(raw), counts.get(name, 0))
        if not interface.known:
            signatures[interface.type] = interface.signature()
        inputs: dict[str, JSON] = {}
        for key, value in mapping(mapping(raw).get("inputs")).items():
            own = interface.input_of(key)
            ours = own.name if own else key
            if ours in interface.lines and ours != key:
                # A line that is empty there is none.
                inputs[ours] = "\n".join(filter(None, (inputs.get(ours), text(value))))
                continue
            if ours in interface.parts and isinstance(value, dict):
                inputs |= {name: value[name] for name in interface.parts[ours] if name in value}
                continue
            if not is_link(value):
                inputs[ours] = _unwrapped(value, own)
                continue
            source, slot = _passed(value, prompt, found)
            port = _output(found.get(source), slot, counts.get(source, 0))
            if source not in ids or port is None:
                problems.append(_no_output(ids[name], key, source, slot, kinds.get(source)))
            elif own is not None and own.many:
                inputs.setdefault(ours, {"links": []})["links"].append([ids[source], port])
            else:
                inputs[ours] = {"link": [ids[source], port]}
        node: dict[str, JSON] = {"type": kinds[name], "version": 1, "inputs": inputs}
        title = mapping(mapping(raw).get("_meta")).get("title")
        if title:
            node["title"] = text(title)
        nodes[ids[name]] = node
    workflow: dict[str, JSON] = {"format": 1, "nodes": nodes}
    if signatures:
        workflow["signatures"] = signatures
    return Imported(workflow, tuple(problems), ids)


def to_prompt(nodes: Mapping[str, Mapping[str, JSON]], interfaces: Interfaces) -> dict[str, JSON]:
    """Write nodes of a flat graph (no subgraphs, no muted or bypassed nodes) as an API prompt.

    Several wires into one input have names of their own there, such as `images.image0`.

    Args:
        nodes: The `nodes` section of a workflow file.
        interfaces: Where positions of outputs come from; a wire from an output that is not
            known there is left out, as ComfyUI leaves out wires that lead nowhere.
    """
    known = {name: interfaces.find(text(node["type"])) for name, node in nodes.items()}
    prompt: dict[str, JSON] = {}
    for name, node in nodes.items():
        inputs = {}
        for key, value in node.get("inputs", {}).items():
            for theirs, one in grown(key, value, known[name]):
                given = _theirs(one, known)
                if given is not None:
                    inputs[theirs] = given
        _fold(inputs, known[name])
        prompt[name] = {"class_type": node["type"], "inputs": inputs}
        if node.get("title"):
            prompt[name]["_meta"] = {"title": node["title"]}
    return prompt


def _fold(inputs: dict[str, JSON], interface: Interface | None) -> None:
    """Make an object of its parts, unless a wire brings one."""
    for name, parts in interface.parts.items() if interface else ():
        own = [part for part in parts if part in inputs and not is_link(inputs[part])]
        values = {part: inputs.pop(part) for part in own}
        if values and name not in inputs:
            inputs[name] = values


def is_link(value: JSON) -> TypeGuard[list[Any]]:
    """ComfyUI's own test: a list of a text and a number."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (int, float))
        and not isinstance(value[1], bool)
    )


def grown(key: str, value: JSON, interface: Interface | None) -> Iterator[tuple[str, JSON]]:
    """Yield the values of an input under the names that they have there.

    Several wires, or lines, of one input have a name each, which says its place.
    """
    stem = interface.lines.get(key) if interface else None
    if stem is not None and isinstance(value, str):
        for place, line in enumerate(value.splitlines(), start=1):
            yield f"{stem}{place}", line
        return
    if not isinstance(value, dict) or "links" not in value:
        yield key, value
        return
    for place, link in enumerate(value["links"]):
        yield f"{key}.{key.removesuffix('s')}{place}", {"link": link}


def _theirs(value: JSON, known: Mapping[str, Interface | None]) -> JSON | None:
    if not isinstance(value, dict):
        return {"__value__": value} if isinstance(value, list) else value
    if "link" in value:
        source, output = value["link"]
        interface = known.get(source)
        names = [port.name for port in interface.outputs] if interface else []
        return [source, names.index(output)] if output in names else None
    return value.get("value")


def _unwrapped(value: JSON, port: Port | None) -> JSON:
    if isinstance(value, dict) and set(value) == {"__value__"}:
        value = value["__value__"]
    return literal(value, port)


def _outputs_used(prompt: Mapping[str, JSON]) -> dict[str, int]:
    """How many outputs each node must have, going by the wires that leave it."""
    counts: dict[str, int] = {}
    for raw in prompt.values():
        for value in mapping(mapping(raw).get("inputs")).values():
            if is_link(value) and isinstance(value[1], int):
                counts[value[0]] = max(counts.get(value[0], 0), value[1] + 1)
    return counts


MOST_GUESSED = 64  # outputs of a node that nothing is known of


def _guessed(kind: str, raw: Mapping[str, JSON], outputs: int) -> Interface:
    inputs = tuple(Port(name, "*") for name in mapping(raw.get("inputs")))
    return Interface(kind, inputs, _unnamed(outputs), known=False)


def _unnamed(count: int) -> tuple[Port, ...]:
    return tuple(Port(f"output_{at}", "*") for at in range(min(count, MOST_GUESSED)))


def _output(interface: Interface | None, slot: JSON, used: int) -> str | None:
    outputs = interface.outputs if interface else _unnamed(used)
    if isinstance(slot, float) and slot.is_integer():
        slot = int(slot)
    if not isinstance(slot, int) or not 0 <= slot < len(outputs):
        return None
    return outputs[slot].name


def _passed(
    link: list[JSON], prompt: Mapping[str, JSON], found: Mapping[str, Interface | None]
) -> tuple[str, JSON]:
    """Return where a wire begins: nodes that show or save give on there what they are given."""
    passed: set[str] = set()
    source, slot = text(link[0]), link[1]
    while slot == 0 and source not in passed:
        interface = found.get(source)
        if interface is None or interface.outputs or not interface.inputs:
            break
        passed.add(source)
        given = mapping(mapping(prompt[source]).get("inputs")).get(interface.inputs[0].name)
        if not is_link(given):
            break
        source, slot = text(given[0]), given[1]
    return source, slot


def _no_output(node: str, key: str, source: str, slot: JSON, kind: str | None) -> Problem:
    if kind is None:
        message = f"`{key}` is wired to node {source}, which is not in the prompt."
        hint = "Add the node, or wire the input to another."
    else:
        message = f"`{key}` is wired to output {slot} of {kind} (node {source}): it has none such."
        hint = "Count the outputs from 0."
    return Problem("link.output", message, hint=hint, node=node, input=key)
