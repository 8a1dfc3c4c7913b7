"""Large graphs of everyday nodes: text, latent, sampler, decoder and a blend, again and again."""

from collections.abc import Iterator
from typing import Any

Wire = tuple[str, str, str, str]
"""Consumer, its input, source, its output."""

_ROW = ("CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode", "ImageBlend")
_NAMES = ("text", "canvas", "sampler", "decode", "blend")
_ROWS_DOWN = 25
_COLUMN, _LINE = 330, 420
"""Between nodes, in pixels at full size: the tallest of them has about 400."""


def sheet(nodes: int, wires: int) -> dict[str, Any]:
    """Make a workflow of so many nodes and wires.

    Raises:
        ValueError: when so many wires do not fit between so many nodes.
    """
    made: dict[str, dict[str, Any]] = {"loader": _node("CheckpointLoaderSimple")}
    view = {"loader": {"x": -_COLUMN, "y": 0}}
    for place in range(nodes - 1):
        row, column = divmod(place, len(_ROW))
        across, down = divmod(row, _ROWS_DOWN)
        name = f"{_NAMES[column]}{row}"
        made[name] = _node(_ROW[column])
        view[name] = {"x": (across * len(_ROW) + column) * _COLUMN, "y": down * _LINE}
    drawn = 0
    for consumer, entry, source, output in _wires(nodes // len(_ROW) + 1):
        if drawn < wires and consumer in made and source in made:
            made[consumer]["inputs"][entry] = {"link": [source, output]}
            drawn += 1
    if drawn < wires:
        raise ValueError(f"{nodes} nodes have room for {drawn} wires, not {wires}.")
    title = f"{nodes:,} nodes, {wires:,} wires"
    return {"format": 1, "title": title, "nodes": made, "view": view}


def _node(kind: str) -> dict[str, Any]:
    return {"type": kind, "version": 1, "inputs": {}}


def _wires(rows: int) -> Iterator[Wire]:
    """Yield all wires that there could be, those within a row first."""
    for row in range(rows):
        text, canvas, sampler, decode, blend = (f"{name}{row}" for name in _NAMES)
        yield sampler, "positive", text, "conditioning"
        yield sampler, "latent_image", canvas, "latent"
        yield decode, "samples", sampler, "latent"
        yield blend, "image1", decode, "image"
    for row in range(rows):
        yield f"sampler{row}", "negative", f"text{row}", "conditioning"
        yield f"blend{row}", "image2", f"blend{row - 1}", "image"
        yield f"sampler{row}", "model", "loader", "model"
        yield f"decode{row}", "vae", "loader", "vae"
        yield f"text{row}", "clip", "loader", "clip"
