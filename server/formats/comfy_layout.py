"""How a graph of ComfyUI's page looks: places of nodes, groups, notes, and models it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from server.engine.order import topological
from server.formats.imported import plain_ids
from server.formats.interfaces import Interface
from server.formats.lenient import mapping, numbers, rows, text

JSON = Any

NOTES = ("Note", "MarkdownNote")
_WIDTH, _ROW = 270, 26
"""Of a node that says nothing of its size, in the page's units."""
_COLUMN, _LINE = 340, 220
"""From node to node, where nothing says where they stand."""


def view_of(raw: dict[str, JSON]) -> dict[str, JSON]:
    """Return where a node stands and how it is drawn."""
    x, y = numbers(raw.get("pos"), 2) or (0, 0)
    found: dict[str, JSON] = {"x": x, "y": y}
    size = numbers(raw.get("size"), 2)
    if size:
        found["width"] = size[0]
    if mapping(raw.get("flags")).get("collapsed"):
        found["collapsed"] = True
    if raw.get("color"):
        found["color"] = text(raw["color"])
    return found


def notes_of(data: dict[str, JSON]) -> dict[str, JSON]:
    """Return the notes of a graph, which are nodes there."""
    found = [raw for raw in rows(data.get("nodes")) if text(raw.get("type")) in NOTES]
    ids = plain_ids([f"note_{text(raw.get('id'))}" for raw in found])
    return {name: _note(raw) for name, raw in zip(ids.values(), found, strict=False)}


def frames_of(data: dict[str, JSON]) -> dict[str, JSON]:
    """Return the groups of a graph."""
    return {f"frame_{at}": _frame(raw) for at, raw in enumerate(rows(data.get("groups")), 1)}


def model_of(model: dict[str, JSON]) -> dict[str, JSON]:
    """Return what a file says of a model that it needs."""
    found = {"name": text(model.get("name"))}
    if model.get("hash") and text(model.get("hash_type", "sha256")).lower() == "sha256":
        found["sha256"] = text(model["hash"])
    for theirs, ours in (("url", "source"), ("directory", "folder")):
        if model.get(theirs):
            found[ours] = text(model[theirs])
    return found


def size_of(view: Mapping[str, JSON], interface: Interface) -> list[float]:
    """Return how large a node is drawn there: width and height."""
    widgets = sum(port.widget for port in interface.inputs)
    rows = max(len(interface.inputs) - widgets, len(interface.outputs)) + widgets
    return [view.get("width", _WIDTH), _ROW * (rows + 1)]


def layout(nodes: Mapping[str, Mapping[str, JSON]]) -> dict[str, dict[str, JSON]]:
    """Give places to nodes that have none: each to the right of what it is wired to."""
    sources = {name: list(_sources(node, nodes)) for name, node in nodes.items()}
    columns: dict[str, int] = {}
    rows_of: Counter[int] = Counter()
    found = {}
    ordered = topological(sources)
    # Those in circles have no order.
    for name in [*ordered, *(nodes.keys() - set(ordered))]:
        column = 1 + max((columns.get(source, -1) for source in sources[name]), default=-1)
        columns[name] = column
        found[name] = {"x": _COLUMN * column, "y": _LINE * rows_of[column]}
        rows_of[column] += 1
    return found


def border_of(section: Mapping[str, JSON], *, before: bool) -> list[float]:
    """Return where the inputs of a subgraph stand, or its outputs: x, y, width, height."""
    found = [place for place in map(_place, mapping(section.get("view")).values()) if place]
    xs, ys = zip(*found, strict=True) if found else ((0,), (0,))
    return [min(xs) - _COLUMN if before else max(xs) + _COLUMN, min(ys), 120, 60]


def note_nodes(section: Mapping[str, JSON]) -> Iterator[dict[str, JSON]]:
    """Yield the notes of a graph, which are nodes there."""
    for name, entry in mapping(section.get("notes")).items():
        note = mapping(entry)
        yield {
            # No node has such an id.
            "id": f"note {name}",
            "type": "MarkdownNote",
            "pos": _place(note) or [0, 0],
            "size": [note.get("width", 240), note.get("height", 120)],
            "flags": {},
            "order": 0,
            "mode": 0,
            "inputs": [],
            "outputs": [],
            "properties": {},
            "widgets_values": [text(note.get("text"))],
        }


def groups(section: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    """Return the frames of a graph."""
    found = []
    for number, frame in enumerate(map(mapping, mapping(section.get("frames")).values()), 1):
        sides = [frame.get(side, 0) for side in ("x", "y", "width", "height")]
        group = {"id": number, "title": text(frame.get("title")), "bounding": sides, "flags": {}}
        found.append({**group, "color": frame["color"]} if frame.get("color") else group)
    return found


def _sources(node: Mapping[str, JSON], nodes: Mapping[str, JSON]) -> Iterator[str]:
    for value in node.get("inputs", {}).values():
        given = mapping(value)
        for link in given.get("links", [given["link"]] if "link" in given else []):
            if link[0] in nodes:
                yield link[0]


def _place(item: JSON) -> list[float] | None:
    return numbers([mapping(item).get("x"), mapping(item).get("y")], 2)


def _note(raw: dict[str, JSON]) -> dict[str, JSON]:
    values = raw.get("widgets_values")
    content = values[0] if isinstance(values, list) and values else ""
    x, y = numbers(raw.get("pos"), 2) or (0, 0)
    width, height = numbers(raw.get("size"), 2) or (240, 120)
    return {"text": text(content), "x": x, "y": y, "width": width, "height": height}


def _frame(raw: dict[str, JSON]) -> dict[str, JSON]:
    x, y, width, height = numbers(raw.get("bounding"), 4) or (0, 0, 300, 200)
    frame = {"title": text(raw.get("title")), "x": x, "y": y, "width": width, "height": height}
    if raw.get("color"):
        frame["color"] = text(raw["color"])
    return frame
