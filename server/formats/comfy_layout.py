"""How a graph of ComfyUI's page looks: places of nodes, groups, notes, and models it names."""

from __future__ import annotations

from typing import Any

from server.formats.imported import plain_ids
from server.formats.lenient import mapping, numbers, rows, text

JSON = Any

NOTES = ("Note", "MarkdownNote")


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
